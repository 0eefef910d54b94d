/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */

/*
 * Writes files as C data, at build time:
 *
 *     embed OUT.c SYMBOL TYPE HEADER VERSION [NAME=FILE]...
 *
 * OUT.c includes HEADER, which declares `struct TYPE` with the members name, content_type, plain,
 * gzip and br, and defines SYMBOL (one entry per NAME, then one whose name is NULL), SYMBOL_count
 * and SYMBOL_version. FILE.gz and FILE.br become the compressed forms if they exist and are
 * smaller.
 *
 * The bytes are written as string literals: compilers read these a hundred times faster than lists
 * of numbers.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINE_BYTES = 4096, PATH_BYTES = 4096 };

static const struct {
    const char *suffix;
    const char *type;
} content_types[] = {
    {".css", "text/css; charset=utf-8"},
    {".html", "text/html; charset=utf-8"},
    {".ico", "image/x-icon"},
    {".js", "application/javascript; charset=utf-8"},
    {".json", "application/json; charset=utf-8"},
    {".map", "application/json; charset=utf-8"},
    {".mjs", "application/javascript; charset=utf-8"},
    {".png", "image/png"},
    {".svg", "image/svg+xml"},
    {".txt", "text/plain; charset=utf-8"},
    {".webmanifest", "application/manifest+json"},
    {".woff2", "font/woff2"},
};

static const char *content_type_of(const char *name) {
    const char *suffix = strrchr(name, '.');
    for (size_t i = 0; suffix && i < sizeof content_types / sizeof *content_types; i++) {
        if (strcmp(suffix, content_types[i].suffix) == 0)
            return content_types[i].type;
    }
    return "application/octet-stream";
}

/* Octal with all three digits, so that a digit that follows cannot join the escape. */
static void write_byte(FILE *out, int byte) {
    if (byte == '"' || byte == '\\')
        fprintf(out, "\\%c", byte);
    else if (byte >= ' ' && byte <= '~' && byte != '?') /* no trigraphs */
        putc(byte, out);
    else
        fprintf(out, "\\%03o", (unsigned)byte);
}

static void write_bytes(FILE *out, FILE *in, const char *member) {
    size_t len = 0;
    fprintf(out, "     .%s = {(const uint8_t *)\n      \"", member);
    for (int byte = getc(in); byte != EOF; byte = getc(in)) {
        if (len > 0 && len % LINE_BYTES == 0)
            fputs("\"\n      \"", out);
        write_byte(out, byte);
        len++;
    }
    fprintf(out, "\",\n      %zu},\n", len);
}

static bool complain(const char *path, const char *why) {
    fprintf(stderr, "embed: %s: %s\n", path, why);
    return false;
}

/* Writes one member of an entry: the contents of the file path + suffix. */
static bool write_member(FILE *out, const char *path, const char *suffix, const char *member) {
    char full[PATH_BYTES];
    int len = snprintf(full, sizeof full, "%s%s", path, suffix);
    if (len < 0 || (size_t)len >= sizeof full)
        return complain(path, "path too long");
    FILE *in = fopen(full, "rb");
    if (!in)
        return complain(full, strerror(errno));
    write_bytes(out, in, member);
    bool ok = !ferror(in);
    fclose(in);
    return ok || complain(full, "read error");
}

/* A compressed form is of use if it is there and smaller than the file. */
static bool is_of_use(const char *path, const char *suffix) {
    char full[PATH_BYTES];
    struct stat plain;
    struct stat packed;
    snprintf(full, sizeof full, "%s%s", path, suffix);
    return stat(path, &plain) == 0 && stat(full, &packed) == 0 && packed.st_size < plain.st_size;
}

static bool write_entry(FILE *out, char *pair) {
    char *path = strchr(pair, '=');
    if (!path)
        return complain(pair, "expected NAME=FILE");
    *path++ = '\0';
    const char *type = content_type_of(pair);
    fprintf(out, "    {.name = \"%s\",\n     .content_type = \"%s\",\n", pair, type);
    bool ok = write_member(out, path, "", "plain");
    if (ok && is_of_use(path, ".gz"))
        ok = write_member(out, path, ".gz", "gzip");
    if (ok && is_of_use(path, ".br"))
        ok = write_member(out, path, ".br", "br");
    fputs("    },\n", out);
    return ok;
}

static bool write_all(FILE *out, int argc, char **argv) {
    const char *symbol = argv[2];
    fprintf(out, "#include \"%s\"\n\n", argv[4]);
    fprintf(out, "const struct %s %s[] = {\n", argv[3], symbol);
    for (int i = 6; i < argc; i++) {
        if (!write_entry(out, argv[i]))
            return false;
    }
    fprintf(out, "    {.name = NULL},\n};\n\nconst size_t %s_count = %d;\n", symbol, argc - 6);
    fprintf(out, "const char %s_version[] = \"%s\";\n", symbol, argv[5]);
    return true;
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fputs("usage: embed OUT.c SYMBOL TYPE HEADER VERSION [NAME=FILE]...\n", stderr);
        return EXIT_FAILURE;
    }
    FILE *out = fopen(argv[1], "wb");
    if (!out) {
        complain(argv[1], strerror(errno));
        return EXIT_FAILURE;
    }
    bool ok = write_all(out, argc, argv);
    if (fclose(out) != 0 || !ok) {
        complain(argv[1], "not written");
        remove(argv[1]);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
