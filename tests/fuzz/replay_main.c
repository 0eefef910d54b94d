/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */

/*
 * Runs a fuzz target without libFuzzer: every file of the directories (or the files) given as
 * arguments, and every proper prefix of each, is fed to LLVMFuzzerTestOneInput. Long files are cut
 * at about a thousand places only. Each input lies at the end of an allocation of its own, where
 * memory checkers see the first byte read too far.
 */

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_BYTES = 4096, MAX_CUTS = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t inputs_run;

static bool fail(const char *path, const char *why) {
    fprintf(stderr, "replay: %s: %s\n", path, why);
    return false;
}

static bool run_prefix(const uint8_t *data, size_t size) {
    uint8_t *copy = calloc(size > 0 ? size : 1, 1);
    if (!copy)
        return fail("input", strerror(errno));
    if (size > 0)
        memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    inputs_run++;
    return true;
}

static bool run_bytes(const uint8_t *data, size_t size) {
    size_t step = size / MAX_CUTS + 1;
    for (size_t cut = 0; cut < size; cut += step) {
        if (!run_prefix(data, cut))
            return false;
    }
    return run_prefix(data, size);
}

static bool run_file(const char *path, size_t size) {
    FILE *in = fopen(path, "rb");
    if (!in)
        return fail(path, strerror(errno));
    uint8_t *data = malloc(size > 0 ? size : 1);
    bool ok = data && fread(data, 1, size, in) == size;
    fclose(in);
    ok = ok ? run_bytes(data, size) : fail(path, "cannot read");
    free(data);
    return ok;
}

static bool run_entry(const char *path);

static bool run_directory(const char *path) {
    DIR *dir = opendir(path);
    if (!dir)
        return fail(path, strerror(errno));
    bool ok = true;
    for (struct dirent *entry = readdir(dir); ok && entry; entry = readdir(dir)) {
        char full[PATH_BYTES];
        if (entry->d_name[0] == '.')
            continue;
        int len = snprintf(full, sizeof full, "%s/%s", path, entry->d_name);
        if (len < 0 || (size_t)len >= sizeof full)
            ok = fail(path, "path too long");
        else
            ok = run_entry(full);
    }
    closedir(dir);
    return ok;
}

static bool run_entry(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0)
        return fail(path, strerror(errno));
    if (S_ISDIR(info.st_mode))
        return run_directory(path);
    return run_file(path, (size_t)info.st_size);
}

int main(int argc, char **argv) {
    bool ok = run_prefix(NULL, 0);
    for (int i = 1; ok && i < argc; i++)
        ok = run_entry(argv[i]);
    printf("%zu inputs\n", inputs_run);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
