set(weft_fuzz_session ${CMAKE_CURRENT_LIST_DIR})
weft_fuzz(session_packet_fuzz SOURCE ${weft_fuzz_session}/session_packet_fuzz.cpp
          CORPUS ${weft_fuzz_session}/corpus/session_packet LINK weft::session weft::seeded_rng)
weft_fuzz(handshake_payload_fuzz SOURCE ${weft_fuzz_session}/handshake_payload_fuzz.cpp
          CORPUS ${weft_fuzz_session}/corpus/handshake_payload LINK weft::session
          weft::seeded_rng)
weft_fuzz(stream_frames_fuzz SOURCE ${weft_fuzz_session}/stream_frames_fuzz.cpp
          CORPUS ${weft_fuzz_session}/corpus/stream_frames LINK weft::path)
weft_fuzz(ack_frame_fuzz SOURCE ${weft_fuzz_session}/ack_frame_fuzz.cpp
          CORPUS ${weft_fuzz_session}/corpus/ack_frame LINK weft::session)
