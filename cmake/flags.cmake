# Compiler flags of every target of the project, as one INTERFACE target: sio_flags.

add_library(sio_flags INTERFACE)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

target_compile_definitions(sio_flags INTERFACE _GNU_SOURCE)
target_compile_options(sio_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wvla -Wundef
  $<$<BOOL:${SIO_WERROR}>:-Werror>)

if(SIO_NO_POOL)
  target_compile_definitions(sio_flags INTERFACE SIO_NO_POOL)
endif()

if(SIO_SANITIZE)
  target_compile_options(sio_flags INTERFACE
    -fsanitize=${SIO_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(sio_flags INTERFACE -fsanitize=${SIO_SANITIZE})
endif()

if(SIO_FUZZ)
  target_compile_options(sio_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(SIO_COVERAGE)
  target_compile_options(sio_flags INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(sio_flags INTERFACE --coverage)
endif()

if(SIO_HARDEN)
  target_compile_options(sio_flags INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong)
  target_link_options(sio_flags INTERFACE -Wl,-z,relro,-z,now)
endif()

# Objects are "fat": libsio.a has to serve linkers without this compiler's LTO plugin, too.
if(SIO_LTO)
  include(CheckIPOSupported)
  check_ipo_supported(RESULT SIO_LTO_WORKS OUTPUT why LANGUAGES C)
  if(SIO_LTO_WORKS AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(sio_flags INTERFACE -flto=auto -ffat-lto-objects)
    target_link_options(sio_flags INTERFACE -flto=auto)
  else()
    message(STATUS "SIO_LTO: left off (${CMAKE_C_COMPILER_ID}: not supported here)")
  endif()
endif()
