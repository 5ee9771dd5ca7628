set(weft_fuzz_base ${CMAKE_CURRENT_LIST_DIR})
weft_fuzz(certificate_fuzz SOURCE ${weft_fuzz_base}/certificate_fuzz.cpp
          CORPUS ${weft_fuzz_base}/corpus/certificate LINK weft::base)
weft_fuzz(wire_fuzz SOURCE ${weft_fuzz_base}/wire_fuzz.cpp CORPUS ${weft_fuzz_base}/corpus/wire
          LINK weft::base)
weft_fuzz(sealed_fuzz SOURCE ${weft_fuzz_base}/sealed_fuzz.cpp
          CORPUS ${weft_fuzz_base}/corpus/sealed LINK weft::base)
