# make install: libraries, headers, sio.pc, the CMake package, the sio command with its manual pages
# and completions.

include(CMakePackageConfigHelpers)

# What `make install` builds: nothing else.
add_custom_target(sio_installed DEPENDS sio_shared sio_static)

install(TARGETS sio_shared sio_static EXPORT sio-targets)
install(EXPORT sio-targets NAMESPACE sio:: DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/sio")
install(DIRECTORY include/sio DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h")
install(FILES "${PROJECT_BINARY_DIR}/include/sio/version.h"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/sio")

set(SIO_PC_REQUIRES "libuv openssl zlib")
set(SIO_PC_LIBS_PRIVATE "-pthread")
set(SIO_PRIVATE_LIBDIR "${CMAKE_INSTALL_LIBDIR}/sio")
if(SIO_YYJSON_PRIVATE)
  file(REAL_PATH "${YYJSON_LIBRARY}" yyjson_file)
  file(GLOB yyjson_names "${SIO_DEPS_DIR}/usr/lib/*/libyyjson.so.[0-9]")
  list(GET yyjson_names 0 yyjson_link)
  cmake_path(GET yyjson_link FILENAME YYJSON_SONAME)
  install(PROGRAMS "${yyjson_file}" DESTINATION "${SIO_PRIVATE_LIBDIR}" RENAME "${YYJSON_SONAME}")
  set_target_properties(sio_shared PROPERTIES INSTALL_RPATH "$ORIGIN/sio")
  string(APPEND SIO_PC_LIBS_PRIVATE
    " -L\${libdir}/sio -l:${YYJSON_SONAME} -Wl,-rpath,\${libdir}/sio")
else()
  string(APPEND SIO_PC_REQUIRES " yyjson")
endif()

if(TARGET sio_tool)
  add_dependencies(sio_installed sio_tool)
  install(TARGETS sio_tool)
  install(DIRECTORY docs/man/ DESTINATION "${CMAKE_INSTALL_MANDIR}/man1"
    FILES_MATCHING PATTERN "*.1")
  install(FILES tools/completion/sio.bash RENAME sio
    DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
  install(FILES tools/completion/_sio DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")
  if(SIO_YYJSON_PRIVATE)
    file(RELATIVE_PATH up "${CMAKE_INSTALL_FULL_BINDIR}" "${CMAKE_INSTALL_FULL_LIBDIR}/sio")
    set_target_properties(sio_tool PROPERTIES INSTALL_RPATH "$ORIGIN/${up}")
  endif()
endif()

# The prefix in sio.pc is relative to the file itself, so that an installed tree can be moved.
file(RELATIVE_PATH up "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" up "${up}")
set(SIO_PC_PREFIX "\${pcfiledir}/${up}")
foreach(kind LIBDIR INCLUDEDIR)
  cmake_path(IS_ABSOLUTE CMAKE_INSTALL_${kind} absolute)
  set(SIO_PC_${kind} "\${prefix}/${CMAKE_INSTALL_${kind}}")
  if(absolute)
    set(SIO_PC_${kind} "${CMAKE_INSTALL_${kind}}")
  endif()
endforeach()
configure_file(cmake/sio.pc.in "${PROJECT_BINARY_DIR}/sio.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/sio.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

configure_package_config_file(cmake/sio-config.cmake.in "${PROJECT_BINARY_DIR}/sio-config.cmake"
  INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/sio" PATH_VARS SIO_PRIVATE_LIBDIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/sio-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/sio-config.cmake" "${PROJECT_BINARY_DIR}/sio-config-version.cmake"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/sio")
