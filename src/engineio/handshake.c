/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "engineio/handshake.h"

#include <sio/error.h>

#include "base/alloc.h"
#include "engineio/cors.h"
#include "engineio/http_conn.h"
#include "engineio/polling.h"
#include "engineio/session.h"
#include "engineio/upgrade.h"
#include "engineio/websocket.h"
#include "proto/json_write.h"
#include "proto/ws_handshake.h"

/* Longest value of a query parameter of ours; longer ones name nothing that exists. */
#define PARAM_MAX 128

/* Error codes of the Engine.IO protocol, and what the official server says with them. */
#define ENGINE_ERROR_MAP(XX)                                                                       \
    XX(0, TRANSPORT, "Transport unknown")                                                          \
    XX(1, SID, "Session ID unknown")                                                               \
    XX(2, METHOD, "Bad handshake method")                                                          \
    XX(3, REQUEST, "Bad request")                                                                  \
    XX(4, FORBIDDEN, "Forbidden")                                                                  \
    XX(5, VERSION, "Unsupported protocol version")

enum engine_error {
    ERROR_NONE = -1,
#define XX(number, name, text) ERROR_##name = (number),
    ENGINE_ERROR_MAP(XX)
#undef XX
};

static const char *error_text(int code) {
    static const char *const texts[] = {
#define XX(number, name, text) text,
        ENGINE_ERROR_MAP(XX)
#undef XX
    };
    return texts[code];
}

/* What the query of a request says. */
struct query {
    struct session *session; /* of sid; NULL when there is no sid, or no such session */
    bool has_sid;
    bool version_4;
    bool base64;        /* the client cannot receive binary frames */
    unsigned transport; /* enum sio_transport; 0: unknown or switched off */
};

static bool param(struct text query, const char *name, char *buffer, struct text *ret_value) {
    return sio__query_get(query, name, buffer, PARAM_MAX, ret_value) == 0;
}

static void read_query(struct http_conn *conn, struct query *q) {
    struct engine *e = conn->engine;
    struct text query = sio__target_query(conn->parser.head.target);
    char buffer[PARAM_MAX];
    struct text value;
    *q = (struct query){0};
    q->version_4 = param(query, "EIO", buffer, &value) && sio__text_eq(value, SIO_TEXT("4"));
    q->base64 = param(query, "b64", buffer, &value) && value.len > 0;
    if (param(query, "transport", buffer, &value)) {
        if (sio__text_eq(value, SIO_TEXT("polling"))) {
            q->transport = SIO_POLLING & e->options->o.transports;
        } else if (sio__text_eq(value, SIO_TEXT("websocket"))) {
            q->transport = SIO_WEBSOCKET & e->options->o.transports;
        }
    }
    int r = sio__query_get(query, "sid", buffer, sizeof buffer, &value);
    q->has_sid = r == SIO_ERR_TOO_BIG || (r == 0 && value.len > 0);
    if (r == 0 && value.len > 0) {
        q->session = sio__engine_find(e, value);
    }
}

static bool is_method(const struct http_conn *conn, const char *method) {
    return sio__text_eq(conn->parser.head.method, sio__text_of(method));
}

static bool wants_websocket(const struct http_conn *conn) {
    const struct http1_head *head = &conn->parser.head;
    return head->upgrade && sio__http1_list_has(head, "upgrade", "websocket");
}

/* ---- refusals ---- */

static int cause_of(int code) {
    switch (code) {
    case ERROR_SID: return SIO_CAUSE_UNKNOWN_SESSION;
    case ERROR_FORBIDDEN: return SIO_CAUSE_REQUEST_REFUSED;
    default: return SIO_CAUSE_HTTP_SYNTAX;
    }
}

static void tell(struct http_conn *conn, int code, const char *message, const char *context) {
    struct engine *e = conn->engine;
    const sio_server_options *o = &e->options->o;
    SIO_DEBUG(e->log, LOG_COMPONENT_ENGINE, "request refused: %d %s %s", code, error_text(code),
              context);
    sio__engine_count(e, cause_of(code), context);
    if (o->on_connection_error != NULL) {
        sio_connection_error error = {
            .code = code, .message = message, .context = context, .req = sio__http_request(conn)};
        o->on_connection_error(&error, o->on_connection_error_user);
    }
}

/* Answers with an error of the protocol: {"code":..,"message":".."}. */
static void answer_error(struct http_conn *conn, int code, const char *message) {
    struct engine *e = conn->engine;
    int status = code == ERROR_FORBIDDEN ? 403 : 400;
    if (wants_websocket(conn)) {
        /* Clients see nothing of it; whoever looks at the wire does. */
        sio__http_refuse_upgrade(conn, status, message, NULL);
        return;
    }
    struct buf *body = &e->payload;
    sio__buf_clear(body);
    int r = sio__buf_append_str(body, "{\"code\":");
    if (r == 0) {
        r = sio__buf_append_u64(body, (uint64_t)code);
    }
    if (r == 0) {
        r = sio__buf_append_str(body, ",\"message\":");
    }
    if (r == 0) {
        r = sio__json_write_string(body, sio__text_of(message));
    }
    if (r == 0) {
        r = sio__buf_push(body, '}');
    }
    if (r < 0) {
        sio__http_cut(conn);
        return;
    }
    sio__http_answer(conn, &(struct answer){.status = status,
                                            .content_type = "application/json",
                                            .body = sio__buf_text(body),
                                            .engine = true});
}

static void refuse(struct http_conn *conn, int code, const char *message, const char *context) {
    const char *text = message != NULL ? message : error_text(code);
    tell(conn, code, text, context);
    answer_error(conn, code, text);
}

/* The request gets its answer when its body is complete. */
static void refuse_later(struct http_conn *conn, int code, const char *context) {
    conn->role = ROLE_REFUSED;
    conn->error_code = code;
    conn->error_context = context;
}

/* ---- the head of a request ---- */

/* @return ERROR_NONE, or why a request with a session id is refused */
static int verify_session(const struct query *q, bool upgrade, const char **ret_context) {
    const struct session *s = q->session;
    if (s == NULL) {
        return ERROR_SID;
    }
    unsigned transport = s->polling != NULL ? SIO_POLLING : SIO_WEBSOCKET;
    if (!upgrade && transport != q->transport) {
        *ret_context = "TRANSPORT_MISMATCH";
        return ERROR_REQUEST;
    }
    if (!q->version_4) {
        *ret_context = "PROTOCOL_MISMATCH";
        return ERROR_REQUEST;
    }
    return ERROR_NONE;
}

static int verify(struct http_conn *conn, const struct query *q, const char **ret_context) {
    bool upgrade = wants_websocket(conn);
    *ret_context = "";
    if (q->transport == 0) {
        return ERROR_TRANSPORT;
    }
    if (q->has_sid) {
        return verify_session(q, upgrade, ret_context);
    }
    if (!is_method(conn, "GET")) {
        return ERROR_METHOD;
    }
    if (q->transport == SIO_WEBSOCKET && !upgrade) {
        *ret_context = "TRANSPORT_HANDSHAKE_ERROR";
        return ERROR_REQUEST;
    }
    return ERROR_NONE;
}

static bool is_octet_stream(const struct http_conn *conn) {
    struct text type = sio__http1_field(&conn->parser.head, "content-type");
    struct text name = {"", 0};
    if (type.data != NULL) {
        sio__text_cut(&type, ';', &name);
    }
    return sio__text_eq_nocase(sio__text_trim(name), SIO_TEXT("application/octet-stream"));
}

static void begin_post(struct http_conn *conn, struct session *s) {
    conn->role = ROLE_POST;
    if (!sio__polling_post(s, conn, is_octet_stream(conn))) {
        conn->role = ROLE_REFUSED;
        conn->error_code = ERROR_NONE;
        conn->error_status = 400;
    }
}

void sio__handshake_head(struct http_conn *conn) {
    struct query q;
    const char *context;
    if (conn->engine->options->o.cors != NULL && is_method(conn, "OPTIONS")) {
        conn->role = ROLE_PREFLIGHT;
        return;
    }
    read_query(conn, &q);
    int code = verify(conn, &q, &context);
    if (code != ERROR_NONE) {
        refuse_later(conn, code, context);
    } else if (wants_websocket(conn)) {
        conn->role = ROLE_WEBSOCKET;
    } else if (!q.has_sid) {
        conn->role = ROLE_HANDSHAKE;
    } else if (is_method(conn, "GET")) {
        conn->role = ROLE_POLL;
    } else if (is_method(conn, "POST")) {
        begin_post(conn, q.session);
    } else {
        conn->role = ROLE_REFUSED;
        conn->error_code = ERROR_NONE;
        conn->error_status = 500; /* as the official server */
    }
}

/* ---- polling handshake ---- */

static void put_cookie(struct engine *e, const struct session *s) {
    const sio_cookie *c = e->options->o.cookie;
    struct buf *value = &e->bytes;
    if (c == NULL) {
        return;
    }
    char age[SIO_U64_CHARS + 1] = "";
    age[sio__u64_write(age, c->max_age_s)] = '\0';
    const char *pieces[] = {c->name,
                            "=",
                            sio__session_sid(s),
                            c->max_age_s > 0 ? "; Max-Age=" : "",
                            c->max_age_s > 0 ? age : "",
                            c->domain != NULL ? "; Domain=" : "",
                            c->domain != NULL ? c->domain : "",
                            c->path[0] != '\0' ? "; Path=" : "",
                            c->path,
                            c->script_access ? "" : "; HttpOnly",
                            c->secure ? "; Secure" : "",
                            "; SameSite=",
                            c->same_site};
    sio__buf_clear(value);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        if (sio__buf_append_str(value, pieces[i]) < 0) {
            e->headers.error = SIO_ERR_NOMEM;
            return;
        }
    }
    sio__headers_put(&e->headers, "Set-Cookie", sio__buf_text(value));
}

/* A new session for this request; refuses the request itself when that fails. */
static struct session *new_session(struct http_conn *conn, const struct query *q) {
    struct session *s = NULL;
    struct sio_request *request = sio__http_take_request(conn);
    int r = request != NULL ? sio__session_new(conn->engine, request, &s) : SIO_ERR_NOMEM;
    if (r == 0) {
        s->text_only = q->base64;
        return s;
    }
    conn->request = request; /* still the connection's */
    if (r == SIO_ERR_NOMEM) {
        sio__engine_count(conn->engine, SIO_CAUSE_OUT_OF_MEMORY, "session");
        if (wants_websocket(conn)) {
            sio__http_refuse_upgrade(conn, 503, "Service Unavailable", NULL);
        } else {
            sio__http_answer_empty(conn, 503, true);
        }
    } else {
        refuse(conn, ERROR_REQUEST, NULL, "ID_GENERATION_ERROR");
    }
    return NULL;
}

static void open_polling(struct http_conn *conn, const struct query *q) {
    struct session *s = new_session(conn, q);
    if (s == NULL) {
        return;
    }
    int r = sio__polling_new(s);
    if (r == 0) {
        r = sio__session_open(s);
    }
    if (r < 0) {
        sio__session_discard(s);
        sio__engine_count(conn->engine, SIO_CAUSE_OUT_OF_MEMORY, "session");
        sio__http_answer_empty(conn, 503, true);
        return;
    }
    struct engine *e = conn->engine;
    conn->session = s;
    s->polling->get = conn;
    put_cookie(e, s);
    sio__polling_flush(s->polling);
    sio__headers_clear(
        &e->headers); /* without memory there was no answer, and the next is somebody else's */
}

/* ---- WebSocket handshake ---- */

static int write_101(struct http_conn *conn, const struct ws_handshake *handshake, bool first) {
    struct engine *e = conn->engine;
    struct buf *out = &e->head;
    sio__http_engine_fields(conn, first);
    sio__buf_clear(out);
    int r = sio__ws_handshake_write(out, handshake);
    if (r == 0) {
        r = sio__headers_write(&e->headers, out);
    }
    sio__headers_clear(&e->headers);
    if (r == 0) {
        r = sio__http1_write_end(out);
    }
    return r < 0 ? r : sio__stream_write(conn->stream, out->data, out->len, NULL, 0);
}

/* @param s  the new session that it is for, which ends with a failure; NULL for none
   @return the WebSocket, or NULL: the connection is gone */
static struct websocket *accept_websocket(struct http_conn *conn, struct session *s) {
    struct ws_handshake handshake;
    enum ws_fault fault = sio__ws_handshake_check(&conn->parser.head, &handshake);
    if (fault != WS_FAULT_NONE) {
        if (s != NULL) {
            sio__session_discard(s);
        }
        sio__engine_count(conn->engine, SIO_CAUSE_HTTP_SYNTAX, sio__ws_fault_text(fault));
        sio__http_refuse_upgrade(conn, sio__ws_fault_status(fault), sio__ws_fault_text(fault),
                                 fault == WS_FAULT_VERSION ? WS_VERSIONS : NULL);
        return NULL;
    }
    struct websocket *ws = NULL;
    if (write_101(conn, &handshake, s != NULL) == 0) {
        ws = sio__websocket_new(conn->engine, conn->stream);
    }
    if (ws == NULL) {
        if (s != NULL) {
            sio__session_discard(s);
        }
        sio__engine_count(conn->engine, SIO_CAUSE_OUT_OF_MEMORY, "websocket");
        sio__http_cut(conn);
    }
    return ws;
}

static void open_websocket(struct http_conn *conn, const struct query *q) {
    struct session *s = new_session(conn, q);
    if (s == NULL) {
        return;
    }
    struct websocket *ws = accept_websocket(conn, s);
    if (ws == NULL) {
        return;
    }
    s->ws = ws;
    ws->session = s;
    if (sio__session_open(s) < 0) {
        s->ws = NULL;
        sio__session_discard(s);
        sio__websocket_close(ws, WS_CLOSE_INTERNAL);
    }
    sio__http_convert(conn, ws);
}

static void do_websocket(struct http_conn *conn, const struct query *q) {
    struct websocket *ws = accept_websocket(conn, NULL);
    if (ws != NULL) {
        sio__upgrade_begin(q->session, ws);
        sio__http_convert(conn, ws);
    }
}

/* An upgrade request for polling: accepted and closed, as the official server does. */
static void close_websocket(struct http_conn *conn) {
    struct websocket *ws = accept_websocket(conn, NULL);
    if (ws != NULL) {
        sio__websocket_close(ws, 0);
        sio__http_convert(conn, ws);
    }
}

/* ---- complete requests ---- */

static void open_session(struct http_conn *conn) {
    struct query q;
    read_query(conn, &q);
    if (!q.version_4) {
        refuse(conn, ERROR_VERSION, NULL, "");
    } else if (!wants_websocket(conn)) {
        open_polling(conn, &q);
    } else if (q.transport != SIO_WEBSOCKET) {
        close_websocket(conn);
    } else {
        open_websocket(conn, &q);
    }
}

static void on_allowed(struct sio_next *next) {
    struct http_conn *conn = next->owner;
    conn->next = NULL;
    if (next->ok) {
        open_session(conn);
    } else {
        refuse(conn, ERROR_FORBIDDEN, next->message, "");
    }
    sio__next_free(next);
    /* Input that came meanwhile is the resume task's, or was given to the WebSocket. */
}

/* Asks the application whether the handshake may go on. */
static void ask(struct http_conn *conn) {
    const sio_server_options *o = &conn->engine->options->o;
    if (o->allow_request == NULL) {
        open_session(conn);
        return;
    }
    struct sio_next *next = sio__next_new(conn->engine->reactor, on_allowed, conn);
    const struct sio_request *request = sio__http_request(conn);
    if (next == NULL || request == NULL) {
        sio__next_free(next);
        sio__http_answer_empty(conn, 503, true);
        return;
    }
    conn->next = next;
    sio__next_begin(next);
    o->allow_request(request, next, o->allow_request_user);
    if (sio__next_end(next)) {
        on_allowed(next);
    }
}

static void on_websocket(struct http_conn *conn) {
    const sio_server_options *o = &conn->engine->options->o;
    struct query q;
    if (!o->any_websocket_origin && !sio__cors_websocket_ok(o->cors, &conn->parser.head)) {
        sio__engine_count(conn->engine, SIO_CAUSE_ORIGIN_REFUSED, NULL);
        sio__http_refuse_upgrade(conn, 403, "Origin not allowed", NULL);
        return;
    }
    read_query(conn, &q);
    if (!q.has_sid) {
        ask(conn);
    } else if (q.session == NULL) {
        refuse(conn, ERROR_SID, NULL, "");
    } else if (q.transport != SIO_WEBSOCKET) {
        close_websocket(conn);
    } else {
        do_websocket(conn, &q);
    }
}

static void on_poll(struct http_conn *conn) {
    struct query q;
    const char *context;
    read_query(conn, &q);
    /* Once more: a body of the GET may have taken its time. */
    int code = verify(conn, &q, &context);
    if (code != ERROR_NONE) {
        refuse(conn, code, NULL, context);
    } else {
        sio__polling_get(q.session, conn);
    }
}

static void on_preflight(struct http_conn *conn) {
    struct engine *e = conn->engine;
    sio__cors_headers(e->options->o.cors, &conn->parser.head, &e->headers);
    sio__cors_preflight(e->options->o.cors, &conn->parser.head, &e->headers);
    sio__headers_put(&e->headers, "Content-Length", SIO_TEXT("0"));
    sio__http_answer(conn, &(struct answer){.status = 204, .body = {"", 0}});
}

void sio__handshake_done(struct http_conn *conn) {
    switch (conn->role) {
    case ROLE_HANDSHAKE: ask(conn); break;
    case ROLE_WEBSOCKET: on_websocket(conn); break;
    case ROLE_POLL: on_poll(conn); break;
    case ROLE_PREFLIGHT: on_preflight(conn); break;
    default:
        if (conn->error_code == ERROR_NONE) {
            sio__http_answer_empty(conn, conn->error_status, true);
        } else {
            refuse(conn, conn->error_code, NULL, conn->error_context);
        }
        break;
    }
}
