/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
#ifndef SIO_TOOLS_LINE_EDITOR_H
#define SIO_TOOLS_LINE_EDITOR_H

/*
 * Lines typed at a terminal, with history and completion, while other things are printed there. It
 * is libedit's work; in builds without libedit there is no editor, see line_editor_none.c.
 */

#include <stdbool.h>
#include <stddef.h>

/* Why line_editor_hooks.wait has returned. */
enum line_editor_wake {
    LINE_EDITOR_INPUT,     /* something was typed */
    LINE_EDITOR_INTERRUPT, /* SIGINT: drops what was typed; the end if that is nothing */
    LINE_EDITOR_RESIZED,   /* the terminal has another size, or was used by others */
    LINE_EDITOR_END        /* no more lines are wanted */
};

struct line_editor_hooks {
    /* Does everything else until the standard input can be read. */
    enum line_editor_wake (*wait)(void *user);

    /* What stands before the line; printable ASCII. */
    const char *(*prompt)(void *user);

    /* The words that may stand behind `before`, one by one from 0; NULL behind the last one. */
    const char *(*candidate)(void *user, const char *before, size_t len, size_t index);

    void *user;
};

struct line_editor;

/* True when this build has an editor. */
bool line_editor_is_built_in(void);

/* Begins to edit. NULL when standard input and output are no terminal, when the terminal can do
 * nothing, and without libedit. */
struct line_editor *line_editor_new(const struct line_editor_hooks *hooks);

/* Loads and saves the history in a file. A file that is not there is no error. */
void line_editor_load(struct line_editor *e, const char *file);
void line_editor_save(struct line_editor *e, const char *file);

/* Reads a line. Borrowed until the next one; NULL at the end. */
const char *line_editor_read(struct line_editor *e);

/* Takes the line off the screen, so that something can be printed there; it is back before the next
 * wait. May be called when it is off already; NULL is fine. */
void line_editor_hide(struct line_editor *e);

/* Brings it back; to be called by the wait hook before it sleeps. NULL is fine. */
void line_editor_show(struct line_editor *e);

void line_editor_free(struct line_editor *e);

#endif
