/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/* In place of line_editor.c where there is no libedit: lines are read as the terminal gives them.
 */
#include "line_editor.h"

bool line_editor_is_built_in(void) {
    return false;
}

struct line_editor *line_editor_new(const struct line_editor_hooks *hooks) {
    (void)hooks;
    return NULL;
}

void line_editor_load(struct line_editor *e, const char *file) {
    (void)e;
    (void)file;
}

void line_editor_save(struct line_editor *e, const char *file) {
    (void)e;
    (void)file;
}

const char *line_editor_read(struct line_editor *e) {
    (void)e;
    return NULL;
}

void line_editor_hide(struct line_editor *e) {
    (void)e;
}

void line_editor_show(struct line_editor *e) {
    (void)e;
}

void line_editor_free(struct line_editor *e) {
    (void)e;
}
