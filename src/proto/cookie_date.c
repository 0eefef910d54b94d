/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * Dates of cookies (RFC 6265 5.1.1): the text is cut into tokens, and each is taken for the first
 * of time, day, month and year that it looks like and that was not found yet.
 */
#include <sio/error.h>

#include "proto/cookie_jar.h"

struct date {
    uint32_t hour;
    uint32_t minute;
    uint32_t second;
    uint32_t day;
    uint32_t month; /* 1 to 12 */
    uint32_t year;
    bool has_time;
    bool has_day;
    bool has_month;
    bool has_year;
};

static bool is_delimiter(char c) {
    return c == '\t' || (c >= 0x20 && c <= 0x2f) || (c >= 0x3b && c <= 0x40) ||
           (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7e);
}

/* Takes a number of min to max digits off the front; no digit follows it. */
static bool take_number(struct text *t, size_t min, size_t max, uint32_t *ret) {
    size_t n = sio__text_digits(*t);
    if (n < min || n > max) {
        return false;
    }
    uint32_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value = value * 10 + (uint32_t)(t->data[i] - '0');
    }
    *t = (struct text){t->data + n, t->len - n};
    *ret = value;
    return true;
}

static bool take_colon(struct text *t) {
    if (t->len == 0 || t->data[0] != ':') {
        return false;
    }
    *t = (struct text){t->data + 1, t->len - 1};
    return true;
}

static bool take_time(struct text t, struct date *d) {
    return take_number(&t, 1, 2, &d->hour) && take_colon(&t) && take_number(&t, 1, 2, &d->minute) &&
           take_colon(&t) && take_number(&t, 1, 2, &d->second);
}

static bool take_month(struct text t, uint32_t *ret) {
    static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (uint32_t i = 0; t.len >= 3 && i < 12; i++) {
        struct text name = {months + (size_t)i * 3, 3};
        if (sio__text_eq_nocase((struct text){t.data, 3}, name)) {
            *ret = i + 1;
            return true;
        }
    }
    return false;
}

static void take_token(struct text t, struct date *d) {
    if (!d->has_time && take_time(t, d)) {
        d->has_time = true;
    } else if (!d->has_day && take_number(&t, 1, 2, &d->day)) {
        d->has_day = true;
    } else if (!d->has_month && take_month(t, &d->month)) {
        d->has_month = true;
    } else if (!d->has_year && take_number(&t, 2, 4, &d->year)) {
        d->has_year = true;
    }
}

static uint32_t days_of_month(uint32_t year, uint32_t month) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* Days since 1 January 1970 in the calendar of Gregory. Years begin with March here, so that the
 * leap day is the last one. */
static int64_t days_since_1970(const struct date *d) {
    int64_t year = (int64_t)d->year - (d->month <= 2 ? 1 : 0);
    int64_t month = d->month <= 2 ? d->month + 9 : d->month - 3;
    int64_t leap_days = year / 4 - year / 100 + year / 400;
    return year * 365 + leap_days + (153 * month + 2) / 5 + d->day - 1 - 719468;
}

int sio__cookie_date_parse(struct text date, int64_t *ret_s) {
    struct date d = {0};
    for (size_t i = 0; i < date.len;) {
        size_t start = i;
        while (i < date.len && !is_delimiter(date.data[i])) {
            i++;
        }
        take_token((struct text){date.data + start, i - start}, &d);
        i++;
    }
    if (!d.has_time || !d.has_day || !d.has_month || !d.has_year) {
        return SIO_ERR_INVALID;
    }
    if (d.year < 100) {
        d.year += d.year < 70 ? 2000 : 1900;
    }
    if (d.year < 1601 || d.day < 1 || d.day > days_of_month(d.year, d.month) || d.hour > 23 ||
        d.minute > 59 || d.second > 59) {
        return SIO_ERR_INVALID;
    }
    uint32_t seconds = (d.hour * 60 + d.minute) * 60 + d.second;
    *ret_s = days_since_1970(&d) * 86400 + seconds;
    return 0;
}
