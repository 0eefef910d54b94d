/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What every header needs: export marks and printf-like checks.
 *
 * Thread tags used in all headers:
 *   [any]    from any thread, at any time between _new and _free of the object;
 *   [owner]  only on the thread that runs the loop: in callbacks, or before the loop was started;
 *   [setup]  only before sio_server_run() or sio_server_attach_uv().
 */
#ifndef SIO_API_H
#define SIO_API_H

#if defined(_WIN32)
#if defined(SIO_BUILDING)
#define SIO_API __declspec(dllexport)
#else
#define SIO_API
#endif
#elif defined(__GNUC__)
#define SIO_API __attribute__((visibility("default")))
#else
#define SIO_API
#endif

/** For timeouts and intervals: never. (0 always means: the default.) */
#define SIO_NEVER 0xffffffffu

/** For sizes and counts: no limit. (0 always means: the default.) */
#define SIO_UNLIMITED ((size_t)-1)

#endif /* SIO_API_H */
