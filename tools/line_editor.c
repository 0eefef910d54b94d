/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * The editor is libedit. It asks for one character at a time, next_character(), and there
 * everything else happens meanwhile. What is printed then first takes the line off the screen, and
 * libedit draws it again when all is printed.
 */
#include "line_editor.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

enum { HISTORY_LINES = 1000, CONTROL_C = 3, DEFAULT_COLUMNS = 80 };

struct line_editor {
    struct line_editor_hooks hooks;
    EditLine *el;
    History *history;
    char *line;
    bool reading; /* a line is being edited */
    bool hidden;  /* but is not on the screen */
    mbstate_t decoder;
};

bool line_editor_is_built_in(void) {
    return true;
}

/* ---- the screen ---- */

static size_t columns_of_terminal(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : DEFAULT_COLUMNS;
}

/* How many columns a text needs. */
static size_t width_of(const char *text, size_t len) {
    mbstate_t state = {0};
    size_t width = 0;
    while (len > 0) {
        wchar_t c = 0;
        size_t size = mbrtowc(&c, text, len, &state);
        if (size == 0 || size > len) { /* no character: libedit shows it in octal */
            state = (mbstate_t){0};
            size = 1;
            width += 4;
        } else {
            int columns = wcwidth(c);
            width += columns >= 0 ? (size_t)columns : 2; /* a control character: ^A */
        }
        text += size;
        len -= size;
    }
    return width;
}

void line_editor_hide(struct line_editor *e) {
    if (e == NULL || !e->reading || e->hidden) {
        return;
    }
    const LineInfo *line = el_line(e->el);
    const char *prompt = e->hooks.prompt(e->hooks.user);
    size_t column = strlen(prompt) + width_of(line->buffer, (size_t)(line->cursor - line->buffer));
    size_t rows = column / columns_of_terminal();
    if (rows > 0) {
        printf("\033[%zuA", rows);
    }
    fputs("\r\033[J", stdout);
    e->hidden = true;
}

void line_editor_show(struct line_editor *e) {
    if (e != NULL && e->reading && e->hidden) {
        fflush(stdout);
        e->hidden = false;
        el_set(e->el, EL_REFRESH);
    }
}

/* ---- what libedit asks for ---- */

static struct line_editor *editor_of(EditLine *el) {
    struct line_editor *e = NULL;
    el_get(el, EL_CLIENTDATA, &e);
    return e;
}

static char *prompt_of(EditLine *el) {
    struct line_editor *e = editor_of(el);
    return (char *)e->hooks.prompt(e->hooks.user);
}

/* The terminal may have been set to lines by the shell meanwhile. */
static void restore_terminal(struct line_editor *e) {
    line_editor_hide(e);
    el_set(e->el, EL_PREP_TERM, 0);
    el_set(e->el, EL_PREP_TERM, 1);
    el_resize(e->el);
    line_editor_show(e);
}

/* Reads a byte; true when it ends a character. */
static bool read_character(struct line_editor *e, wchar_t *ret_character, ssize_t *ret_size) {
    char byte;
    *ret_size = read(STDIN_FILENO, &byte, 1);
    if (*ret_size != 1) {
        return *ret_size == 0 || errno != EINTR;
    }
    size_t r = mbrtowc(ret_character, &byte, 1, &e->decoder);
    if (r == (size_t)-1) {
        e->decoder = (mbstate_t){0};
        return false;
    }
    return r != (size_t)-2;
}

static int next_character(EditLine *el, wchar_t *ret_character) {
    struct line_editor *e = editor_of(el);
    const LineInfo *line;
    ssize_t size = 0;
    e->reading = true;
    for (;;) {
        switch (e->hooks.wait(e->hooks.user)) {
        case LINE_EDITOR_END: return 0;
        case LINE_EDITOR_RESIZED: restore_terminal(e); break;
        case LINE_EDITOR_INTERRUPT:
            line = el_line(el);
            *ret_character = CONTROL_C; /* bound to a function that drops the line */
            return line->lastchar > line->buffer;
        case LINE_EDITOR_INPUT:
            if (read_character(e, ret_character, &size)) {
                return size == 1 ? 1 : 0;
            }
            break;
        }
    }
}

/* ---- completion ---- */

/* The candidates for a word, as far as they have something in common. */
struct completion {
    const char *first;
    size_t common; /* bytes that all have */
    size_t count;
};

static struct completion complete_word(const struct line_editor *e, const char *before, size_t len,
                                       const char *word, size_t word_len) {
    struct completion c = {0};
    for (size_t i = 0;; i++) {
        const char *candidate = e->hooks.candidate(e->hooks.user, before, len, i);
        if (candidate == NULL) {
            return c;
        }
        if (strncmp(candidate, word, word_len) != 0) {
            continue;
        }
        if (c.count == 0) {
            c.first = candidate;
            c.common = strlen(candidate);
        }
        size_t same = 0;
        while (same < c.common && candidate[same] == c.first[same]) {
            same++;
        }
        c.common = same;
        c.count++;
    }
}

static void list_candidates(struct line_editor *e, const char *before, size_t len, const char *word,
                            size_t word_len) {
    line_editor_hide(e);
    for (size_t i = 0;; i++) {
        const char *candidate = e->hooks.candidate(e->hooks.user, before, len, i);
        if (candidate == NULL) {
            break;
        }
        if (strncmp(candidate, word, word_len) == 0) {
            printf("%s  ", candidate);
        }
    }
    putchar('\n');
    line_editor_show(e);
}

static unsigned char on_tab(EditLine *el, int key) {
    struct line_editor *e = editor_of(el);
    const LineInfo *line = el_line(el);
    const char *word = line->cursor;
    (void)key;
    while (word > line->buffer && word[-1] != ' ') {
        word--;
    }
    size_t before = (size_t)(word - line->buffer);
    size_t len = (size_t)(line->cursor - word);
    struct completion c = complete_word(e, line->buffer, before, word, len);
    if (c.count == 0) {
        return CC_REFRESH_BEEP;
    }
    if (c.count > 1 && c.common == len) {
        list_candidates(e, line->buffer, before, word, len);
        return CC_NORM;
    }
    char *rest = NULL;
    if (asprintf(&rest, "%.*s%s", (int)(c.common - len), c.first + len, c.count == 1 ? " " : "") <
        0) {
        return CC_ERROR;
    }
    el_insertstr(el, rest);
    free(rest);
    return CC_REFRESH;
}

/* ---- history ---- */

void line_editor_load(struct line_editor *e, const char *file) {
    HistEvent ev;
    history(e->history, &ev, H_LOAD, file);
}

void line_editor_save(struct line_editor *e, const char *file) {
    HistEvent ev;
    mode_t mask = umask(S_IRWXG | S_IRWXO); /* what was typed is nobody else's business */
    history(e->history, &ev, H_SAVE, file);
    umask(mask);
}

/* Lines that begin with a blank are not kept, as in shells. */
static void remember(struct line_editor *e, const char *line) {
    HistEvent ev;
    if (line[0] != ' ' && line[0] != '\0') {
        history(e->history, &ev, H_ENTER, line);
    }
}

/* ---- life ---- */

static void set_locale(void) {
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
        setlocale(LC_CTYPE, "C.UTF-8");
    }
}

struct line_editor *line_editor_new(const struct line_editor_hooks *hooks) {
    const char *terminal = getenv("TERM");
    HistEvent ev;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || terminal == NULL ||
        terminal[0] == '\0' || strcmp(terminal, "dumb") == 0) {
        return NULL;
    }
    struct line_editor *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return NULL;
    }
    set_locale();
    e->hooks = *hooks;
    e->history = history_init();
    e->el = el_init("sio", stdin, stdout, stderr);
    if (e->history == NULL || e->el == NULL) {
        line_editor_free(e);
        return NULL;
    }
    history(e->history, &ev, H_SETSIZE, HISTORY_LINES);
    history(e->history, &ev, H_SETUNIQUE, 1);
    el_set(e->el, EL_CLIENTDATA, e);
    el_set(e->el, EL_EDITOR, "emacs");
    el_set(e->el, EL_SIGNAL, 0);
    el_set(e->el, EL_PROMPT, prompt_of);
    el_set(e->el, EL_GETCFN, next_character);
    el_set(e->el, EL_HIST, history, e->history);
    el_wset(e->el, EL_ADDFN, L"sio-complete", L"completes a word", on_tab);
    el_set(e->el, EL_BIND, "^I", "sio-complete", NULL);
    el_set(e->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_set(e->el, EL_BIND, "^C", "em-kill-line", NULL);
    return e;
}

const char *line_editor_read(struct line_editor *e) {
    int len = 0;
    const char *line = el_gets(e->el, &len);
    bool ended = line == NULL || len <= 0;
    if (ended && e->reading) {
        line_editor_hide(e);
    }
    e->reading = false;
    e->hidden = false;
    free(e->line);
    e->line = NULL;
    if (ended) {
        return NULL;
    }
    e->line = strndup(line, strcspn(line, "\r\n"));
    if (e->line != NULL) {
        remember(e, e->line);
    }
    return e->line;
}

void line_editor_free(struct line_editor *e) {
    if (e == NULL) {
        return;
    }
    if (e->el != NULL) {
        el_end(e->el);
    }
    if (e->history != NULL) {
        history_end(e->history);
    }
    free(e->line);
    free(e);
}
