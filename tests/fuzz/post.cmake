if(TARGET weft_post)
  weft_fuzz(post_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/post_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/post LINK weft::post weft::seeded_rng)
endif()
weft_fuzz(address_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/address_fuzz.cpp
          CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/address LINK weft::base)
