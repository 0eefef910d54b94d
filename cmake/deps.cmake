# Libraries that sio is built on. libuv, OpenSSL and zlib come from the system; llhttp and yyjson
# from .deps/, where script/setup unpacks them if the system has no package, or from the system.

set(SIO_DEPS_DIR "${PROJECT_SOURCE_DIR}/.deps" CACHE PATH "What script/setup has fetched")

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET "libuv>=1.44")
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET "openssl>=3.0")
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET "zlib>=1.2.11")

# Of the sio command only, which can do without: then `sio connect` reads plain lines.
if(SIO_TOOLS)
  pkg_check_modules(SIO_EDIT IMPORTED_TARGET "libedit>=3.1")
  if(NOT SIO_EDIT_FOUND)
    message(STATUS "libedit was not found: sio connect will have no line editor")
  endif()
endif()

# sio_find(<name> <header> <library>...): the imported target sio_<name>.
function(sio_find name header)
  string(TOUPPER "${name}" upper)
  find_path(${upper}_INCLUDE_DIR ${header} HINTS "${SIO_DEPS_DIR}/usr/include")
  find_library(${upper}_LIBRARY NAMES ${ARGN}
    HINTS "${SIO_DEPS_DIR}/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}" "${SIO_DEPS_DIR}/usr/lib")
  mark_as_advanced(${upper}_INCLUDE_DIR ${upper}_LIBRARY)
  if(NOT ${upper}_INCLUDE_DIR OR NOT ${upper}_LIBRARY)
    message(FATAL_ERROR "${name} (${header}, ${ARGN}) was not found: "
      "run script/setup, or install the development package of ${name}.")
  endif()
  add_library(sio_${name} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(sio_${name} PROPERTIES
    IMPORTED_LOCATION "${${upper}_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${${upper}_INCLUDE_DIR}")
endfunction()

# The llhttp archive becomes a part of libsio, so that nobody else has to find it.
sio_find(llhttp llhttp.h libllhttp.a)
sio_find(yyjson yyjson.h yyjson)

# A yyjson that is not the system's own is installed beside libsio, in a directory of its own.
string(FIND "${YYJSON_LIBRARY}" "${SIO_DEPS_DIR}/" SIO_YYJSON_PRIVATE)
if(SIO_YYJSON_PRIVATE EQUAL 0)
  set(SIO_YYJSON_PRIVATE TRUE)
else()
  set(SIO_YYJSON_PRIVATE FALSE)
endif()
