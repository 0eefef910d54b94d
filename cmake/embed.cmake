# Files embedded as constant data: the browser client (in the library), the demo (in the tool).

add_executable(sio_embed tools/embed.c)
set_target_properties(sio_embed PROPERTIES OUTPUT_NAME embed)
target_link_libraries(sio_embed PRIVATE sio_flags)

find_program(GZIP_PROGRAM gzip)
find_program(BROTLI_PROGRAM brotli)
mark_as_advanced(GZIP_PROGRAM BROTLI_PROGRAM)

# sio_embed(<ret_source> <symbol> DIR <dir> TYPE <struct> HEADER <header> [VERSION <text>]
#           FILES <path in dir>...)
# Makes the C file <ret_source> with the table <symbol>: the files, and their gzip and brotli forms
# where these tools exist. tools/embed.c tells its form. It can be used in the same directory only.
function(sio_embed ret_source symbol)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "DIR;TYPE;HEADER;VERSION" "FILES")
  set(work "${PROJECT_BINARY_DIR}/generated/${symbol}")
  set(source "${PROJECT_BINARY_DIR}/generated/${symbol}.c")
  set(pairs "")
  set(inputs "")
  foreach(file IN LISTS arg_FILES)
    set(from "${arg_DIR}/${file}")
    set(to "${work}/${file}")
    cmake_path(GET to PARENT_PATH folder)
    file(MAKE_DIRECTORY "${folder}")
    set(outputs "${to}")
    set(commands COMMAND "${CMAKE_COMMAND}" -E copy "${from}" "${to}")
    if(GZIP_PROGRAM)
      list(APPEND outputs "${to}.gz")
      list(APPEND commands COMMAND "${GZIP_PROGRAM}" -9nc "${from}" > "${to}.gz")
    endif()
    if(BROTLI_PROGRAM)
      list(APPEND outputs "${to}.br")
      list(APPEND commands COMMAND "${BROTLI_PROGRAM}" -q 11 -c "${from}" > "${to}.br")
    endif()
    add_custom_command(OUTPUT ${outputs} ${commands} DEPENDS "${from}" VERBATIM)
    list(APPEND inputs ${outputs})
    list(APPEND pairs "${file}=${to}")
  endforeach()
  add_custom_command(OUTPUT "${source}" DEPENDS ${inputs} sio_embed VERBATIM
    COMMAND sio_embed "${source}" "${symbol}" "${arg_TYPE}" "${arg_HEADER}" "${arg_VERSION}" ${pairs})
  set(${ret_source} "${source}" PARENT_SCOPE)
endfunction()
