# One target per folder; a source file that no target lists fails the configure step.
include(GoogleTest OPTIONAL)

# Precompiled headers, one for libraries (-fPIC) and one for tests (-fPIE, with GoogleTest): a third
# of the time of a file. Shared by all targets, so their flags must be the same; a target with flags
# of its own is built without (NO_PCH). Sources still include what they use: tools/lint builds
# without these.
option(WEFT_PCH "Precompile the headers of the standard library" ON)
set(pch_folder ${CMAKE_BINARY_DIR}/pch)
file(CONFIGURE OUTPUT ${pch_folder}/empty.cpp CONTENT "")
file(CONFIGURE OUTPUT ${pch_folder}/main.cpp CONTENT "int main() {}
")

function(weft_pch target kind)  # kind: library, test
  if(NOT WEFT_PCH)
    return()
  endif()
  if(NOT TARGET weft_pch_${kind})
    if(kind STREQUAL "library")
      add_library(weft_pch_library OBJECT ${pch_folder}/empty.cpp)
    else()
      add_executable(weft_pch_test EXCLUDE_FROM_ALL ${pch_folder}/main.cpp)
      target_link_libraries(weft_pch_test PRIVATE GTest::gtest)
      target_precompile_headers(weft_pch_test PRIVATE <gtest/gtest.h>)
    endif()
    # Nothing of ours: a change of it would rebuild everything. No path either, so that a compiler
    # cache serves every checkout.
    target_precompile_headers(weft_pch_${kind} PRIVATE
      <algorithm> <array> <chrono> <cstdint> <cstring> <deque> <expected> <filesystem> <fstream>
      <functional> <map> <memory> <optional> <set> <span> <sstream> <string> <string_view>
      <unordered_map> <utility> <variant> <vector>)
    target_link_libraries(weft_pch_${kind} PRIVATE weft_warnings)
    # Two checkouts precompile the same to different bytes. With CCACHE_PCH_EXTSUM=1 a compiler cache
    # takes this sum instead, and serves both.
    get_target_property(folder weft_pch_${kind} BINARY_DIR)
    file(CONFIGURE
      OUTPUT ${folder}/CMakeFiles/weft_pch_${kind}.dir/cmake_pch.hxx.gch.sum
      CONTENT "${kind} ${CMAKE_CXX_COMPILER_VERSION} ${WEFT_SANITIZE} ${CMAKE_BUILD_TYPE} 1\n")
  endif()
  target_precompile_headers(${target} REUSE_FROM weft_pch_${kind})
endfunction()

# weft_library(<name> SOURCES a.cpp ... LINK target ...)  ->  weft::<name>
function(weft_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(weft_${name} STATIC ${ARG_SOURCES})
  add_library(weft::${name} ALIAS weft_${name})
  target_include_directories(weft_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(weft_${name} PUBLIC ${ARG_LINK} PRIVATE weft_warnings ${ARG_PRIVATE_LINK})
  weft_pch(weft_${name} library)
endfunction()

# These sources read files of the repository: WEFT_SOURCE_DIR. Others do not have it, so that a
# compiler cache serves every checkout.
function(weft_reads_repository)
  set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_DEFINITIONS
               WEFT_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endfunction()

# weft_collect(<variable> FOLDER f SUFFIX s RETURNS type FUNCTION g HEADER h NAMESPACE n): each file
# NOUN.cpp in the folder has a function NOUN_s(). Puts those files, and one that is made with a
# function g() that returns all of them as a std::vector<type (*)()>, into <variable>. So what is in
# the folder is in the program, and no list is kept.
function(weft_collect variable)
  cmake_parse_arguments(ARG "" "FOLDER;SUFFIX;RETURNS;FUNCTION;HEADER;NAMESPACE" "" ${ARGN})
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_FOLDER}/*.cpp)
  set(declared "")
  set(names "")
  foreach(file IN LISTS files)
    get_filename_component(noun ${file} NAME_WE)
    string(APPEND declared "${ARG_RETURNS} ${noun}_${ARG_SUFFIX}();\n")
    string(APPEND names "          ${noun}_${ARG_SUFFIX},\n")
  endforeach()
  set(made ${CMAKE_CURRENT_BINARY_DIR}/${ARG_FOLDER}_${ARG_FUNCTION}.cpp)
  file(CONFIGURE OUTPUT ${made} @ONLY CONTENT [[
// Made from the names of the files in @ARG_FOLDER@/.
#include "@ARG_HEADER@"

namespace @ARG_NAMESPACE@ {

@declared@
std::vector<@ARG_RETURNS@ (*)()> @ARG_FUNCTION@() {
  return {
@names@  };
}

}  // namespace @ARG_NAMESPACE@
]])
  set(${variable} ${files} ${made} PARENT_SCOPE)
endfunction()

# weft_test(<name> SOURCES x_test.cpp ... LINK weft::x): one GoogleTest binary, one ctest entry.
# PLAIN: some of its cases skip under sanitizers (they measure memory, or take all descriptors), so
# tools/test runs it in the dev tree as well.
function(weft_test name)
  cmake_parse_arguments(ARG "PLAIN" "TIMEOUT" "SOURCES;LINK" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} weft_warnings GTest::gtest GTest::gtest_main)
  weft_pch(${name} test)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT})
  if(ARG_PLAIN)
    set_tests_properties(${name} PROPERTIES LABELS plain)
  endif()
endfunction()

# weft_fuzz(<name> SOURCE x_fuzz.cpp CORPUS dir LINK weft::x): libFuzzer under the fuzz preset;
# elsewhere the same target replays its corpus as a test.
function(weft_fuzz name)
  cmake_parse_arguments(ARG "" "SOURCE;CORPUS" "LINK" ${ARGN})
  if(WEFT_FUZZ)
    add_executable(${name} ${ARG_SOURCE})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${ARG_SOURCE} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cpp)
    add_test(NAME ${name}_replay COMMAND ${name} ${ARG_CORPUS})
  endif()
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} weft_warnings)
  set_property(GLOBAL APPEND PROPERTY WEFT_FUZZ_TARGETS "${name}=${ARG_CORPUS}")
endfunction()
