/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#include "json_text.h"

#include <sio/error.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"

/* Containers that are at most so long are printed in one line. */
enum { SHORT_BYTES = 60, STEP = 2, DEEPEST_STEP = 32 };

bool json_valid(const char *text, size_t len) {
    sio_msg *m = NULL;
    sio_msg_new(&m, NULL);
    bool valid = sio_msg_add_json(m, text, len) == 0;
    sio_msg_unref(m);
    return valid;
}

/* ---- walking ---- */

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_blanks(const char *p, const char *end) {
    while (p < end && is_blank(*p)) {
        p++;
    }
    return p;
}

static const char *skip_string(const char *p, const char *end) {
    for (p++; p < end && *p != '"'; p++) {
        if (*p == '\\' && p + 1 < end) {
            p++;
        }
    }
    return p < end ? p + 1 : end;
}

static const char *skip_scalar(const char *p, const char *end) {
    if (p < end && *p == '"') {
        return skip_string(p, end);
    }
    while (p < end && !is_blank(*p) && *p != ',' && *p != ':' && *p != ']' && *p != '}') {
        p++;
    }
    return p;
}

const char *json_skip(const char *p, const char *end) {
    size_t depth = 0;
    do {
        p = skip_blanks(p, end);
        if (p == end) {
            break;
        }
        if (*p == '{' || *p == '[') {
            depth++;
            p++;
        } else if (depth > 0 && (*p == '}' || *p == ']')) {
            depth--;
            p++;
        } else if (depth > 0 && (*p == ',' || *p == ':')) {
            p++;
        } else {
            p = skip_scalar(p, end);
        }
    } while (depth > 0);
    return p;
}

bool json_next(struct slice *rest, struct slice *ret_key, struct slice *ret_value) {
    const char *end = rest->data + rest->len;
    const char *p = skip_blanks(rest->data, end);
    if (p < end && (*p == '{' || *p == '[' || *p == ',')) {
        p = skip_blanks(p + 1, end);
    }
    if (p == end || *p == '}' || *p == ']') {
        return false;
    }
    *ret_key = (struct slice){0};
    const char *behind = json_skip(p, end);
    const char *colon = skip_blanks(behind, end);
    if (colon < end && *colon == ':') {
        *ret_key = (struct slice){p, (size_t)(behind - p)};
        p = skip_blanks(colon + 1, end);
        behind = json_skip(p, end);
    }
    *ret_value = (struct slice){p, (size_t)(behind - p)};
    const char *next = skip_blanks(behind, end);
    *rest = (struct slice){next, (size_t)(end - next)};
    return true;
}

/* ---- strings ---- */

static unsigned hex_value(char c) {
    return c <= '9' ? (unsigned)(c - '0') : ((unsigned)c | 0x20) - 'a' + 10;
}

static unsigned code_unit(const char *p) {
    return hex_value(p[0]) << 12 | hex_value(p[1]) << 8 | hex_value(p[2]) << 4 | hex_value(p[3]);
}

static char *put_utf8(char *to, unsigned code) {
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    return to;
}

/* Writes the character whose escape begins at p, behind "\u"; returns what is behind the escape.
 * Lone surrogates become U+FFFD. */
static const char *unescape_code(const char *p, const char *end, char **to) {
    unsigned code = code_unit(p);
    p += 4;
    if (code >= 0xd800 && code < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        unsigned low = code_unit(p + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            p += 6;
        }
    }
    *to = put_utf8(*to, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
    return p;
}

char *json_unescape(struct slice string, size_t *ret_len) {
    static const char letters[] = "bfnrt";
    static const char controls[] = "\b\f\n\r\t";
    char *text = malloc(string.len + 1);
    if (text == NULL) {
        return NULL;
    }
    char *to = text;
    const char *end = string.data + string.len - 1; /* the quote */
    for (const char *p = string.data + 1; p < end;) {
        if (*p != '\\') {
            *to++ = *p++;
            continue;
        }
        const char *letter = strchr(letters, p[1]);
        if (p[1] == 'u') {
            p = unescape_code(p + 2, end, &to);
            continue;
        }
        *to++ = letter != NULL ? controls[letter - letters] : p[1];
        p += 2;
    }
    *to = '\0';
    if (ret_len != NULL) {
        *ret_len = (size_t)(to - text);
    }
    return text;
}

/* ---- printing ---- */

bool json_is_invisible(const char *text, size_t len) {
    const unsigned char *p = (const unsigned char *)text;
    if (len < 3 || p[0] != 0xe2) {
        return false;
    }
    return (p[1] == 0x80 && ((p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xa8 && p[2] <= 0xae))) ||
           (p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xaf);
}

/* Prints one character of JSON text or of a string; returns how many bytes it has. */
static size_t print_character(FILE *out, const char *p, size_t len) {
    unsigned char c = (unsigned char)*p;
    if (c < 0x20 || c == 0x7f) {
        fprintf(out, "\\u%04x", c);
        return 1;
    }
    if (c == 0xc2 && len > 1 && (unsigned char)p[1] < 0xa0) { /* U+0080 to U+009F */
        fprintf(out, "\\u%04x", (unsigned char)p[1]);
        return 2;
    }
    if (json_is_invisible(p, len)) {
        fprintf(out, "\\u%04x",
                0x2000u | ((unsigned char)p[1] & 0x3fu) << 6 | ((unsigned char)p[2] & 0x3fu));
        return 3;
    }
    putc(c, out);
    return 1;
}

void json_print_string(FILE *out, const char *text, size_t len) {
    static const char letters[] = "bfnrt";
    static const char controls[] = "\b\f\n\r\t";
    putc('"', out);
    for (size_t i = 0; i < len;) {
        const char *control = text[i] == '\0' ? NULL : strchr(controls, text[i]);
        if (control != NULL || text[i] == '"' || text[i] == '\\') {
            putc('\\', out);
            putc(control != NULL ? letters[control - controls] : text[i], out);
            i++;
        } else {
            i += print_character(out, text + i, len - i);
        }
    }
    putc('"', out);
}

static void print_scalar(FILE *out, const char *p, const char *end) {
    while (p < end) {
        p += print_character(out, p, (size_t)(end - p));
    }
}

/* Prints what begins at p, and returns the end of it: a string or another scalar, or one sign. */
static const char *print_token(FILE *out, const char *p, const char *end) {
    if (strchr("{}[],:", *p) != NULL) {
        putc(*p, out);
        return p + 1;
    }
    const char *behind = skip_scalar(p, end);
    print_scalar(out, p, behind);
    return behind;
}

void json_print_line(FILE *out, const char *text, size_t len) {
    const char *end = text + len;
    for (const char *p = skip_blanks(text, end); p < end; p = skip_blanks(p, end)) {
        p = print_token(out, p, end);
    }
}

/* Begins a line. What is nested very deeply is not moved to the right any further. */
static void new_line(FILE *out, int indent, int depth) {
    indent += STEP * (depth < DEEPEST_STEP ? depth : DEEPEST_STEP);
    fprintf(out, "\n%*s", indent, "");
}

/* The end of the container that begins at p, if it is short or empty; else NULL. */
static const char *short_end(const char *p, const char *end) {
    const char *near = end - p > SHORT_BYTES ? p + SHORT_BYTES : end;
    const char *behind = json_skip(p, near);
    return behind < near || near == end ? behind : NULL;
}

void json_print_pretty(FILE *out, const char *text, size_t len, int indent) {
    const char *end = text + len;
    int depth = 0;
    fprintf(out, "%*s", indent, "");
    for (const char *p = skip_blanks(text, end); p < end; p = skip_blanks(p, end)) {
        bool opens = *p == '{' || *p == '[';
        const char *behind = opens ? short_end(p, end) : NULL;
        if (behind != NULL) {
            json_print_line(out, p, (size_t)(behind - p));
            p = behind;
        } else if (opens) {
            p = print_token(out, p, end);
            depth++;
            new_line(out, indent, depth);
        } else if (*p == '}' || *p == ']') {
            depth--;
            new_line(out, indent, depth);
            p = print_token(out, p, end);
        } else if (*p == ',') {
            if (depth > 0) {
                putc(',', out);
            }
            new_line(out, indent, depth);
            p++;
        } else {
            bool colon = *p == ':';
            p = print_token(out, p, end);
            if (colon) {
                putc(' ', out);
            }
        }
    }
    putc('\n', out);
}

/* ---- messages ---- */

/* Adds the object at p as bytes, if that is what it stands for. *ret_behind is its end then. */
static int add_bytes(sio_msg *m, const char *p, const char *end, const char **ret_behind) {
    struct slice rest = {p, (size_t)(json_skip(p, end) - p)};
    struct slice key;
    struct slice value;
    struct slice more;
    const char *behind = rest.data + rest.len;
    if (!json_next(&rest, &key, &value) || key.len != 8 || memcmp(key.data, "\"base64\"", 8) != 0 ||
        value.len < 2 || value.data[0] != '"' || json_next(&rest, &key, &more)) {
        return 0;
    }
    uint8_t *bytes = malloc(value.len);
    size_t len = 0;
    if (bytes == NULL) {
        return SIO_ERR_NOMEM;
    }
    int r = 0;
    if (base64_read(value.data + 1, value.len - 2, bytes, &len)) {
        r = sio_msg_add_bytes(m, bytes, len);
        *ret_behind = behind;
    }
    free(bytes);
    return r;
}

static int add_key(sio_msg *m, const char *p, const char *behind) {
    size_t len = 0;
    char *key = json_unescape((struct slice){p, (size_t)(behind - p)}, &len);
    if (key == NULL) {
        return SIO_ERR_NOMEM;
    }
    int r = strlen(key) == len ? sio_msg_key(m, key) : SIO_ERR_INVALID;
    free(key);
    return r;
}

/* Adds the key or the scalar at p, which is moved behind it. */
static int add_scalar(sio_msg *m, const char **p, const char *end) {
    const char *begin = *p;
    const char *behind = skip_scalar(begin, end);
    const char *colon = skip_blanks(behind, end);
    if (colon < end && *colon == ':') {
        *p = colon + 1;
        return add_key(m, begin, behind);
    }
    *p = behind;
    return sio_msg_add_json(m, begin, (size_t)(behind - begin));
}

int json_to_msg(sio_msg *m, const char *text, size_t len) {
    if (memmem(text, len, "\"base64\"", 8) == NULL || !json_valid(text, len)) {
        return sio_msg_add_json(m, text, len);
    }
    const char *end = text + len;
    int r = 0;
    for (const char *p = skip_blanks(text, end); p < end && r == 0; p = skip_blanks(p, end)) {
        const char *behind = p;
        switch (*p) {
        case '{':
            r = add_bytes(m, p, end, &behind);
            if (r == 0 && behind == p) {
                r = sio_msg_begin_object(m);
                behind++;
            }
            p = behind;
            break;
        case '[':
            r = sio_msg_begin_array(m);
            p++;
            break;
        case '}':
        case ']':
            r = sio_msg_end(m);
            p++;
            break;
        case ',': p++; break;
        default: r = add_scalar(m, &p, end); break;
        }
    }
    return r;
}
