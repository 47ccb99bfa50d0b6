# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Tests: GoogleTest programs run by CTest, lit suites, and the target check-qc
# that builds what they need and runs both.
include(GoogleTest)

# Everything that tests run; tools and unit tests add themselves.
add_custom_target(qc-test-depends)

# The tests of what reads bytes from outside; scripts/stages/sanitize runs them
# in a build with sanitizers.
add_custom_target(qc-sanitize-depends)

# qc_add_unit_test(NAME sources... [LINK libs...] [COMPILER] [SANITIZE]): a
# GoogleTest program; each of its tests is a CTest test. COMPILER says that it
# includes LLVM's headers and is compiled as qc's libraries are. SANITIZE has it
# run with sanitizers too, as all tests are that do without LLVM.
function(qc_add_unit_test name)
  cmake_parse_arguments(ARG "COMPILER;SANITIZE" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/test/Unit")
  if(ARG_COMPILER)
    qc_compiler_settings(${name})
    # The shared precompiled header is made with -fPIC, not with an executable's -fPIE.
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${name} PRIVATE -fPIC)
    qc_precompile(${name})
    target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
  else()
    qc_warnings(${name})
    target_link_libraries(${name} PRIVATE ${ARG_LINK})
  endif()
  target_link_libraries(${name} PRIVATE GTest::gtest GTest::gtest_main)
  set(labels "")
  if(ARG_SANITIZE OR NOT ARG_COMPILER)
    set(labels LABELS sanitize)
    add_dependencies(qc-sanitize-depends ${name})
  endif()
  # Listed when CTest starts: a build never runs what it has just made.
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST TEST_PREFIX "${name}: "
    DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300 ${labels})
  add_dependencies(qc-test-depends ${name})
endfunction()
