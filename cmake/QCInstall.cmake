# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# `cmake --install`: headers, libraries, tools and the package that
# find_package(QC) finds. The libraries and tools install themselves
# (QCBuild.cmake, runtime/CMakeLists.txt).
include(CMakePackageConfigHelpers)

set(QC_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/QC")

if(QC_BUILD_COMPILER)
  install(FILES "${CMAKE_CURRENT_LIST_DIR}/FindCBC.cmake" DESTINATION "${QC_PACKAGE_DIR}")
  foreach(root "${CMAKE_SOURCE_DIR}/include" "${CMAKE_BINARY_DIR}/include")
    install(DIRECTORY "${root}/qc" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
      FILES_MATCHING PATTERN "*.h" PATTERN "*.inc" PATTERN "*.td" PATTERN "CMakeFiles" EXCLUDE)
  endforeach()
endif()

install(EXPORT QCTargets NAMESPACE QC:: DESTINATION "${QC_PACKAGE_DIR}")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/QCConfig.cmake.in"
  "${CMAKE_BINARY_DIR}/QCConfig.cmake" INSTALL_DESTINATION "${QC_PACKAGE_DIR}")
write_basic_package_version_file("${CMAKE_BINARY_DIR}/QCConfigVersion.cmake"
  VERSION "${PROJECT_VERSION}" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/QCConfig.cmake" "${CMAKE_BINARY_DIR}/QCConfigVersion.cmake"
  DESTINATION "${QC_PACKAGE_DIR}")
install(FILES "${CMAKE_SOURCE_DIR}/LICENSE" "${CMAKE_SOURCE_DIR}/NOTICE"
  DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/qc")
