if(TARGET weft_roster)
  foreach(kind roster_entry ticket)
    weft_fuzz(${kind}_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/${kind}_fuzz.cpp
              CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/${kind} LINK weft::roster)
  endforeach()
endif()
if(TARGET weft_service)
  weft_fuzz(stream_open_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/stream_open_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/stream_open LINK weft::service)
endif()
