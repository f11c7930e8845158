// What the helpers share among themselves; adapters need crossdock.h only.

#ifndef CROSSDOCK_INNER_H
#define CROSSDOCK_INNER_H

#include "crossdock.h"

#include <stdlib.h>
#include <string.h>

// Room for more, or the end of the call: memory is the host's to bound.
static inline void *cd_grown(void *old, size_t size) {
  void *block = realloc(old, size);
  if (block == NULL) abort();
  return block;
}

// One more element at the end of a list.
#define CD_ADD(list, element) \
  ((list)->ptr = cd_grown((list)->ptr, ((list)->len + 1) * sizeof *(list)->ptr), (list)->ptr[(list)->len++] = (element))

static inline bool cd_is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

static inline cd_body cd_body_of(cd_text text) {
  cd_body body = {.tag = CROSSDOCK_ADAPTER_TYPES_BODY_TEXT};
  body.val.text = text;
  return body;
}

// A fault with a pointer; false, so that it can be returned.
bool cd_detailed(cd_fault *fault, uint8_t tag, cd_text pointer, cd_text message);

#endif
