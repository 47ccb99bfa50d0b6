# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# COIN-OR's branch and cut solver through its C interface: the target CBC::CBC.
# Its pkg-config file also names the libraries that CBC itself was linked with,
# which a program that uses the shared library does not need.
find_path(CBC_INCLUDE_DIR NAMES Cbc_C_Interface.h PATH_SUFFIXES coin coin-or)
find_library(CBC_LIBRARY NAMES CbcSolver)
mark_as_advanced(CBC_INCLUDE_DIR CBC_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CBC REQUIRED_VARS CBC_LIBRARY CBC_INCLUDE_DIR)

if(CBC_FOUND AND NOT TARGET CBC::CBC)
  add_library(CBC::CBC UNKNOWN IMPORTED)
  set_target_properties(CBC::CBC PROPERTIES IMPORTED_LOCATION "${CBC_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${CBC_INCLUDE_DIR}")
endif()
