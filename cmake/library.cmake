# libsio, static and shared, out of one set of objects. The lists of files are in src/*/CMakeLists.txt.

configure_file("${PROJECT_SOURCE_DIR}/include/sio/version.h.in"
  "${PROJECT_BINARY_DIR}/include/sio/version.h" @ONLY)

set(SIO_LINK_LIBRARIES
  PkgConfig::UV PkgConfig::OPENSSL PkgConfig::ZLIB sio_llhttp sio_yyjson Threads::Threads)

add_library(sio_objects OBJECT)
set_target_properties(sio_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_include_directories(sio_objects PRIVATE
  "${PROJECT_SOURCE_DIR}/include" "${PROJECT_BINARY_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
target_link_libraries(sio_objects PRIVATE sio_flags ${SIO_LINK_LIBRARIES})

add_library(sio_static STATIC $<TARGET_OBJECTS:sio_objects>)
add_library(sio_shared SHARED $<TARGET_OBJECTS:sio_objects>)
add_library(sio::static ALIAS sio_static)
add_library(sio::sio ALIAS sio_shared)

foreach(library sio_static sio_shared)
  set_target_properties(${library} PROPERTIES OUTPUT_NAME sio)
  target_include_directories(${library} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${library} PRIVATE $<BUILD_INTERFACE:sio_flags>)
endforeach()

# SOVERSION is the minor version as long as the major one is 0.
set_target_properties(sio_shared PROPERTIES EXPORT_NAME sio
  VERSION "${PROJECT_VERSION}" SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
foreach(library IN LISTS SIO_LINK_LIBRARIES)
  target_link_libraries(sio_shared PRIVATE $<BUILD_INTERFACE:${library}>)
  target_link_libraries(sio_static PRIVATE $<BUILD_INTERFACE:${library}>)
endforeach()
target_link_options(sio_shared PRIVATE -Wl,--exclude-libs,ALL)

# libsio.a carries the objects of llhttp.
set_target_properties(sio_static PROPERTIES EXPORT_NAME static)
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/merge.mri" @ONLY CONTENT
"create libsio-merged.a
addlib libsio.a
addlib @LLHTTP_LIBRARY@
save
end
")
add_custom_command(TARGET sio_static POST_BUILD WORKING_DIRECTORY "${PROJECT_BINARY_DIR}"
  COMMAND "${CMAKE_AR}" -M < merge.mri
  COMMAND "${CMAKE_COMMAND}" -E rename libsio-merged.a libsio.a)

# What tests see of the library: everything.
add_library(sio_internals INTERFACE)
target_include_directories(sio_internals INTERFACE "${PROJECT_SOURCE_DIR}/src")
target_link_libraries(sio_internals INTERFACE sio_static sio_flags ${SIO_LINK_LIBRARIES})
