# The browser client that the library serves: the files of .deps/client, put there by script/bundle.

set(bundle_dir "${SIO_DEPS_DIR}/client")
set(bundle_files "")
set(bundle_version "")
if(EXISTS "${bundle_dir}/version")
  file(STRINGS "${bundle_dir}/version" bundle_version)
  foreach(variant socket.io socket.io.min socket.io.esm.min socket.io.msgpack.min)
    list(APPEND bundle_files ${variant}.js ${variant}.js.map)
  endforeach()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${bundle_dir}/version")
else()
  message(STATUS "Browser client: none (.deps/client is missing); the server will not serve "
    "socket.io.js. script/bundle fetches it with npm.")
endif()

sio_embed(bundle_source sio__client_bundle DIR "${bundle_dir}"
  TYPE client_bundle_file HEADER engineio/client_bundle.h VERSION "${bundle_version}"
  FILES ${bundle_files})
target_sources(sio_objects PRIVATE "${bundle_source}")
