# dht_request_fuzz.cpp, dht_reply_fuzz.cpp, dht_record_fuzz.cpp, dht_datagram_fuzz.cpp
if(TARGET weft_dht)
  foreach(kind request reply record datagram)
    weft_fuzz(dht_${kind}_fuzz
      SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/dht_${kind}_fuzz.cpp
      CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/dht_${kind}
      LINK weft::dht weft::null_sealer weft::seeded_rng)
  endforeach()
  weft_fuzz(lan_beacon_fuzz
    SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/lan_beacon_fuzz.cpp
    CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/lan_beacon
    LINK weft::discovery weft::seeded_rng)
endif()
