// Pairs, forms, and what `map` gives: requests and failures.

#include "inner.h"

void cd_add_pair(cd_pairs *pairs, cd_text name, cd_text value) { CD_ADD(pairs, ((cd_pair){name, value})); }

void cd_sort_pairs(cd_pairs *pairs) {
  for (size_t i = 1; i < pairs->len; i++) {
    cd_pair pair = pairs->ptr[i];
    size_t at = i;
    for (; at > 0 && cd_compare(pairs->ptr[at - 1].f0, pair.f0) > 0; at--) pairs->ptr[at] = pairs->ptr[at - 1];
    pairs->ptr[at] = pair;
  }
}

cd_text cd_form(cd_pairs pairs) {
  cd_buffer out = {0};
  for (size_t i = 0; i < pairs.len; i++) {
    if (i > 0) cd_put_byte(&out, '&');
    cd_put_form(&out, pairs.ptr[i].f0);
    cd_put_byte(&out, '=');
    cd_put_form(&out, pairs.ptr[i].f1);
  }
  return cd_taken(out);
}

static int nibble(cd_text text, size_t at) {
  if (at >= text.len) return -1;
  uint8_t byte = text.ptr[at];
  if (cd_is_digit(byte)) return byte - '0';
  return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'f' ? (byte | 0x20) - 'a' + 10 : -1;
}

static cd_text from_form(cd_text text) {
  cd_buffer out = {0};
  for (size_t i = 0; i < text.len; i++) {
    int high = nibble(text, i + 1), low = nibble(text, i + 2);
    if (text.ptr[i] == '%' && high >= 0 && low >= 0) {
      cd_put_byte(&out, (uint8_t)(high << 4 | low));
      i += 2;
    } else {
      cd_put_byte(&out, text.ptr[i] == '+' ? ' ' : text.ptr[i]);
    }
  }
  return cd_taken(out);
}

cd_pairs cd_form_fields(cd_text form) {
  cd_pairs fields = {0};
  for (size_t start = 0; start < form.len;) {
    size_t end = start, equals = 0;
    bool named = false;
    for (; end < form.len && form.ptr[end] != '&'; end++) {
      if (!named && form.ptr[end] == '=') equals = end, named = true;
    }
    if (!named) equals = end;
    size_t value = named ? equals + 1 : end;
    if (end > start) {
      cd_add_pair(&fields, from_form((cd_text){form.ptr + start, equals - start}), from_form((cd_text){form.ptr + value, end - value}));
    }
    start = end + 1;
  }
  return fields;
}

cd_draft cd_request_draft(const char *method, const char *path, const char *type, cd_text body) {
  cd_draft draft = {.method = cd_str(method), .path = cd_str(path)};
  if (type != NULL) {
    cd_add_pair(&draft.headers, cd_str("content-type"), cd_str(type));
    draft.body = cd_body_of(body);
  }
  return draft;
}

cd_text cd_body_text(cd_body body) {
  if (body.tag == CROSSDOCK_ADAPTER_TYPES_BODY_TEXT) return body.val.text;
  if (body.tag == CROSSDOCK_ADAPTER_TYPES_BODY_BYTES) return (cd_text){body.val.bytes.ptr, body.val.bytes.len};
  return (cd_text){0};
}

void cd_add_request(cd_mapped *mapped, cd_draft draft, const uint32_t *items, size_t count, bool repeatable) {
  cd_request request = {.draft = draft, .repeatable = repeatable};
  request.items.ptr = cd_grown(NULL, count * sizeof *items);
  memcpy(request.items.ptr, items, count * sizeof *items);
  request.items.len = count;
  CD_ADD(&mapped->requests, request);
}

void cd_add_failure(cd_mapped *mapped, uint32_t item, cd_fault fault) {
  exports_crossdock_adapter_adapter_failure_t failure = {item, fault};
  CD_ADD(&mapped->failures, failure);
}
