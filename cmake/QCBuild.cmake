# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Helpers that give every qc target the same language level, warnings and
# include paths. LLVM's, MLIR's and ONNX's headers are SYSTEM: they raise
# warnings of their own.

# Settings for the whole build: standards, visibility, sanitizers, ccache.
macro(qc_configure_compiler)
  set(CMAKE_CXX_STANDARD 20)
  set(CMAKE_CXX_STANDARD_REQUIRED ON)
  set(CMAKE_CXX_EXTENSIONS OFF)
  set(CMAKE_C_STANDARD 11)
  set(CMAKE_C_EXTENSIONS OFF)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
  endif()
  # Our own assertions stay on in every build: LLVM's are off in Debian's
  # packages, so ours are the only ones.
  string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
  string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
  string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
  set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
  set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
  find_program(QC_CCACHE ccache)
  if(QC_CCACHE)
    # CMake's precompiled headers need these relaxations to be cacheable.
    set(ccache_launcher ${CMAKE_COMMAND} -E env
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${QC_CCACHE})
    set(CMAKE_C_COMPILER_LAUNCHER ${ccache_launcher})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${ccache_launcher})
  endif()
  if(QC_SANITIZE)
    # Optimized code of such builds is for tests alone; compile time counts.
    foreach(flags CMAKE_C_FLAGS_RELEASE CMAKE_CXX_FLAGS_RELEASE)
      string(REGEX REPLACE "-O[23]" "-O1" ${flags} "${${flags}}")
    endforeach()
    add_compile_options(-fsanitize=${QC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
      -gline-tables-only)
    add_link_options(-fsanitize=${QC_SANITIZE})
  endif()
endmacro()

# qc_warnings(target): the warning set of qc's own code.
function(qc_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wno-unused-parameter
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>)
  if(QC_ENABLE_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()

# qc_compiler_settings(target): what every target that sees LLVM needs. Debian's
# LLVM is built without RTTI and exceptions.
function(qc_compiler_settings target)
  qc_warnings(${target})
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti -fno-exceptions>)
  target_include_directories(${target} SYSTEM PUBLIC ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${CMAKE_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

# One precompiled header for all compiler libraries: a pass file then compiles
# in about a second instead of ten.
function(qc_precompile target)
  if(NOT TARGET QCPrecompiled)
    # Unlike WRITE this leaves an equal file alone, so that configuring again
    # does not compile everything again.
    file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/QCPrecompiled.cpp"
      CONTENT "// Anchor of the shared precompiled header.\n")
    add_library(QCPrecompiled OBJECT "${CMAKE_BINARY_DIR}/QCPrecompiled.cpp")
    qc_compiler_settings(QCPrecompiled)
    add_dependencies(QCPrecompiled QCIncGen)
    target_precompile_headers(QCPrecompiled PRIVATE "${CMAKE_SOURCE_DIR}/cmake/Precompiled.h")
  endif()
  target_precompile_headers(${target} REUSE_FROM QCPrecompiled)
endfunction()

# qc_add_library(NAME sources... [LINK libs...] [DEPENDS targets...] [NO_PCH]):
# a static library of the compiler, exported as QC::<NAME without the QC prefix>.
function(qc_add_library name)
  cmake_parse_arguments(ARG "NO_PCH" "" "LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  qc_compiler_settings(${name})
  if(NOT ARG_NO_PCH)
    qc_precompile(${name})
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  string(REGEX REPLACE "^QC" "" export_name ${name})
  set_target_properties(${name} PROPERTIES EXPORT_NAME ${export_name})
  add_library(QC::${export_name} ALIAS ${name})
  install(TARGETS ${name} EXPORT QCTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  # QC::All links every library of the compiler.
  if(NOT TARGET QCAll)
    add_library(QCAll INTERFACE)
    add_library(QC::All ALIAS QCAll)
    set_target_properties(QCAll PROPERTIES EXPORT_NAME All)
    install(TARGETS QCAll EXPORT QCTargets)
  endif()
  target_link_libraries(QCAll INTERFACE ${name})
endfunction()

# qc_add_tool(NAME sources... [LINK libs...]): a command-line tool over the compiler.
function(qc_add_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  qc_compiler_settings(${name})
  # The shared precompiled header is made with -fPIC, not with an executable's -fPIE.
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${name} PRIVATE -fPIC)
  qc_precompile(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()
