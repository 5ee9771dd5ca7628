if(TARGET weft_adapter)
  weft_fuzz(file_request_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/file_request_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/file_request LINK weft::adapter)
  weft_fuzz(http_head_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/http_head_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/http_head LINK weft::adapter)
endif()
