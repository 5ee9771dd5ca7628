if(TARGET weft_store)
  weft_fuzz(state_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/state_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/state LINK weft::store)
endif()
