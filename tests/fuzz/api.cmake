if(TARGET weft_api)
  weft_fuzz(config_fuzz SOURCE fuzz/config_fuzz.cpp
    CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/config LINK weft::config)
  weft_fuzz(api_request_fuzz SOURCE fuzz/api_request_fuzz.cpp
    CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/api_request LINK weft::api)
  weft_fuzz(event_stream_fuzz SOURCE fuzz/event_stream_fuzz.cpp
    CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/event_stream LINK weft::cli weft::events)
endif()
