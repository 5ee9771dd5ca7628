set(weft_fuzz_nat ${CMAKE_CURRENT_LIST_DIR})
weft_fuzz(stun_fuzz SOURCE ${weft_fuzz_nat}/stun_fuzz.cpp CORPUS ${weft_fuzz_nat}/corpus/stun
          LINK weft::nat weft::seeded_rng)
weft_fuzz(punch_offer_fuzz SOURCE ${weft_fuzz_nat}/punch_offer_fuzz.cpp
          CORPUS ${weft_fuzz_nat}/corpus/punch_offer LINK weft::punch weft::seeded_rng)
