# Headers of others that many files read, parsed once per build tree: a third of a clean build.
# Only third-party and standard headers, never ours: touching one of ours rebuilds who includes it
# and nothing else. The fuzz preset builds without them, so that a missing #include is noticed.
if(CCACHE)
  # What ccache wants to know before it caches a compilation that uses one.
  set(ENV_SLOPPINESS "CCACHE_SLOPPINESS=pch_defines,time_macros")
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env ${ENV_SLOPPINESS} ${CCACHE})
endif()

# weft_precompile(<target> <header> ...)
function(weft_precompile target)
  if(NOT WEFT_FUZZ)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

# weft_test_headers(<test>): one set for all tests.
function(weft_test_headers target)
  if(WEFT_FUZZ)
    return()
  endif()
  if(NOT TARGET weft_test_pch)
    # An executable, because only what is compiled alike (-fPIE) may share them.
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/weft_test_pch.cpp CONTENT "")
    add_executable(weft_test_pch ${CMAKE_BINARY_DIR}/weft_test_pch.cpp)
    target_link_libraries(weft_test_pch PRIVATE weft_warnings GTest::gtest GTest::gtest_main
                          nlohmann_json::nlohmann_json)
    target_precompile_headers(weft_test_pch PRIVATE <gtest/gtest.h> <nlohmann/json.hpp>
                              <algorithm> <functional> <map> <memory>
                              <optional> <set> <string> <variant> <vector>)
  endif()
  target_precompile_headers(${target} REUSE_FROM weft_test_pch)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC forgets there that a header is the system's: its false alarms about std::string come
    # through (its bug 105651 and kin).
    target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-restrict
                           -Wno-stringop-overflow)
  endif()
endfunction()
