/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * What is particular to the heads of responses.
 *
 * llhttp lets through and this file does not: empty lines before the status line, line ends within
 * it, and framing where there cannot be a body. llhttp does not learn the method of the request, so
 * where a body ends is found here (RFC 9112 6.3).
 */
#include "proto/http1_core.h"

/* RFC 9112 4. The blank behind the status may be missing if there is no reason: some servers leave
 * it out, and that has no second meaning. */
static int check_status_line(struct http1_parser *p) {
    struct text rest = p->head.raw;
    struct text line;
    struct text version;
    struct text digits;
    uint64_t status;
    sio__text_cut(&rest, '\r', &line);
    sio__text_cut(&line, ' ', &version);
    if (!sio__text_starts(rest, SIO_TEXT("\n")) ||
        !sio__text_starts(version, SIO_TEXT("HTTP/1.")) || !sio__text_cut(&line, ' ', &digits) ||
        sio__parse_u64(digits, 3, &status) < 0 || status < 100 || !sio__text_is_field_value(line)) {
        return sio__http1_refuse(p, 400, "malformed status line");
    }
    p->head.status = (int)status;
    return 0;
}

/* RFC 9112 6.1, RFC 9110 8.6: these have no body, whatever is asked for; if the head speaks of one
 * it is not known what the next bytes are. */
static int check_framing(struct http1_parser *p) {
    const struct http1_head *head = &p->head;
    bool never_has_body = head->status < 200 || head->status == 204;
    if (never_has_body && (head->chunked || head->content_length > 0)) {
        return sio__http1_refuse(p, 400, "status that has no body comes with one");
    }
    return 0;
}

/* RFC 9112 6.3 */
static enum http1_phase body_phase(const struct http1_parser *p) {
    const struct http1_head *head = &p->head;
    if (p->asked_head || head->status < 200 || head->status == 204 || head->status == 304) {
        return PHASE_DONE;
    }
    if (head->chunked) {
        return PHASE_CHUNKS;
    }
    if (head->has_length) {
        return head->content_length > 0 ? PHASE_LENGTH : PHASE_DONE;
    }
    return PHASE_TO_END;
}

enum http1_phase sio__http1_end_response(struct http1_parser *p) {
    struct http1_head *head = &p->head;
    if (check_status_line(p) != 0 || sio__http1_check_coding(p) != 0 || check_framing(p) != 0) {
        return PHASE_FAILED;
    }
    if (head->status < 200 && head->status != 101) {
        if (p->interim_count == HTTP1_INTERIM_MAX) {
            sio__http1_refuse(p, 400, "too many interim responses");
            return PHASE_FAILED;
        }
        p->interim_count++;
        return PHASE_HEAD;
    }
    enum http1_phase phase = body_phase(p);
    head->keep_alive = head->keep_alive && head->status != 101 && phase != PHASE_TO_END;
    return phase;
}
