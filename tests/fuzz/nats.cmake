if(TARGET weft_nats)
  weft_fuzz(nats_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/nats_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/nats LINK weft::nats)
endif()
