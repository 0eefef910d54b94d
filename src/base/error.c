/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Names and texts of error codes.
 *
 * Three lists: sio's own codes; negated errno values; the codes that libuv adds for what has no
 * errno. The texts are the library's own and static: strerror() is not thread safe, and base does
 * not know libuv.
 */
#include <errno.h>

#include <sio/error.h>

#define ERRNO_MAP(XX)                                                                              \
    XX(E2BIG, "argument list too long")                                                            \
    XX(EACCES, "permission denied")                                                                \
    XX(EADDRINUSE, "address already in use")                                                       \
    XX(EADDRNOTAVAIL, "address not available")                                                     \
    XX(EAFNOSUPPORT, "address family not supported")                                               \
    XX(EAGAIN, "resource temporarily unavailable")                                                 \
    XX(EALREADY, "connection already in progress")                                                 \
    XX(EBADF, "bad file descriptor")                                                               \
    XX(EBADMSG, "bad message")                                                                     \
    XX(EBUSY, "resource busy or locked")                                                           \
    XX(ECANCELED, "operation canceled")                                                            \
    XX(ECHILD, "no child processes")                                                               \
    XX(ECONNABORTED, "connection aborted")                                                         \
    XX(ECONNREFUSED, "connection refused")                                                         \
    XX(ECONNRESET, "connection reset by peer")                                                     \
    XX(EDEADLK, "resource deadlock avoided")                                                       \
    XX(EDESTADDRREQ, "destination address required")                                               \
    XX(EDOM, "argument outside the domain of the function")                                        \
    XX(EDQUOT, "disk quota exceeded")                                                              \
    XX(EEXIST, "file exists")                                                                      \
    XX(EFAULT, "bad address")                                                                      \
    XX(EFBIG, "file too large")                                                                    \
    XX(EHOSTUNREACH, "host is unreachable")                                                        \
    XX(EIDRM, "identifier removed")                                                                \
    XX(EILSEQ, "illegal byte sequence")                                                            \
    XX(EINPROGRESS, "operation in progress")                                                       \
    XX(EINTR, "interrupted system call")                                                           \
    XX(EINVAL, "invalid argument")                                                                 \
    XX(EIO, "input/output error")                                                                  \
    XX(EISCONN, "socket is already connected")                                                     \
    XX(EISDIR, "is a directory")                                                                   \
    XX(ELOOP, "too many symbolic links")                                                           \
    XX(EMFILE, "too many open files")                                                              \
    XX(EMLINK, "too many links")                                                                   \
    XX(EMSGSIZE, "message too long")                                                               \
    XX(ENAMETOOLONG, "name too long")                                                              \
    XX(ENETDOWN, "network is down")                                                                \
    XX(ENETRESET, "connection aborted by the network")                                             \
    XX(ENETUNREACH, "network is unreachable")                                                      \
    XX(ENFILE, "file table overflow")                                                              \
    XX(ENOBUFS, "no buffer space available")                                                       \
    XX(ENODEV, "no such device")                                                                   \
    XX(ENOENT, "no such file or directory")                                                        \
    XX(ENOEXEC, "executable format error")                                                         \
    XX(ENOLCK, "no locks available")                                                               \
    XX(ENOMEM, "not enough memory")                                                                \
    XX(ENOMSG, "no message of the desired type")                                                   \
    XX(ENOPROTOOPT, "protocol not available")                                                      \
    XX(ENOSPC, "no space left on device")                                                          \
    XX(ENOSYS, "function not implemented")                                                         \
    XX(ENOTCONN, "socket is not connected")                                                        \
    XX(ENOTDIR, "not a directory")                                                                 \
    XX(ENOTEMPTY, "directory not empty")                                                           \
    XX(ENOTRECOVERABLE, "state not recoverable")                                                   \
    XX(ENOTSOCK, "not a socket")                                                                   \
    XX(ENOTSUP, "operation not supported")                                                         \
    XX(ENOTTY, "inappropriate request for the device")                                             \
    XX(ENXIO, "no such device or address")                                                         \
    XX(EOVERFLOW, "value too large for its type")                                                  \
    XX(EOWNERDEAD, "previous owner has died")                                                      \
    XX(EPERM, "operation not permitted")                                                           \
    XX(EPIPE, "broken pipe")                                                                       \
    XX(EPROTO, "protocol error")                                                                   \
    XX(EPROTONOSUPPORT, "protocol not supported")                                                  \
    XX(EPROTOTYPE, "wrong protocol type for socket")                                               \
    XX(ERANGE, "result too large")                                                                 \
    XX(EROFS, "read-only file system")                                                             \
    XX(ESPIPE, "illegal seek")                                                                     \
    XX(ESRCH, "no such process")                                                                   \
    XX(ESTALE, "stale file handle")                                                                \
    XX(ETIMEDOUT, "connection timed out")                                                          \
    XX(ETXTBSY, "text file is busy")                                                               \
    XX(EXDEV, "cross-device link")

/* Not in POSIX. */
#ifdef __linux__
#define ERRNO_LINUX_MAP(XX)                                                                        \
    XX(EHOSTDOWN, "host is down")                                                                  \
    XX(ENODATA, "no data available")                                                               \
    XX(ENONET, "machine is not on the network")                                                    \
    XX(ENOTUNIQ, "name not unique on network")                                                     \
    XX(EPFNOSUPPORT, "protocol family not supported")                                              \
    XX(EREMOTEIO, "remote input/output error")                                                     \
    XX(ESHUTDOWN, "cannot send after the socket was shut down")                                    \
    XX(ESOCKTNOSUPPORT, "socket type not supported")                                               \
    XX(ETOOMANYREFS, "too many references")                                                        \
    XX(EUNATCH, "protocol driver not attached")
#else
#define ERRNO_LINUX_MAP(XX)
#endif

/* <uv/errno.h>: these numbers are the same on every system. */
#define LIBUV_MAP(XX)                                                                              \
    XX(-3000, EAI_ADDRFAMILY, "address family not supported by the host")                          \
    XX(-3001, EAI_AGAIN, "temporary failure of name resolution")                                   \
    XX(-3002, EAI_BADFLAGS, "bad flags for name resolution")                                       \
    XX(-3003, EAI_CANCELED, "name resolution canceled")                                            \
    XX(-3004, EAI_FAIL, "permanent failure of name resolution")                                    \
    XX(-3005, EAI_FAMILY, "address family not supported by name resolution")                       \
    XX(-3006, EAI_MEMORY, "not enough memory for name resolution")                                 \
    XX(-3007, EAI_NODATA, "the host has no address")                                               \
    XX(-3008, EAI_NONAME, "unknown host or service")                                               \
    XX(-3009, EAI_OVERFLOW, "buffer for name resolution is too small")                             \
    XX(-3010, EAI_SERVICE, "service not available for the socket type")                            \
    XX(-3011, EAI_SOCKTYPE, "socket type not supported by name resolution")                        \
    XX(-3013, EAI_BADHINTS, "bad hints for name resolution")                                       \
    XX(-3014, EAI_PROTOCOL, "resolved protocol is unknown")                                        \
    XX(-4028, EFTYPE, "inappropriate file type or format")                                         \
    XX(-4080, ECHARSET, "invalid character")                                                       \
    XX(-4094, UNKNOWN, "unknown error of the system")                                              \
    XX(-4095, EOF, "end of file")

const char *sio_strerror(int code) {
    if (code >= 0) {
        return "success";
    }
    switch (code) {
#define XX(number, name, text)                                                                     \
    case number: return text;
        SIO_ERROR_MAP(XX)
        LIBUV_MAP(XX)
#undef XX
#define XX(name, text)                                                                             \
    case -(name): return text;
        ERRNO_MAP(XX)
        ERRNO_LINUX_MAP(XX)
#undef XX
    default: return "unknown error";
    }
}

const char *sio_errname(int code) {
    switch (code) {
#define XX(number, name, text)                                                                     \
    case number: return "SIO_ERR_" #name;
        SIO_ERROR_MAP(XX)
#undef XX
#define XX(number, name, text)                                                                     \
    case number: return #name;
        LIBUV_MAP(XX)
#undef XX
#define XX(name, text)                                                                             \
    case -(name): return #name;
        ERRNO_MAP(XX)
        ERRNO_LINUX_MAP(XX)
#undef XX
    default: return "unknown";
    }
}
