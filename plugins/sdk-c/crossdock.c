// Helpers for adapters in C: see crossdock.h.

#include "crossdock.h"

#include <stdlib.h>
#include <string.h>

#define MOST_LEVELS 128

// Room for more, or the end of the call: memory is the host's to bound.
static void *grown(void *old, size_t size) {
  void *block = realloc(old, size);
  if (block == NULL) abort();
  return block;
}

// ── Texts ───────────────────────────────────────────────────────────────────

cd_text cd_str(const char *text) { return (cd_text){(uint8_t *)text, strlen(text)}; }

bool cd_same(cd_text one, cd_text other) {
  return one.len == other.len && (one.len == 0 || memcmp(one.ptr, other.ptr, one.len) == 0);
}

bool cd_is(cd_text text, const char *other) { return cd_same(text, cd_str(other)); }

bool cd_starts(cd_text text, const char *start) {
  size_t len = strlen(start);
  return text.len >= len && memcmp(text.ptr, start, len) == 0;
}

int cd_compare(cd_text one, cd_text other) {
  size_t len = one.len < other.len ? one.len : other.len;
  int order = len == 0 ? 0 : memcmp(one.ptr, other.ptr, len);
  if (order != 0) return order;
  return one.len < other.len ? -1 : one.len > other.len;
}

size_t cd_characters(cd_text text) {
  size_t count = 0;
  for (size_t i = 0; i < text.len; i++) count += (text.ptr[i] & 0xc0) != 0x80;
  return count;
}

bool cd_is_utf8(cd_text text) {
  for (size_t i = 0; i < text.len;) {
    uint8_t first = text.ptr[i++];
    if (first < 0x80) continue;
    int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4) return false;
    // The second byte has bounds of its own: nothing overlong, no surrogates.
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    for (; more > 0; more--, low = 0x80, high = 0xbf) {
      if (i == text.len || text.ptr[i] < low || text.ptr[i] > high) return false;
      i++;
    }
  }
  return true;
}

void cd_put_byte(cd_buffer *out, uint8_t byte) {
  if (out->len == out->room) {
    out->room = out->room == 0 ? 64 : out->room * 2;
    out->ptr = grown(out->ptr, out->room);
  }
  out->ptr[out->len++] = byte;
}

void cd_put(cd_buffer *out, cd_text text) {
  if (out->room - out->len < text.len) {
    out->room = (out->len + text.len) * 2;
    out->ptr = grown(out->ptr, out->room);
  }
  if (text.len > 0) memcpy(out->ptr + out->len, text.ptr, text.len);
  out->len += text.len;
}

void cd_puts(cd_buffer *out, const char *text) { cd_put(out, cd_str(text)); }

void cd_put_number(cd_buffer *out, uint64_t number, int width) {
  uint8_t digits[20];
  int count = 0;
  do {
    digits[count++] = (uint8_t)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  for (int zeros = count; zeros < width; zeros++) cd_put_byte(out, '0');
  while (count > 0) cd_put_byte(out, digits[--count]);
}

static const char LOWER[] = "0123456789abcdef";
static const char UPPER[] = "0123456789ABCDEF";

void cd_put_json(cd_buffer *out, cd_text text) {
  cd_put_byte(out, '"');
  for (size_t i = 0; i < text.len; i++) {
    uint8_t byte = text.ptr[i];
    if (byte == '"' || byte == '\\') {
      cd_put_byte(out, '\\');
      cd_put_byte(out, byte);
    } else if (byte < 0x20) {
      cd_puts(out, "\\u00");
      cd_put_byte(out, (uint8_t)LOWER[byte >> 4]);
      cd_put_byte(out, (uint8_t)LOWER[byte & 15]);
    } else {
      cd_put_byte(out, byte);
    }
  }
  cd_put_byte(out, '"');
}

static bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

static bool is_letter(uint8_t byte) { return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z'; }

static void put_escaped(cd_buffer *out, cd_text text, const char *kept, bool plus) {
  for (size_t i = 0; i < text.len; i++) {
    uint8_t byte = text.ptr[i];
    if (is_digit(byte) || is_letter(byte) || (byte != 0 && strchr(kept, byte) != NULL)) {
      cd_put_byte(out, byte);
    } else if (plus && byte == ' ') {
      cd_put_byte(out, '+');
    } else {
      cd_put_byte(out, '%');
      cd_put_byte(out, (uint8_t)UPPER[byte >> 4]);
      cd_put_byte(out, (uint8_t)UPPER[byte & 15]);
    }
  }
}

void cd_put_percent(cd_buffer *out, cd_text text) { put_escaped(out, text, "-._~", false); }

void cd_put_form(cd_buffer *out, cd_text text) { put_escaped(out, text, "-._*", true); }

cd_text cd_taken(cd_buffer out) { return (cd_text){out.ptr, out.len}; }

cd_text cd_number(uint64_t number) {
  cd_buffer out = {0};
  cd_put_number(&out, number, 1);
  return cd_taken(out);
}

cd_text cd_hex(platform_list_u8_t bytes, bool upper) {
  const char *digits = upper ? UPPER : LOWER;
  cd_buffer out = {0};
  for (size_t i = 0; i < bytes.len; i++) {
    cd_put_byte(&out, (uint8_t)digits[bytes.ptr[i] >> 4]);
    cd_put_byte(&out, (uint8_t)digits[bytes.ptr[i] & 15]);
  }
  return cd_taken(out);
}

cd_text cd_date_time(uint64_t unix_ms, int hours) {
  // Counted from the year 0, so that nothing is less than 0; in years from
  // March, whose leap day is the last one.
  uint64_t seconds = unix_ms / 1000 + 719468ull * 86400 + (uint64_t)((int64_t)hours * 3600);
  uint64_t days = seconds / 86400, era = days / 146097, day = days % 146097;
  uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  day -= 365 * year + year / 4 - year / 100;
  uint64_t month = (5 * day + 2) / 153;
  day -= (153 * month + 2) / 5;
  year += era * 400 + (month >= 10);
  month = month < 10 ? month + 3 : month - 9;
  cd_buffer out = {0};
  cd_put_number(&out, year, 4);
  cd_put_byte(&out, '-');
  cd_put_number(&out, month, 2);
  cd_put_byte(&out, '-');
  cd_put_number(&out, day + 1, 2);
  cd_put_byte(&out, ' ');
  cd_put_number(&out, seconds / 3600 % 24, 2);
  cd_put_byte(&out, ':');
  cd_put_number(&out, seconds / 60 % 60, 2);
  cd_put_byte(&out, ':');
  cd_put_number(&out, seconds % 60, 2);
  return cd_taken(out);
}

// ── JSON ────────────────────────────────────────────────────────────────────

static cd_text from(cd_text text, size_t at) { return (cd_text){text.ptr + at, text.len - at}; }

static size_t space(cd_text text, size_t at) {
  while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\n' || text.ptr[at] == '\r' || text.ptr[at] == '\t')) at++;
  return at;
}

static size_t string_end(cd_text text, size_t at) {
  for (at++; at < text.len; at++) {
    if (text.ptr[at] == '"') return at + 1;
    if (text.ptr[at] < 0x20) return 0;
    if (text.ptr[at] == '\\') {
      if (++at == text.len || strchr("\"\\/bfnrtu", text.ptr[at]) == NULL || text.ptr[at] == 0) return 0;
      if (text.ptr[at] != 'u') continue;
      for (int i = 0; i < 4; i++) {
        uint8_t digit = ++at < text.len ? text.ptr[at] : 0;
        if (!is_digit(digit) && !((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')) return 0;
      }
    }
  }
  return 0;
}

static size_t digits_end(cd_text text, size_t at) {
  size_t end = at;
  while (end < text.len && is_digit(text.ptr[end])) end++;
  return end == at ? 0 : end;
}

static size_t number_end(cd_text text, size_t at) {
  if (at < text.len && text.ptr[at] == '-') at++;
  if (at < text.len && text.ptr[at] == '0') at++;
  else if ((at = digits_end(text, at)) == 0) return 0;
  if (at < text.len && text.ptr[at] == '.' && (at = digits_end(text, at + 1)) == 0) return 0;
  if (at < text.len && (text.ptr[at] | 0x20) == 'e') {
    at++;
    if (at < text.len && (text.ptr[at] == '+' || text.ptr[at] == '-')) at++;
    at = digits_end(text, at);
  }
  return at;
}

// Where the value that begins at `at` ends; 0 if there is none.
static size_t value_end(cd_text text, size_t at, int levels) {
  if (at >= text.len || levels > MOST_LEVELS) return 0;
  uint8_t first = text.ptr[at];
  if (first == '"') return string_end(text, at);
  if (first != '{' && first != '[') {
    static const char *const words[] = {"true", "false", "null"};
    for (int i = 0; i < 3; i++) {
      if (cd_starts(from(text, at), words[i])) return at + strlen(words[i]);
    }
    return number_end(text, at);
  }
  uint8_t close = first == '{' ? '}' : ']';
  at = space(text, at + 1);
  if (at < text.len && text.ptr[at] == close) return at + 1;
  for (;;) {
    if (close == '}') {
      if (at >= text.len || text.ptr[at] != '"' || (at = string_end(text, at)) == 0) return 0;
      at = space(text, at);
      if (at >= text.len || text.ptr[at] != ':') return 0;
      at = space(text, at + 1);
    }
    if ((at = value_end(text, at, levels + 1)) == 0) return 0;
    at = space(text, at);
    if (at < text.len && text.ptr[at] == close) return at + 1;
    if (at >= text.len || text.ptr[at] != ',') return 0;
    at = space(text, at + 1);
  }
}

bool cd_json_valid(cd_text text) {
  if (!cd_is_utf8(text)) return false;
  size_t end = value_end(text, space(text, 0), 0);
  return end != 0 && space(text, end) == text.len;
}

cd_json cd_member(cd_json object, const char *name) {
  size_t at = space(object, 0);
  if (at >= object.len || object.ptr[at] != '{') return (cd_json){0};
  at = space(object, at + 1);
  while (at < object.len && object.ptr[at] == '"') {
    size_t end = string_end(object, at);
    if (end == 0) break;
    bool found = cd_is(cd_string((cd_json){object.ptr + at, end - at}), name);
    at = space(object, end);
    if (at >= object.len || object.ptr[at] != ':') break;
    at = space(object, at + 1);
    if ((end = value_end(object, at, 0)) == 0) break;
    if (found) return (cd_json){object.ptr + at, end - at};
    at = space(object, end);
    if (at >= object.len || object.ptr[at] != ',') break;
    at = space(object, at + 1);
  }
  return (cd_json){0};
}

bool cd_next(cd_json *at, cd_json *element) {
  size_t start = space(*at, 0);
  cd_json rest = *at;
  *at = (cd_json){0};
  // An array, or what is left of one after an element.
  if (start >= rest.len || (rest.ptr[start] != '[' && rest.ptr[start] != ',')) return false;
  start = space(rest, start + 1);
  size_t end = value_end(rest, start, 0);
  if (end == 0) return false;
  *element = (cd_json){rest.ptr + start, end - start};
  *at = from(rest, end);
  return true;
}

size_t cd_length(cd_json array) {
  size_t count = 0;
  cd_json element;
  while (cd_next(&array, &element)) count++;
  return count;
}

bool cd_is_string(cd_json value) { return value.len >= 2 && value.ptr[0] == '"'; }

static uint32_t four_digits(const uint8_t *at) {
  uint32_t code = 0;
  for (int i = 0; i < 4; i++) code = code << 4 | (uint32_t)(is_digit(at[i]) ? at[i] - '0' : (at[i] | 0x20) - 'a' + 10);
  return code;
}

static void put_character(cd_buffer *out, uint32_t code) {
  if (code < 0x80) {
    cd_put_byte(out, (uint8_t)code);
    return;
  }
  int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};
  cd_put_byte(out, (uint8_t)(first[more] | code >> (6 * more)));
  while (more-- > 0) cd_put_byte(out, (uint8_t)(0x80 | (code >> (6 * more) & 63)));
}

cd_text cd_string(cd_json value) {
  if (!cd_is_string(value)) return (cd_text){0};
  cd_text inner = {value.ptr + 1, value.len - 2};
  if (memchr(inner.ptr, '\\', inner.len) == NULL) return inner;
  cd_buffer out = {0};
  for (size_t i = 0; i < inner.len; i++) {
    uint8_t byte = inner.ptr[i];
    if (byte != '\\' || i + 1 >= inner.len) {
      cd_put_byte(&out, byte);
      continue;
    }
    byte = inner.ptr[++i];
    static const char written[] = "bfnrt", meant[] = "\b\f\n\r\t";
    const char *known = strchr(written, byte);
    if (byte != 'u') {
      cd_put_byte(&out, known != NULL && byte != 0 ? (uint8_t)meant[known - written] : byte);
      continue;
    }
    if (i + 4 >= inner.len) break;
    uint32_t code = four_digits(inner.ptr + i + 1);
    i += 4;
    bool first = code >= 0xd800 && code < 0xdc00;
    if (first && i + 6 < inner.len && inner.ptr[i + 1] == '\\' && inner.ptr[i + 2] == 'u') {
      uint32_t second = four_digits(inner.ptr + i + 3);
      if (second >= 0xdc00 && second < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00);
        i += 6;
      }
    }
    // Half of a character costs the one character.
    put_character(&out, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
  }
  return cd_taken(out);
}

cd_text cd_integer(cd_json value) {
  size_t start = value.len > 0 && value.ptr[0] == '-';
  size_t end = digits_end(value, start);
  if (end == 0) return (cd_text){0};
  cd_text digits = {value.ptr, end};
  if (end == value.len) return digits;
  if (value.ptr[end] != '.') return (cd_text){0};
  while (++end < value.len) {
    if (value.ptr[end] != '0') return (cd_text){0};
  }
  return digits;
}

uint64_t cd_unsigned(cd_json value, uint64_t otherwise) {
  cd_text digits = cd_integer(value);
  if (digits.len == 0 || digits.len > 19 || digits.ptr[0] == '-') return otherwise;
  uint64_t number = 0;
  for (size_t i = 0; i < digits.len; i++) number = number * 10 + (uint64_t)(digits.ptr[i] - '0');
  return number;
}

// ── Requests ────────────────────────────────────────────────────────────────

// One more element at the end of a list.
#define ADD(list, element) \
  ((list)->ptr = grown((list)->ptr, ((list)->len + 1) * sizeof *(list)->ptr), (list)->ptr[(list)->len++] = (element))

void cd_add_pair(cd_pairs *pairs, cd_text name, cd_text value) { ADD(pairs, ((cd_pair){name, value})); }

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
  if (is_digit(byte)) return byte - '0';
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

static cd_body body_of(cd_text text) {
  cd_body body = {.tag = CROSSDOCK_ADAPTER_TYPES_BODY_TEXT};
  body.val.text = text;
  return body;
}

cd_draft cd_request_draft(const char *method, const char *path, const char *type, cd_text body) {
  cd_draft draft = {.method = cd_str(method), .path = cd_str(path)};
  if (type != NULL) {
    cd_add_pair(&draft.headers, cd_str("content-type"), cd_str(type));
    draft.body = body_of(body);
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
  request.items.ptr = grown(NULL, count * sizeof *items);
  memcpy(request.items.ptr, items, count * sizeof *items);
  request.items.len = count;
  ADD(&mapped->requests, request);
}

void cd_add_failure(cd_mapped *mapped, uint32_t item, cd_fault fault) {
  exports_crossdock_adapter_adapter_failure_t failure = {item, fault};
  ADD(&mapped->failures, failure);
}

// ── Signing ─────────────────────────────────────────────────────────────────

void cd_sign_text(cd_message *message, cd_text text) {
  crossdock_adapter_keys_chunk_t chunk = {.tag = CROSSDOCK_ADAPTER_KEYS_CHUNK_TEXT};
  chunk.val.text = text;
  ADD(message, chunk);
}

void cd_sign_secret(cd_message *message, const char *name) {
  crossdock_adapter_keys_chunk_t chunk = {.tag = CROSSDOCK_ADAPTER_KEYS_CHUNK_SECRET};
  chunk.val.secret = cd_str(name);
  ADD(message, chunk);
}

static bool detailed(cd_fault *fault, uint8_t tag, cd_text pointer, cd_text message) {
  *fault = (cd_fault){.tag = tag};
  fault->val.invalid_input.pointer = pointer;
  fault->val.invalid_input.message = message;
  return false;
}

static bool refused(cd_fault *fault, crossdock_adapter_keys_key_error_t error) {
  if (error.tag == CROSSDOCK_ADAPTER_KEYS_KEY_ERROR_NOT_FOUND) {
    cd_buffer said = {0};
    cd_puts(&said, "the secret `");
    cd_put(&said, error.val.not_found);
    cd_puts(&said, "` is not set");
    return detailed(fault, CROSSDOCK_ADAPTER_TYPES_FAULT_INVALID_SETTINGS, cd_str(""), cd_taken(said));
  }
  *fault = (cd_fault){.tag = CROSSDOCK_ADAPTER_TYPES_FAULT_OTHER};
  bool other = error.tag == CROSSDOCK_ADAPTER_KEYS_KEY_ERROR_OTHER;
  fault->val.other = other ? error.val.other : cd_str("`keys` works only during `sign`");
  return false;
}

bool cd_hash(crossdock_adapter_keys_digest_t digest, cd_message message, platform_list_u8_t *hash, cd_fault *fault) {
  crossdock_adapter_keys_key_error_t error;
  return crossdock_adapter_keys_hash(digest, &message, hash, &error) || refused(fault, error);
}

bool cd_hmac(crossdock_adapter_keys_digest_t digest, cd_message key, cd_message message, platform_list_u8_t *hash, cd_fault *fault) {
  crossdock_adapter_keys_key_error_t error;
  crossdock_adapter_keys_list_list_chunk_t messages = {&message, 1};
  return crossdock_adapter_keys_hmac(digest, &key, &messages, hash, &error) || refused(fault, error);
}

static void edit(cd_edits *edits, uint8_t tag, cd_text name, cd_text value) {
  cd_edit edit = {.tag = tag};
  edit.val.set_query = (cd_pair){name, value};
  ADD(edits, edit);
}

void cd_set_query(cd_edits *edits, cd_text name, cd_text value) {
  edit(edits, EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_EDIT_SET_QUERY, name, value);
}

void cd_set_header(cd_edits *edits, cd_text name, cd_text value) {
  edit(edits, EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_EDIT_SET_HEADER, name, value);
}

void cd_replace_body(cd_edits *edits, cd_text body) {
  cd_edit edit = {.tag = EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_EDIT_REPLACE_BODY};
  edit.val.replace_body = body_of(body);
  ADD(edits, edit);
}

void cd_secret_query(cd_edits *edits, cd_text name, const char *secret) {
  edit(edits, EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_EDIT_SECRET_QUERY, name, cd_str(secret));
}

void cd_secret_header(cd_edits *edits, cd_text name, const char *secret) {
  edit(edits, EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_EDIT_SECRET_HEADER, name, cd_str(secret));
}

// ── Answers ─────────────────────────────────────────────────────────────────

cd_outcome cd_accepted(cd_text result) {
  cd_outcome outcome = {.tag = EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_ACCEPTED};
  outcome.val.accepted = result;
  return outcome;
}

cd_outcome cd_refused(uint8_t kind, cd_text code, cd_text message) {
  cd_outcome outcome = {.tag = kind};
  outcome.val.rejected.code = code;
  outcome.val.rejected.message = message;
  return outcome;
}

cd_outcome cd_paused(uint8_t kind, cd_text code, cd_text message) {
  cd_outcome outcome = {.tag = kind};
  outcome.val.retry.code = code;
  outcome.val.retry.message = message;
  return outcome;
}

bool cd_http_failure(const cd_request *request, const cd_reply *reply, cd_outcome *outcome) {
  uint16_t status = reply->status;
  if (status >= 200 && status < 300) return false;
  if (status == 0) {
    *outcome = cd_refused(EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_UNKNOWN, cd_str("no-answer"),
                          cd_str("no answer came; the platform may have applied the request"));
    return true;
  }
  cd_buffer code = {0};
  cd_puts(&code, "http-");
  cd_put_number(&code, status, 3);
  cd_text body = cd_body_text(reply->body);
  // Whole characters of the beginning.
  size_t shown = body.len < 200 ? body.len : 200;
  while (shown < body.len && shown > 0 && (body.ptr[shown] & 0xc0) == 0x80) shown--;
  cd_text message = {body.ptr, shown};
  if (shown == 0) message = cd_str("the answer has no body");
  if (!cd_is_utf8(message)) message = cd_str("the answer is no text");
  bool again = status == 408 || status == 425 || status >= 500;
  if (status == 429 || (again && request->repeatable)) {
    bool throttled = status == 429;
    *outcome = cd_paused(throttled ? EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_THROTTLED : EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_RETRY,
                         cd_taken(code), message);
  } else {
    uint8_t kind = again ? EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_UNKNOWN
                   : status == 401 || status == 403 ? EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_UNAUTHENTICATED
                                                    : EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_REJECTED;
    *outcome = cd_refused(kind, cd_taken(code), message);
  }
  return true;
}

void cd_every(cd_parsed *parsed, const cd_request *request, cd_outcome outcome) {
  *parsed = (cd_parsed){0};
  for (size_t i = 0; i < request->items.len; i++) ADD(&parsed->outcomes, outcome);
}

void cd_then(cd_parsed *parsed, cd_draft next) {
  parsed->next.is_some = true;
  parsed->next.val = next;
}

// ── Faults ──────────────────────────────────────────────────────────────────

bool cd_invalid_input(cd_fault *fault, const char *pointer, const char *message) {
  return detailed(fault, CROSSDOCK_ADAPTER_TYPES_FAULT_INVALID_INPUT, cd_str(pointer), cd_str(message));
}

bool cd_invalid_settings(cd_fault *fault, const char *pointer, const char *message) {
  return detailed(fault, CROSSDOCK_ADAPTER_TYPES_FAULT_INVALID_SETTINGS, cd_str(pointer), cd_str(message));
}

bool cd_invalid_reply(cd_fault *fault, const char *pointer, const char *message) {
  return detailed(fault, CROSSDOCK_ADAPTER_TYPES_FAULT_INVALID_REPLY, cd_str(pointer), cd_str(message));
}

bool cd_unsupported(cd_fault *fault, cd_text operation) {
  *fault = (cd_fault){.tag = CROSSDOCK_ADAPTER_TYPES_FAULT_UNSUPPORTED};
  fault->val.unsupported = operation;
  return false;
}

void cd_log(crossdock_adapter_log_level_t level, cd_text line) { crossdock_adapter_log_write(level, &line); }
