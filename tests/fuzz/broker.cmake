if(TARGET weft_broker)
  weft_fuzz(broker_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/broker_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/broker LINK weft::broker)
endif()
