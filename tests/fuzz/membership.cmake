if(TARGET weft_membership)
  weft_fuzz(membership_packet_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/membership_packet_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/membership_packet LINK weft::membership)
  weft_fuzz(membership_core_fuzz SOURCE ${CMAKE_CURRENT_LIST_DIR}/membership_core_fuzz.cpp
            CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/membership_core
            LINK weft::membership weft::seeded_rng)
endif()
