/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Cookies: an array in the order in which they are sent. Each has one block of text.
 *
 * The domain of a cookie is the host or an end of it, or else the cookie is refused: so its length
 * tells which.
 */
#include "proto/cookie_jar.h"

#include <sio/error.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "proto/url.h"

#define SEPARATOR "; "

struct cookie {
    char *text; /* owned: name, '=', value, path */
    int64_t expires_s;
    uint64_t created; /* number in the order of creation */
    uint16_t name_len;
    uint16_t pair_len; /* name, '=', value */
    uint16_t path_len;
    uint16_t domain_len;
    bool is_sent; /* with the request that is being written */
};

/* What a Set-Cookie field says. */
struct parsed {
    struct text name;
    struct text value;
    struct text path;   /* empty: that of the request */
    struct text domain; /* empty: the host */
    int64_t expires_s;
    bool has_max_age;
    bool secure;
};

/* ---- texts ---- */

static struct text name_of(const struct cookie *c) {
    return (struct text){c->text, c->name_len};
}

static struct text path_of(const struct cookie *c) {
    return (struct text){c->text + c->pair_len, c->path_len};
}

static struct text request_path(struct text target) {
    struct text path = {0};
    (void)sio__text_cut(&target, '?', &path);
    return path;
}

/* RFC 6265 5.1.4: the path up to the last slash. */
static struct text default_path(struct text path) {
    size_t len = path.len;
    while (len > 0 && path.data[len - 1] != '/') {
        len--;
    }
    bool is_root = len <= 1 || path.data[0] != '/';
    return is_root ? SIO_TEXT("/") : (struct text){path.data, len - 1};
}

/* RFC 6265 5.1.4: the same, or a directory above. */
static bool path_matches(struct text path, struct text cookie_path) {
    if (!sio__text_starts(path, cookie_path)) {
        return false;
    }
    return path.len == cookie_path.len || cookie_path.data[cookie_path.len - 1] == '/' ||
           path.data[cookie_path.len] == '/';
}

/* RFC 6265 5.1.3: the host, or a domain above it. */
static bool domain_matches(const struct cookie_jar *jar, struct text domain) {
    struct text host = jar->host;
    if (domain.len >= host.len || jar->is_address) {
        return sio__text_eq_nocase(host, domain);
    }
    struct text end = {host.data + host.len - domain.len, domain.len};
    return host.data[host.len - domain.len - 1] == '.' && sio__text_eq_nocase(end, domain);
}

/* ---- parsing ---- */

/* RFC 6265 5.2.2; what is no number is ignored. */
static void read_max_age(struct text value, int64_t now_s, struct parsed *p) {
    bool negative = value.len > 0 && value.data[0] == '-';
    struct text digits = negative ? (struct text){value.data + 1, value.len - 1} : value;
    if (digits.len == 0 || sio__text_digits(digits) != digits.len) {
        return;
    }
    uint64_t age = UINT64_MAX;
    (void)sio__parse_u64(digits, digits.len, &age); /* stays as it is when it is too large */
    p->has_max_age = true;
    if (negative || age == 0) {
        p->expires_s = INT64_MIN;
    } else if (age > INT64_MAX || __builtin_add_overflow(now_s, (int64_t)age, &p->expires_s)) {
        p->expires_s = INT64_MAX;
    }
}

/* One attribute; of several with the same name the last one counts. */
static void read_attribute(struct text name, struct text value, int64_t now_s, struct parsed *p) {
    if (value.len > COOKIE_ATTRIBUTE_MAX) {
        return;
    }
    if (sio__text_eq_nocase(name, SIO_TEXT("expires"))) {
        if (!p->has_max_age) { /* which has precedence (RFC 6265 5.3) */
            (void)sio__cookie_date_parse(value, &p->expires_s);
        }
    } else if (sio__text_eq_nocase(name, SIO_TEXT("max-age"))) {
        read_max_age(value, now_s, p);
    } else if (sio__text_eq_nocase(name, SIO_TEXT("domain"))) {
        if (value.len > 0) {
            size_t dot = value.data[0] == '.' ? 1 : 0;
            p->domain = (struct text){value.data + dot, value.len - dot};
        }
    } else if (sio__text_eq_nocase(name, SIO_TEXT("path"))) {
        bool absolute = value.len > 0 && value.data[0] == '/';
        p->path = absolute ? value : (struct text){0};
    } else if (sio__text_eq_nocase(name, SIO_TEXT("secure"))) {
        p->secure = true;
    }
}

/* RFC 6265 5.2. Returns false when the cookie is to be ignored. */
static bool parse(struct text set_cookie, int64_t now_s, struct parsed *p) {
    struct text part;
    if (!sio__text_is_field_value(set_cookie) || !sio__text_cut(&set_cookie, ';', &part)) {
        return false;
    }
    *p = (struct parsed){.expires_s = INT64_MAX};
    (void)sio__text_cut(&part, '=', &p->name);
    p->name = sio__text_trim(p->name);
    p->value = sio__text_trim(part);
    if (part.data == NULL || p->name.len == 0 || p->name.len + p->value.len > COOKIE_BYTES_MAX) {
        return false;
    }
    while (sio__text_cut(&set_cookie, ';', &part)) {
        struct text name;
        (void)sio__text_cut(&part, '=', &name);
        read_attribute(sio__text_trim(name), sio__text_trim(part), now_s, p);
    }
    return true;
}

/* ---- the jar ---- */

void sio__cookie_jar_init(struct cookie_jar *jar, struct text host, bool secure) {
    uint8_t address[16];
    enum url_host kind = sio__url_host(host, address);
    *jar = (struct cookie_jar){
        .host = host,
        .secure = secure,
        .is_address = kind == URL_HOST_IPV4 || kind == URL_HOST_IPV6,
    };
}

void sio__cookie_jar_done(struct cookie_jar *jar) {
    if (jar == NULL) {
        return;
    }
    for (uint32_t i = 0; i < jar->len; i++) {
        sio__free(jar->cookies[i].text);
    }
    sio__free(jar->cookies);
    jar->cookies = NULL;
    jar->len = 0;
    jar->cap = 0;
}

static void drop_at(struct cookie_jar *jar, uint32_t at) {
    sio__free(jar->cookies[at].text);
    jar->len--;
    memmove(jar->cookies + at, jar->cookies + at + 1, (jar->len - at) * sizeof(*jar->cookies));
}

static void drop_expired(struct cookie_jar *jar, int64_t now_s) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < jar->len; i++) {
        if (jar->cookies[i].expires_s <= now_s) {
            sio__free(jar->cookies[i].text);
        } else {
            jar->cookies[kept] = jar->cookies[i];
            kept++;
        }
    }
    jar->len = kept;
}

static void drop_oldest(struct cookie_jar *jar) {
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < jar->len; i++) {
        if (jar->cookies[i].created < jar->cookies[oldest].created) {
            oldest = i;
        }
    }
    drop_at(jar, oldest);
}

/* The cookie of the same name, domain and path; NULL if there is none. */
static struct cookie *find(struct cookie_jar *jar, const struct parsed *p) {
    for (uint32_t i = 0; i < jar->len; i++) {
        struct cookie *c = &jar->cookies[i];
        if (c->domain_len == p->domain.len && sio__text_eq(name_of(c), p->name) &&
            sio__text_eq(path_of(c), p->path)) {
            return c;
        }
    }
    return NULL;
}

static int make(const struct parsed *p, struct cookie *ret) {
    char *text = sio__malloc(p->name.len + 1 + p->value.len + p->path.len);
    if (text == NULL) {
        return SIO_ERR_NOMEM;
    }
    size_t pair_len = p->name.len + 1 + p->value.len;
    memcpy(text, p->name.data, p->name.len);
    text[p->name.len] = '=';
    memcpy(text + p->name.len + 1, p->value.data, p->value.len);
    memcpy(text + pair_len, p->path.data, p->path.len);
    *ret = (struct cookie){
        .text = text,
        .expires_s = p->expires_s,
        .name_len = (uint16_t)p->name.len,
        .pair_len = (uint16_t)pair_len,
        .path_len = (uint16_t)p->path.len,
        .domain_len = (uint16_t)p->domain.len,
    };
    return 0;
}

/* Puts a cookie behind all whose path is as long or longer; there is room. */
static void insert(struct cookie_jar *jar, const struct cookie *cookie) {
    uint32_t at = 0;
    while (at < jar->len && jar->cookies[at].path_len >= cookie->path_len) {
        at++;
    }
    memmove(jar->cookies + at + 1, jar->cookies + at, (jar->len - at) * sizeof(*cookie));
    jar->cookies[at] = *cookie;
    jar->len++;
}

/* The new one takes over the creation time, and so the place: RFC 6265 5.3 step 11. */
static int replace(struct cookie *same, const struct parsed *p) {
    uint64_t created = same->created;
    char *old_text = same->text;
    int r = make(p, same);
    if (r < 0) {
        return r;
    }
    same->created = created;
    sio__free(old_text);
    return 1;
}

static int add(struct cookie_jar *jar, const struct parsed *p) {
    struct cookie made;
    int r = make(p, &made);
    if (r < 0) {
        return r;
    }
    bool is_full = jar->len == COOKIE_JAR_MAX;
    r = sio__vec_reserve(&jar->cookies, &jar->cap, is_full ? jar->len : jar->len + 1,
                         sizeof(*jar->cookies));
    if (r < 0) {
        sio__free(made.text);
        return r;
    }
    if (is_full) {
        drop_oldest(jar);
    }
    made.created = jar->created;
    jar->created++;
    insert(jar, &made);
    return 1;
}

int sio__cookie_jar_set(struct cookie_jar *jar, struct text set_cookie, struct text target,
                        int64_t now_s) {
    struct parsed p;
    if (!parse(set_cookie, now_s, &p) || (p.secure && !jar->secure)) {
        return 0;
    }
    if (p.domain.len == 0) {
        p.domain = jar->host;
    } else if (!domain_matches(jar, p.domain)) {
        return 0;
    }
    if (p.path.len == 0) {
        p.path = default_path(request_path(target));
    }
    if (p.path.len > COOKIE_ATTRIBUTE_MAX) {
        return 0;
    }
    drop_expired(jar, now_s);
    struct cookie *same = find(jar, &p);
    if (p.expires_s > now_s) {
        return same != NULL ? replace(same, &p) : add(jar, &p);
    }
    if (same == NULL) {
        return 0;
    }
    drop_at(jar, (uint32_t)(same - jar->cookies));
    return 1;
}

/* The longest of those that are to be sent, the last one of several; there is one. */
static struct cookie *longest(struct cookie_jar *jar) {
    struct cookie *found = NULL;
    for (uint32_t i = 0; i < jar->len; i++) {
        struct cookie *c = &jar->cookies[i];
        if (c->is_sent && (found == NULL || c->pair_len >= found->pair_len)) {
            found = c;
        }
    }
    return found;
}

/* Chooses those for a path that fit into max bytes. */
static void choose(struct cookie_jar *jar, struct text path, size_t max) {
    const size_t separator = sizeof SEPARATOR - 1;
    size_t len = 0; /* with a separator behind the last, too */
    for (uint32_t i = 0; i < jar->len; i++) {
        struct cookie *c = &jar->cookies[i];
        c->is_sent = path_matches(path, path_of(c));
        len += c->is_sent ? c->pair_len + separator : 0;
    }
    while (len > 0 && len - separator > max) {
        struct cookie *c = longest(jar);
        c->is_sent = false;
        len -= c->pair_len + separator;
    }
}

int sio__cookie_jar_write(struct cookie_jar *jar, struct text target, int64_t now_s, size_t max,
                          struct buf *out) {
    size_t before = out->len;
    int written = 0;
    drop_expired(jar, now_s);
    choose(jar, request_path(target), max);
    for (uint32_t i = 0; i < jar->len; i++) {
        const struct cookie *c = &jar->cookies[i];
        if (!c->is_sent) {
            continue;
        }
        int r = sio__buf_append_str(out, written > 0 ? SEPARATOR : "");
        if (r == 0) {
            r = sio__buf_append(out, c->text, c->pair_len);
        }
        if (r < 0) {
            out->len = before;
            return r;
        }
        written++;
    }
    return written;
}
