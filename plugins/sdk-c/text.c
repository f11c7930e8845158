// Texts: compared, put together, encoded; times as text.

#include "inner.h"

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
    out->ptr = cd_grown(out->ptr, out->room);
  }
  out->ptr[out->len++] = byte;
}

void cd_put(cd_buffer *out, cd_text text) {
  if (out->room - out->len < text.len) {
    out->room = (out->len + text.len) * 2;
    out->ptr = cd_grown(out->ptr, out->room);
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

static bool is_letter(uint8_t byte) { return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z'; }

static void put_escaped(cd_buffer *out, cd_text text, const char *kept, bool plus) {
  for (size_t i = 0; i < text.len; i++) {
    uint8_t byte = text.ptr[i];
    if (cd_is_digit(byte) || is_letter(byte) || (byte != 0 && strchr(kept, byte) != NULL)) {
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

cd_text cd_base64(platform_list_u8_t bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  cd_buffer out = {0};
  for (size_t i = 0; i < bytes.len; i += 3) {
    size_t count = bytes.len - i < 3 ? bytes.len - i : 3;
    uint32_t three = 0;
    for (size_t j = 0; j < 3; j++) three = three << 8 | (j < count ? bytes.ptr[i + j] : 0);
    for (size_t j = 0; j < 4; j++) cd_put_byte(&out, j <= count ? (uint8_t)digits[three >> (18 - 6 * j) & 63] : '=');
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
