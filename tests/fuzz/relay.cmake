if(TARGET weft_relay)
  weft_fuzz(relay_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/relay_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/relay LINK weft::relay weft::seeded_rng)
endif()
