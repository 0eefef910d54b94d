/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The opening handshake of WebSocket. Nothing here keeps a state, or allocates.
 */
#include "proto/ws_handshake.h"

#include <openssl/sha.h>
#include <sio/error.h>

/* RFC 6455 1.3: what is hashed together with the key. */
#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#define KEY_BYTES 16

static const struct {
    int status;
    const char *text;
} faults[] = {{101, "Switching Protocols"},
#define XX(name, status, text) {status, text},
              WS_FAULT_MAP(XX)
#undef XX
};

int sio__ws_fault_status(enum ws_fault fault) {
    return faults[fault].status;
}

const char *sio__ws_fault_text(enum ws_fault fault) {
    return faults[fault].text;
}

int sio__ws_accept(const char *key, char *ret_accept) {
    unsigned char input[WS_KEY_LEN + sizeof(ACCEPT_GUID) - 1];
    unsigned char digest[SHA_DIGEST_LENGTH];
    memcpy(input, key, WS_KEY_LEN);
    memcpy(input + WS_KEY_LEN, ACCEPT_GUID, sizeof(ACCEPT_GUID) - 1);
    if (SHA1(input, sizeof(input), digest) == NULL) {
        return SIO_ERR_NOMEM;
    }
    size_t n = sio__base64_encode(ret_accept, digest, sizeof(digest));
    ret_accept[n] = '\0';
    return 0;
}

int sio__ws_new_key(struct rand_pool *rand, char *ret_key) {
    uint8_t bytes[KEY_BYTES];
    int r = sio__rand_bytes(rand, bytes, sizeof(bytes));
    if (r < 0) {
        return r;
    }
    size_t n = sio__base64_encode(ret_key, bytes, sizeof(bytes));
    ret_key[n] = '\0';
    return 0;
}

/* ---- fields ---- */

/* The value of a field that must stand in the head once; data is NULL if it does not. */
static struct text single_field(const struct http1_head *head, const char *name) {
    if (sio__http1_field_count(head, name) != 1) {
        return (struct text){0};
    }
    return sio__http1_field(head, name);
}

/* Base64 of 16 bytes, whatever the bits behind the last byte. */
static bool is_key(struct text key) {
    if (key.len != WS_KEY_LEN || key.data[22] != '=' || key.data[23] != '=') {
        return false;
    }
    for (size_t i = 0; i < 22; i++) {
        char c = key.data[i];
        char lower = sio__ascii_lower(c);
        bool alphanumeric = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
        if (!alphanumeric && c != '+' && c != '/') {
            return false;
        }
    }
    return true;
}

/* Both sides have to say it (RFC 6455 4.1, 4.2.1): "Upgrade: websocket", "Connection: Upgrade". */
static bool upgrades_to_websocket(const struct http1_head *head) {
    return sio__http1_list_has(head, "upgrade", "websocket") &&
           sio__http1_list_has(head, "connection", "upgrade");
}

/* Checks a list of subprotocols: tokens (RFC 6455 4.1), none left out. */
static bool check_protocols(struct text list, struct text *ret_first) {
    struct text first = {0};
    struct text item;
    while (sio__text_cut(&list, ',', &item)) {
        item = sio__text_trim(item);
        if (!sio__text_is_token(item)) {
            return false;
        }
        first = first.data == NULL ? item : first;
    }
    *ret_first = first;
    return true;
}

int sio__ws_param_next(struct text *rest, struct text *ret_name, struct text *ret_value) {
    struct text part;
    if (!sio__text_cut(rest, ';', &part)) {
        return 0;
    }
    struct text name;
    struct text value = {0};
    sio__text_cut(&part, '=', &name);
    name = sio__text_trim(name);
    if (!sio__text_is_token(name)) {
        return SIO_ERR_PROTO;
    }
    if (part.data != NULL) {
        value = sio__text_trim(part);
        /* What is quoted has to be a token, too, so it cannot hold a separator or an escape. */
        if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"') {
            value = (struct text){value.data + 1, value.len - 2};
        }
        if (!sio__text_is_token(value)) {
            return SIO_ERR_PROTO;
        }
    }
    *ret_name = name;
    *ret_value = value;
    return 1;
}

int sio__ws_extension_next(struct text *rest, struct text *ret_name, struct text *ret_params) {
    struct text params;
    if (!sio__text_cut(rest, ',', &params)) {
        return 0;
    }
    struct text name;
    sio__text_cut(&params, ';', &name);
    name = sio__text_trim(name);
    if (!sio__text_is_token(name)) {
        return SIO_ERR_PROTO;
    }
    struct text unread = params;
    struct text param;
    struct text value;
    int r;
    do {
        r = sio__ws_param_next(&unread, &param, &value);
    } while (r > 0);
    if (r < 0) {
        return r;
    }
    *ret_name = name;
    *ret_params = params;
    return 1;
}

static bool check_extensions(struct text list) {
    struct text name;
    struct text params;
    int r;
    do {
        r = sio__ws_extension_next(&list, &name, &params);
    } while (r > 0);
    return r == 0;
}

/* ---- the server's side ---- */

/* Checks the lists, which may be spread over several lines. */
static enum ws_fault check_lists(const struct http1_head *head, struct text *ret_protocol) {
    struct text protocol = {0};
    for (uint32_t i = 0; i < head->field_count; i++) {
        struct text name;
        struct text value;
        struct text first;
        sio__http1_field_at(head, i, &name, &value);
        if (sio__text_eq_nocase(name, SIO_TEXT("sec-websocket-protocol"))) {
            if (!check_protocols(value, &first)) {
                return WS_FAULT_PROTOCOL;
            }
            protocol = protocol.data == NULL ? first : protocol;
        }
    }
    for (uint32_t i = 0; i < head->field_count; i++) {
        struct text name;
        struct text value;
        sio__http1_field_at(head, i, &name, &value);
        if (sio__text_eq_nocase(name, SIO_TEXT("sec-websocket-extensions")) &&
            !check_extensions(value)) {
            return WS_FAULT_EXTENSIONS;
        }
    }
    *ret_protocol = protocol;
    return WS_FAULT_NONE;
}

enum ws_fault sio__ws_handshake_check(const struct http1_head *head, struct ws_handshake *ret) {
    if (!sio__text_eq(head->method, SIO_TEXT("GET"))) {
        return WS_FAULT_METHOD;
    }
    if (head->minor == 0 || !upgrades_to_websocket(head)) {
        return WS_FAULT_UPGRADE;
    }
    struct text key = single_field(head, "sec-websocket-key");
    if (!is_key(key)) {
        return WS_FAULT_KEY;
    }
    struct text version = single_field(head, "sec-websocket-version");
    if (!sio__text_eq(version, SIO_TEXT("13")) && !sio__text_eq(version, SIO_TEXT("8"))) {
        return WS_FAULT_VERSION;
    }
    struct text protocol;
    enum ws_fault fault = check_lists(head, &protocol);
    if (fault != WS_FAULT_NONE) {
        return fault;
    }
    char accept[WS_ACCEPT_LEN + 1];
    if (sio__ws_accept(key.data, accept) < 0) {
        return WS_FAULT_INTERNAL;
    }
    memcpy(ret->accept, accept, sizeof(accept));
    ret->protocol = protocol;
    return WS_FAULT_NONE;
}

int sio__ws_handshake_write(struct buf *out, const struct ws_handshake *handshake) {
    struct text fixed = SIO_TEXT("HTTP/1.1 101 Switching Protocols\r\n"
                                 "Upgrade: websocket\r\n"
                                 "Connection: Upgrade\r\n");
    int r = sio__buf_append_text(out, fixed);
    if (r == 0) {
        struct text accept = {handshake->accept, WS_ACCEPT_LEN};
        r = sio__http1_write_field(out, SIO_TEXT("Sec-WebSocket-Accept"), accept);
    }
    if (r == 0 && handshake->protocol.data != NULL) {
        r = sio__http1_write_field(out, SIO_TEXT("Sec-WebSocket-Protocol"), handshake->protocol);
    }
    return r;
}

/* ---- the client's side ---- */

/* Whether the server's choice was among the offers. */
static bool was_offered(struct text offered, struct text protocol) {
    struct text item;
    while (sio__text_cut(&offered, ',', &item)) {
        if (sio__text_eq(sio__text_trim(item), protocol)) {
            return true;
        }
    }
    return false;
}

enum ws_fault sio__ws_handshake_check_answer(int status, const struct http1_head *head,
                                             const char *key, struct text offered,
                                             struct text *ret_protocol) {
    if (status != 101) {
        return WS_FAULT_STATUS;
    }
    if (head->minor == 0 || !upgrades_to_websocket(head)) {
        return WS_FAULT_UPGRADE;
    }
    char accept[WS_ACCEPT_LEN + 1];
    if (sio__ws_accept(key, accept) < 0) {
        return WS_FAULT_INTERNAL;
    }
    struct text wanted = {accept, WS_ACCEPT_LEN};
    if (!sio__text_eq(single_field(head, "sec-websocket-accept"), wanted)) {
        return WS_FAULT_ACCEPT;
    }
    struct text protocol = single_field(head, "sec-websocket-protocol");
    uint32_t protocols = sio__http1_field_count(head, "sec-websocket-protocol");
    if (protocols > 1 || (protocols == 1 && !was_offered(offered, protocol))) {
        return WS_FAULT_PROTOCOL;
    }
    if (protocols == 0 && offered.len > 0) {
        return WS_FAULT_NO_PROTOCOL;
    }
    if (sio__http1_field_count(head, "sec-websocket-extensions") > 0) {
        return WS_FAULT_EXTENSIONS; /* none was offered */
    }
    *ret_protocol = protocol;
    return WS_FAULT_NONE;
}
