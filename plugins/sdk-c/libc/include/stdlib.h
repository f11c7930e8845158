// What an adapter needs of the C library, and no more: see ../libc.c.
#ifndef CROSSDOCK_STDLIB_H
#define CROSSDOCK_STDLIB_H

#include <stddef.h>

// Everything that is allocated during a call is given back when the host has
// taken the call's result. Nothing needs `free`, and nothing may be kept.
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);
void free(void *memory);

// Ends the call; the host reports the adapter as broken.
_Noreturn void abort(void);

#endif
