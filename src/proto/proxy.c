/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Dialogues with proxies. Each is a small machine that goes from step to step; of the answers, only
 * the few bytes that matter are kept.
 */
#include "proto/proxy.h"

#include <errno.h>
#include <sio/error.h>

#include "base/alloc.h"
#include "proto/url.h"

#define DEFAULT_PORT 1080 /* as curl has it for every kind of proxy */

/* RFC 1928 and RFC 1929. */
#define SOCKS_VERSION      5
#define SOCKS_NO_LOGIN     0
#define SOCKS_PASSWORD     2
#define SOCKS_NO_METHOD    0xff
#define SOCKS_CONNECT      1
#define SOCKS_IPV4         1
#define SOCKS_NAME         3
#define SOCKS_IPV6         4
#define SOCKS_TEXT_MAX     255
#define SOCKS_LOGIN_FORMAT 1

enum step {
    SOCKS_METHOD, /* which login the proxy wants */
    SOCKS_LOGIN,
    SOCKS_REPLY,
    SOCKS_ADDRESS, /* the rest of the reply */
    HTTP_STATUS,   /* "HTTP/1.1 200" */
    HTTP_REASON,
    HTTP_LINE_END, /* LF */
    HTTP_LINE,     /* begin of a line */
    HTTP_NAME,
    HTTP_VALUE,
    HTTP_HEAD_END, /* LF of the blank line */
    TUNNEL,
    FAILED,
};

/* ---- the URL ---- */

static int read_scheme(struct text scheme, struct proxy *p, const char **ret_rule) {
    if (scheme.data == NULL || sio__text_eq_nocase(scheme, SIO_TEXT("http"))) {
        p->kind = PROXY_HTTP;
    } else if (sio__text_eq_nocase(scheme, SIO_TEXT("socks5h"))) {
        p->kind = PROXY_SOCKS5;
    } else if (sio__text_eq_nocase(scheme, SIO_TEXT("socks5"))) {
        p->kind = PROXY_SOCKS5;
        p->resolve_locally = true;
    } else {
        *ret_rule = "the scheme of a proxy is none of http, socks5, socks5h";
        return SIO_ERR_UNSUPPORTED;
    }
    return 0;
}

int sio__proxy_init(struct proxy *ret, struct text url, const char **ret_rule) {
    struct url_parts parts;
    struct proxy p = {0};
    int r = sio__url_split(url, &parts, ret_rule);
    if (r == 0) {
        r = read_scheme(parts.scheme, &p, ret_rule);
    }
    if (r < 0) {
        return r;
    }
    p.port = parts.port != 0 ? parts.port : DEFAULT_PORT;
    p.block = sio__malloc(parts.host.len + parts.user.len + parts.password.len + 3);
    if (p.block == NULL) {
        return SIO_ERR_NOMEM;
    }
    char *dst = p.block;
    r = sio__url_decode(parts.host, &dst, &p.host); /* which has no '%' */
    if (r == 0) {
        r = sio__url_decode(parts.user, &dst, &p.user);
    }
    if (r == 0) {
        r = sio__url_decode(parts.password, &dst, &p.password);
    }
    if (r < 0) {
        *ret_rule = "the user or password of a proxy is not percent-encoded";
        sio__free(p.block);
        return r;
    }
    *ret = p;
    return 0;
}

void sio__proxy_done(struct proxy *p) {
    if (p == NULL) {
        return;
    }
    sio__free(p->block);
    *p = (struct proxy){0};
}

/* ---- output ---- */

int sio__proxy_dialogue_init(struct proxy_dialogue *d, const struct proxy *proxy, struct text host,
                             uint16_t port) {
    uint8_t address[16];
    enum url_host kind = sio__url_host(host, address);
    bool is_socks = proxy->kind == PROXY_SOCKS5;
    if (kind == URL_HOST_INVALID || (kind == URL_HOST_NAME && proxy->resolve_locally)) {
        return SIO_ERR_INVALID;
    }
    if (is_socks && (proxy->user.len > SOCKS_TEXT_MAX || proxy->password.len > SOCKS_TEXT_MAX)) {
        return SIO_ERR_INVALID;
    }
    if (!is_socks && proxy->user.len > 0 &&
        memchr(proxy->user.data, ':', proxy->user.len) != NULL) {
        return SIO_ERR_INVALID; /* RFC 7617 2 */
    }
    *d = (struct proxy_dialogue){
        .proxy = proxy,
        .host = host,
        .port = port,
        .step = is_socks ? SOCKS_METHOD : HTTP_STATUS,
        .pending = true,
    };
    return 0;
}

/* host:port, an IPv6 address in brackets. */
static int append_authority(const struct proxy_dialogue *d, struct buf *out) {
    bool is_ipv6 = memchr(d->host.data, ':', d->host.len) != NULL;
    int r = sio__buf_append_str(out, is_ipv6 ? "[" : "");
    if (r == 0) {
        r = sio__buf_append_text(out, d->host);
    }
    if (r == 0) {
        r = sio__buf_append_str(out, is_ipv6 ? "]:" : ":");
    }
    return r == 0 ? sio__buf_append_u64(out, d->port) : r;
}

/* The field of RFC 7617 2. What is encoded is put where there will be room enough left. */
static int append_basic(const struct proxy *proxy, struct buf *out) {
    size_t login_len = proxy->user.len + 1 + proxy->password.len;
    size_t encoded_len = sio__base64_encoded_len(login_len);
    int r = sio__buf_append_str(out, "Proxy-Authorization: Basic ");
    if (r == 0) {
        r = sio__buf_reserve(out, encoded_len + login_len);
    }
    if (r < 0) {
        return r;
    }
    char *encoded = (char *)out->data + out->len;
    char *login = encoded + encoded_len;
    memcpy(login, proxy->user.data, proxy->user.len);
    login[proxy->user.len] = ':';
    if (proxy->password.len > 0) {
        memcpy(login + proxy->user.len + 1, proxy->password.data, proxy->password.len);
    }
    out->len += sio__base64_encode(encoded, login, login_len);
    return sio__buf_append_str(out, "\r\n");
}

/* RFC 9110 9.3.6. */
static int append_connect(const struct proxy_dialogue *d, struct buf *out) {
    int r = sio__buf_append_str(out, "CONNECT ");
    if (r == 0) {
        r = append_authority(d, out);
    }
    if (r == 0) {
        r = sio__buf_append_str(out, " HTTP/1.1\r\nHost: ");
    }
    if (r == 0) {
        r = append_authority(d, out);
    }
    if (r == 0) {
        r = sio__buf_append_str(out, "\r\n");
    }
    if (r == 0 && d->proxy->user.data != NULL) {
        r = append_basic(d->proxy, out);
    }
    return r == 0 ? sio__buf_append_str(out, "\r\n") : r;
}

/* RFC 1928 3: which logins can be had. */
static int append_methods(const struct proxy_dialogue *d, struct buf *out) {
    static const uint8_t both[] = {SOCKS_VERSION, 2, SOCKS_NO_LOGIN, SOCKS_PASSWORD};
    static const uint8_t none[] = {SOCKS_VERSION, 1, SOCKS_NO_LOGIN};
    return d->proxy->user.data != NULL ? sio__buf_append(out, both, sizeof(both))
                                       : sio__buf_append(out, none, sizeof(none));
}

static int append_counted(struct buf *out, struct text t) {
    int r = sio__buf_push(out, (uint8_t)t.len);
    return r == 0 ? sio__buf_append_text(out, t) : r;
}

/* RFC 1929 2. */
static int append_login(const struct proxy_dialogue *d, struct buf *out) {
    int r = sio__buf_push(out, SOCKS_LOGIN_FORMAT);
    if (r == 0) {
        r = append_counted(out, d->proxy->user);
    }
    return r == 0 ? append_counted(out, d->proxy->password) : r;
}

/* RFC 1928 4. */
static int append_request(const struct proxy_dialogue *d, struct buf *out) {
    static const uint8_t types[] = {
        [URL_HOST_NAME] = SOCKS_NAME,
        [URL_HOST_IPV4] = SOCKS_IPV4,
        [URL_HOST_IPV6] = SOCKS_IPV6,
    };
    uint8_t address[16];
    enum url_host kind = sio__url_host(d->host, address);
    const uint8_t head[] = {SOCKS_VERSION, SOCKS_CONNECT, 0, types[kind]};
    const uint8_t port[] = {(uint8_t)(d->port >> 8), (uint8_t)d->port};
    int r = sio__buf_append(out, head, sizeof(head));
    if (r == 0 && kind == URL_HOST_NAME) {
        r = append_counted(out, d->host);
    } else if (r == 0) {
        r = sio__buf_append(out, address, kind == URL_HOST_IPV4 ? 4 : 16);
    }
    return r == 0 ? sio__buf_append(out, port, sizeof(port)) : r;
}

int sio__proxy_dialogue_output(struct proxy_dialogue *d, struct buf *out) {
    size_t before = out->len;
    if (!d->pending) {
        return 0;
    }
    int r;
    switch (d->step) {
    case SOCKS_METHOD: r = append_methods(d, out); break;
    case SOCKS_LOGIN: r = append_login(d, out); break;
    case SOCKS_REPLY: r = append_request(d, out); break;
    default: r = append_connect(d, out); break;
    }
    if (r < 0) {
        out->len = before;
        return r;
    }
    d->pending = false;
    return 0;
}

/* ---- answers ---- */

static void fail(struct proxy_dialogue *d, int error, int status, const char *rule) {
    d->step = FAILED;
    d->pending = false;
    d->error = error;
    d->status = status;
    d->rule = rule;
}

static void ask(struct proxy_dialogue *d, enum step step) {
    d->step = (uint8_t)step;
    d->pending = true;
    d->answer_len = 0;
}

static void on_method(struct proxy_dialogue *d) {
    uint8_t method = d->answer[1];
    if (d->answer[0] != SOCKS_VERSION) {
        fail(d, SIO_ERR_PROTO, 0, "the proxy does not speak SOCKS5");
    } else if (method == SOCKS_NO_LOGIN) {
        ask(d, SOCKS_REPLY);
    } else if (method == SOCKS_PASSWORD && d->proxy->user.data != NULL) {
        ask(d, SOCKS_LOGIN);
    } else if (method == SOCKS_PASSWORD || method == SOCKS_NO_METHOD) {
        fail(d, SIO_ERR_REFUSED, 0,
             d->proxy->user.data != NULL ? "the proxy wants another kind of login"
                                         : "the proxy wants a login");
    } else {
        fail(d, SIO_ERR_PROTO, 0, "the proxy chose a login that was not offered");
    }
}

/* The format's number is not looked at: some proxies send that of SOCKS instead. */
static void on_login(struct proxy_dialogue *d) {
    if (d->answer[1] != 0) {
        fail(d, SIO_ERR_REFUSED, 0, "the proxy does not accept user and password");
    } else {
        ask(d, SOCKS_REPLY);
    }
}

/* The first two bytes of a reply (RFC 1928 6). A refusal may end with them. */
static void on_reply(struct proxy_dialogue *d) {
    static const struct {
        int error;
        const char *rule;
    } codes[] = {
        {0, NULL},
        {SIO_ERR_REFUSED, "the proxy failed"},
        {SIO_ERR_REFUSED, "the proxy's rules do not allow the connection"},
        {-ENETUNREACH, "the proxy cannot reach the server's network"},
        {-EHOSTUNREACH, "the proxy cannot reach the server"},
        {-ECONNREFUSED, "the server refused the proxy's connection"},
        {-ETIMEDOUT, "the proxy's packets to the server expired on their way"},
        {SIO_ERR_UNSUPPORTED, "the proxy does not support CONNECT"},
        {SIO_ERR_UNSUPPORTED, "the proxy does not support this type of address"},
    };
    uint8_t code = d->answer[1];
    if (d->answer[0] != SOCKS_VERSION) {
        fail(d, SIO_ERR_PROTO, 0, "the proxy does not speak SOCKS5");
    } else if (code >= sizeof(codes) / sizeof(codes[0])) {
        fail(d, SIO_ERR_PROTO, code, "the proxy sent an unknown reply code");
    } else if (code != 0) {
        fail(d, codes[code].error, code, codes[code].rule);
    } else {
        d->step = SOCKS_ADDRESS;
    }
}

/* Five bytes of a reply: they tell how much of the address, and of the port, is still to come. */
static void on_address(struct proxy_dialogue *d) {
    switch (d->answer[3]) {
    case SOCKS_IPV4: d->left = 4 - 1 + 2; break;
    case SOCKS_IPV6: d->left = 16 - 1 + 2; break;
    case SOCKS_NAME: d->left = (uint16_t)(d->answer[4] + 2); break;
    default: fail(d, SIO_ERR_PROTO, 0, "the proxy sent an unknown type of address"); break;
    }
}

static void feed_socks(struct proxy_dialogue *d, uint8_t byte) {
    if (d->left > 0) {
        d->left--;
        d->step = d->left == 0 ? TUNNEL : d->step;
        return;
    }
    d->answer[d->answer_len] = byte;
    d->answer_len++;
    if (d->answer_len == 2 && d->step == SOCKS_METHOD) {
        on_method(d);
    } else if (d->answer_len == 2 && d->step == SOCKS_LOGIN) {
        on_login(d);
    } else if (d->answer_len == 2) {
        on_reply(d);
    } else if (d->answer_len == 5) {
        on_address(d);
    }
}

/* The byte at place d->at of "HTTP/1.x nnn". */
static void on_status_byte(struct proxy_dialogue *d, char c) {
    static const char format[] = "HTTP/1.x nnn";
    char want = format[d->at];
    bool is_digit = c >= '0' && c <= '9';
    bool ok = want == 'n' ? is_digit : want == 'x' ? c == '0' || c == '1' : c == want;
    if (!ok) {
        fail(d, SIO_ERR_PROTO, 0, "the proxy does not speak HTTP/1");
        return;
    }
    if (want == 'n') {
        d->status = d->status * 10 + (c - '0');
    }
    d->at++;
    if (format[d->at] == '\0') {
        d->step = HTTP_REASON;
    }
}

/* What the blank line ends. A body, if any, has no meaning: with 2xx there is none. */
static void on_head(struct proxy_dialogue *d) {
    int status = d->status;
    if (status >= 200 && status <= 299) {
        d->step = TUNNEL;
    } else if (status == 407) {
        fail(d, SIO_ERR_REFUSED, status,
             d->proxy->user.data != NULL ? "the proxy does not accept user and password"
                                         : "the proxy wants a login");
    } else if (status >= 100 && status <= 199 && status != 101) {
        d->step = HTTP_STATUS; /* informational: the answer proper follows */
        d->at = 0;
        d->status = 0;
    } else {
        fail(d, SIO_ERR_REFUSED, status, "the proxy refused the tunnel");
    }
}

/* The steps after the status: lines end with CR LF, fields are name, ':', value (RFC 9112 5). */
static void on_field_byte(struct proxy_dialogue *d, char c) {
    struct text byte = {&c, 1};
    bool ok = false;
    switch (d->step) {
    case HTTP_REASON:
    case HTTP_VALUE:
        ok = c == '\r' || sio__text_is_field_value(byte);
        if (d->step == HTTP_REASON && d->at > 0) { /* right behind the status */
            ok = c == '\r' || c == ' ';
            d->at = 0;
        }
        d->step = c == '\r' ? HTTP_LINE_END : d->step;
        break;
    case HTTP_LINE_END:
        ok = c == '\n';
        d->step = HTTP_LINE;
        break;
    case HTTP_LINE:
        ok = c == '\r' || sio__text_is_token(byte);
        d->step = c == '\r' ? HTTP_HEAD_END : HTTP_NAME;
        break;
    case HTTP_NAME:
        ok = c == ':' || sio__text_is_token(byte);
        d->step = c == ':' ? HTTP_VALUE : HTTP_NAME;
        break;
    default: /* HTTP_HEAD_END */
        ok = c == '\n';
        if (ok) {
            on_head(d);
        }
        break;
    }
    if (!ok) {
        fail(d, SIO_ERR_PROTO, 0, "the proxy's answer is malformed");
    }
}

static void feed_http(struct proxy_dialogue *d, uint8_t byte) {
    d->eaten++;
    if (d->step == HTTP_STATUS) {
        on_status_byte(d, (char)byte);
    } else {
        on_field_byte(d, (char)byte);
    }
    if (d->eaten == PROXY_HEAD_MAX && d->step != TUNNEL && d->step != FAILED) {
        fail(d, SIO_ERR_TOO_BIG, 0, "the proxy's answer is too long");
    }
}

enum proxy_event sio__proxy_dialogue_feed(struct proxy_dialogue *d, const void *data, size_t len,
                                          struct proxy_result *ret) {
    const uint8_t *bytes = data;
    size_t used = 0;
    while (used < len && d->step != TUNNEL && d->step != FAILED) {
        if (d->pending) {
            fail(d, SIO_ERR_PROTO, 0, "the proxy answered before it was asked");
        } else if (d->proxy->kind == PROXY_SOCKS5) {
            feed_socks(d, bytes[used]);
            used++;
        } else {
            feed_http(d, bytes[used]);
            used++;
        }
    }
    ret->used = used;
    if (d->step == TUNNEL) {
        return PROXY_DONE;
    }
    if (d->step != FAILED) {
        return PROXY_MORE;
    }
    ret->error = d->error;
    ret->status = d->status;
    ret->rule = d->rule;
    return PROXY_ERROR;
}
