if(TARGET weft_roster)
  weft_fuzz(roster_entry_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/roster_entry_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/roster_entry LINK weft::roster)
  weft_fuzz(ticket_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/ticket_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/ticket LINK weft::roster)
endif()
if(TARGET weft_service)
  weft_fuzz(stream_open_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/stream_open_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/stream_open LINK weft::service)
endif()
