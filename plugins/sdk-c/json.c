// JSON, read where it lies, and copied only where a text has escapes.

#include "inner.h"

#define MOST_LEVELS 128

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
        if (!cd_is_digit(digit) && !((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')) return 0;
      }
    }
  }
  return 0;
}

static size_t digits_end(cd_text text, size_t at) {
  size_t end = at;
  while (end < text.len && cd_is_digit(text.ptr[end])) end++;
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

// The names of the objects that are being read, the innermost last.
typedef struct {
  cd_text *ptr;
  size_t len;
  size_t room;
} names;

static void add_name(names *known, cd_text name) {
  if (known->len == known->room) {
    known->room = known->room == 0 ? 64 : known->room * 2;
    known->ptr = cd_grown(known->ptr, known->room * sizeof *known->ptr);
  }
  known->ptr[known->len++] = name;
}

// Moves a name down until none below it is greater.
static void sink(cd_text *heap, size_t at, size_t count) {
  for (size_t below; (below = 2 * at + 1) < count; at = below) {
    if (below + 1 < count && cd_compare(heap[below], heap[below + 1]) < 0) below++;
    if (cd_compare(heap[at], heap[below]) >= 0) return;
    cd_text moved = heap[at];
    heap[at] = heap[below];
    heap[below] = moved;
  }
}

// Whether a name is there twice. Sorted for it: an answer may have thousands.
static bool is_twice(cd_text *list, size_t count) {
  for (size_t i = count / 2; i-- > 0;) sink(list, i, count);
  for (size_t end = count; end > 1;) {
    cd_text greatest = list[0];
    list[0] = list[--end];
    list[end] = greatest;
    sink(list, 0, end);
    if (end + 1 < count && cd_same(list[end], list[end + 1])) return true;
  }
  return count > 1 && cd_same(list[0], list[1]);
}

// Where the value that begins at `at` ends; 0 if there is none. With `known`,
// an object that has a member twice is none.
static size_t value_end(cd_text text, size_t at, int levels, names *known) {
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
  size_t before = known == NULL ? 0 : known->len;
  at = space(text, at + 1);
  if (at < text.len && text.ptr[at] == close) return at + 1;
  for (;;) {
    if (close == '}') {
      size_t name = at;
      if (at >= text.len || text.ptr[at] != '"' || (at = string_end(text, at)) == 0) return 0;
      if (known != NULL) add_name(known, cd_string((cd_json){text.ptr + name, at - name}));
      at = space(text, at);
      if (at >= text.len || text.ptr[at] != ':') return 0;
      at = space(text, at + 1);
    }
    if ((at = value_end(text, at, levels + 1, known)) == 0) return 0;
    at = space(text, at);
    if (at < text.len && text.ptr[at] == close) {
      if (known != NULL && is_twice(known->ptr + before, known->len - before)) return 0;
      if (known != NULL) known->len = before;
      return at + 1;
    }
    if (at >= text.len || text.ptr[at] != ',') return 0;
    at = space(text, at + 1);
  }
}

bool cd_json_valid(cd_text text) {
  if (!cd_is_utf8(text)) return false;
  names known = {0};
  size_t end = value_end(text, space(text, 0), 0, &known);
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
    if ((end = value_end(object, at, 0, NULL)) == 0) break;
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
  size_t end = value_end(rest, start, 0, NULL);
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
  for (int i = 0; i < 4; i++) code = code << 4 | (uint32_t)(cd_is_digit(at[i]) ? at[i] - '0' : (at[i] | 0x20) - 'a' + 10);
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
