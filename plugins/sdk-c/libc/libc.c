// The C library of an adapter. It has no system below it: memory grows, and is
// all given back at the end of each call, because an adapter keeps nothing
// between two.

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PAGE ((size_t)65536)
#define ALIGN ((size_t)16)

// The linker says where memory begins that nobody uses.
extern unsigned char __heap_base;

// Where the next block goes; 0 at the beginning of a call.
static size_t next = 0;
// The block that was given last may grow where it is.
static size_t last = 0;

static size_t align(size_t at) { return (at + ALIGN - 1) & ~(ALIGN - 1); }

// Sees to it that memory reaches this far.
static bool reach(size_t end) {
  size_t have = __builtin_wasm_memory_size(0) * PAGE;
  if (end <= have) return true;
  size_t pages = (end - have + PAGE - 1) / PAGE;
  return __builtin_wasm_memory_grow(0, pages) != (size_t)-1;
}

// Each block has its size in front of it.
static size_t *size_of(void *block) { return (size_t *)((uint8_t *)block - ALIGN); }

void *malloc(size_t size) {
  if (next == 0) next = align((size_t)&__heap_base);
  if (size > SIZE_MAX / 2) return NULL;
  size_t block = next + ALIGN;
  if (!reach(block + size)) return NULL;
  *size_of((void *)block) = size;
  last = block;
  next = align(block + size);
  return (void *)block;
}

void *calloc(size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / 2 / size) return NULL;
  void *block = malloc(count * size);
  if (block != NULL) memset(block, 0, count * size);
  return block;
}

void *realloc(void *old, size_t size) {
  if (old == NULL) return malloc(size);
  size_t had = *size_of(old);
  if (size <= had) return old;
  if ((size_t)old == last && size <= SIZE_MAX / 2) {
    if (!reach(last + size)) return NULL;
    *size_of(old) = size;
    next = align(last + size);
    return old;
  }
  void *block = malloc(size);
  if (block != NULL) memcpy(block, old, had);
  return block;
}

void free(void *memory) { (void)memory; }

void abort(void) { __builtin_trap(); }

// The host calls these when it has taken a call's result. They stand in for the
// generated ones, which free piece by piece.
#define AFTER(function, name)                                                            \
  __attribute__((__export_name__("cabi_post_crossdock:adapter/adapter@0.1.0#" name))) \
  void __wasm_export_exports_crossdock_adapter_adapter_##function##_post_return(uint8_t *result) { \
    (void)result;                                                                        \
    next = last = 0;                                                                     \
  }

AFTER(describe, "describe")
AFTER(map, "map")
AFTER(sign, "sign")
AFTER(parse_response, "parse-response")

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
  uint8_t *out = to;
  const uint8_t *in = from;
  while (size-- > 0) *out++ = *in++;
  return to;
}

void *memmove(void *to, const void *from, size_t size) {
  uint8_t *out = to;
  const uint8_t *in = from;
  if (out < in) {
    while (size-- > 0) *out++ = *in++;
  } else {
    while (size-- > 0) out[size] = in[size];
  }
  return to;
}

void *memset(void *at, int byte, size_t size) {
  uint8_t *out = at;
  while (size-- > 0) *out++ = (uint8_t)byte;
  return at;
}

int memcmp(const void *one, const void *other, size_t size) {
  const uint8_t *a = one, *b = other;
  for (size_t i = 0; i < size; i++) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

void *memchr(const void *at, int byte, size_t size) {
  const uint8_t *in = at;
  for (size_t i = 0; i < size; i++) {
    if (in[i] == (uint8_t)byte) return (void *)(in + i);
  }
  return NULL;
}

size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length] != 0) length++;
  return length;
}

int strcmp(const char *one, const char *other) { return strncmp(one, other, SIZE_MAX); }

int strncmp(const char *one, const char *other, size_t size) {
  for (size_t i = 0; i < size; i++) {
    uint8_t a = (uint8_t)one[i], b = (uint8_t)other[i];
    if (a != b) return a < b ? -1 : 1;
    if (a == 0) return 0;
  }
  return 0;
}

char *strchr(const char *text, int byte) {
  for (;; text++) {
    if (*text == (char)byte) return (char *)text;
    if (*text == 0) return NULL;
  }
}
