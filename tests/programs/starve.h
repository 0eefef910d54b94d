/* SPDX-License-Identifier: MIT; Copyright (c) the sio authors. */
/*
 * An allocator for test programs that is short of memory: it refuses one in about N allocations of
 * the library, in an order that looks random and follows from a seed.
 *
 * The environment variable SIO_STARVE, "SEED:N", asks for it; without it nothing here has an
 * effect. Memory is refused between starve_begin() and SIGUSR1, upon which the line "sated COUNT"
 * is printed, with the number of refusals.
 */
#ifndef PROGRAMS_STARVE_H
#define PROGRAMS_STARVE_H

/** Reads the environment and installs the allocator: the first call of the program. */
void starve_init(void);

/** The program is ready: from now on memory is refused. */
void starve_begin(void);

#endif /* PROGRAMS_STARVE_H */
