if(TARGET weft_overlay)
  weft_fuzz(control_message_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/control_message_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/control_message LINK weft::overlay)
endif()
if(TARGET weft_overlay)
  weft_fuzz(ask_message_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/ask_message_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/ask_message LINK weft::overlay)
  weft_fuzz(stream_message_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/stream_message_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/stream_message LINK weft::overlay)
endif()
if(TARGET weft_service)
  weft_fuzz(dns_message_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/dns_message_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/dns_message LINK weft::service)
  weft_fuzz(socks5_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/socks5_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/socks5 LINK weft::service)
endif()
