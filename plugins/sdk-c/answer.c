// What `parse-response` gives: outcomes, and what comes next.

#include "inner.h"

// Most zeros that an exponent may add to a code.
#define MOST_ZEROS 40

static uint8_t lower(uint8_t byte) { return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte; }

static bool is_blank(uint8_t byte) { return byte == ' ' || byte == '\t'; }

cd_outcome cd_accepted(cd_text result) {
  cd_outcome outcome = {.tag = EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_ACCEPTED};
  outcome.val.accepted = result;
  return outcome;
}

// Ends the call, because an outcome of another kind would be read as what it
// is not. The host shows this line with the failure.
static void wrong_kind(const char *function, uint8_t kind, const char *expected) {
  static const char *const words[] = {"ACCEPTED", "DUPLICATE", "REJECTED", "RETRY", "THROTTLED", "UNAUTHENTICATED", "UNKNOWN"};
  cd_buffer line = {0};
  cd_puts(&line, function);
  cd_puts(&line, " got the kind ");
  if (kind < sizeof words / sizeof *words) cd_puts(&line, words[kind]);
  else cd_put_number(&line, kind, 1);
  cd_puts(&line, "; it takes ");
  cd_puts(&line, expected);
  cd_log(CROSSDOCK_ADAPTER_LOG_LEVEL_ERROR, cd_taken(line));
  abort();
}

cd_outcome cd_refused(uint8_t kind, cd_text code, cd_text message) {
  if (kind != EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_REJECTED && kind != EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_UNAUTHENTICATED &&
      kind != EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_UNKNOWN) {
    wrong_kind("cd_refused", kind, "REJECTED, UNAUTHENTICATED or UNKNOWN; RETRY and THROTTLED are made by cd_paused");
  }
  cd_outcome outcome = {.tag = kind};
  outcome.val.rejected = (exports_crossdock_adapter_adapter_refusal_t){.code = code, .message = message};
  return outcome;
}

static cd_outcome paused(const char *function, uint8_t kind, cd_text code, cd_text message, platform_option_u32_t after_ms) {
  if (kind != EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_RETRY && kind != EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_THROTTLED) {
    wrong_kind(function, kind, "RETRY or THROTTLED; the other refusals are made by cd_refused");
  }
  cd_outcome outcome = {.tag = kind};
  outcome.val.retry = (exports_crossdock_adapter_adapter_pause_t){.after_ms = after_ms, .code = code, .message = message};
  return outcome;
}

cd_outcome cd_paused(uint8_t kind, cd_text code, cd_text message) {
  return paused("cd_paused", kind, code, message, (platform_option_u32_t){0});
}

cd_outcome cd_paused_after(uint8_t kind, cd_text code, cd_text message, uint32_t after_ms) {
  return paused("cd_paused_after", kind, code, message, (platform_option_u32_t){true, after_ms});
}

cd_text cd_header(const cd_reply *reply, const char *name) {
  size_t len = strlen(name);
  for (size_t i = 0; i < reply->headers.len; i++) {
    cd_text known = reply->headers.ptr[i].f0;
    size_t at = 0;
    while (known.len == len && at < len && lower(known.ptr[at]) == lower((uint8_t)name[at])) at++;
    if (known.len == len && at == len) return reply->headers.ptr[i].f1;
  }
  return (cd_text){0};
}

bool cd_retry_after(const cd_reply *reply, uint32_t *after_ms) {
  cd_text value = cd_header(reply, "retry-after");
  while (value.len > 0 && is_blank(value.ptr[0])) value.ptr++, value.len--;
  while (value.len > 0 && is_blank(value.ptr[value.len - 1])) value.len--;
  if (value.len == 0) return false;
  uint64_t ms = 0;
  for (size_t i = 0; i < value.len; i++) {
    if (!cd_is_digit(value.ptr[i])) return false;
    ms = ms * 10 + (uint64_t)(value.ptr[i] - '0') * 1000;
    if (ms > UINT32_MAX) ms = UINT32_MAX;
  }
  *after_ms = (uint32_t)ms;
  return true;
}

// The digits of a number of JSON that is whole, in any spelling (20, 20.0, 2e1);
// empty for any other.
static cd_text whole(cd_text number) {
  size_t at = number.ptr[0] == '-', point = SIZE_MAX;
  cd_buffer digits = {0}, out = {0};
  for (; at < number.len && (number.ptr[at] | 0x20) != 'e'; at++) {
    if (number.ptr[at] == '.') point = digits.len;
    else cd_put_byte(&digits, number.ptr[at]);
  }
  if (point == SIZE_MAX) point = digits.len;
  int64_t exponent = 0;
  bool down = at + 1 < number.len && number.ptr[at + 1] == '-';
  for (; at < number.len; at++) {
    // Far beyond what is taken below, however long it is.
    if (cd_is_digit(number.ptr[at]) && exponent < INT32_MAX) exponent = exponent * 10 + (number.ptr[at] - '0');
  }
  size_t first = 0;
  while (first < digits.len && digits.ptr[first] == '0') first++;
  if (first == digits.len) return cd_str("0");
  int64_t end = (int64_t)point + (down ? -exponent : exponent);
  if (end <= 0 || end > (int64_t)digits.len + MOST_ZEROS) return (cd_text){0};
  for (size_t i = (size_t)end; i < digits.len; i++) {
    if (digits.ptr[i] != '0') return (cd_text){0};
  }
  if (number.ptr[0] == '-') cd_put_byte(&out, '-');
  for (size_t i = first; i < (size_t)end; i++) cd_put_byte(&out, i < digits.len ? digits.ptr[i] : '0');
  return cd_taken(out);
}

bool cd_code(cd_json answer, const char *name, const char *success, cd_text *code, cd_fault *fault) {
  cd_json value = cd_member(answer, name);
  bool quoted = cd_is_string(value);
  cd_text number = quoted ? cd_string(value) : value;
  bool is_number = number.len > 0 && (cd_is_digit(number.ptr[0]) || number.ptr[0] == '-') &&
                   cd_is_digit(number.ptr[number.len - 1]) && cd_json_valid(number);
  *code = is_number ? whole(number) : (cd_text){0};
  bool succeeded = cd_is(*code, success);
  if (code->len > 0 && !(succeeded && quoted)) {
    if (succeeded) *code = (cd_text){0};
    return true;
  }
  cd_buffer pointer = {0};
  cd_put_byte(&pointer, '/');
  for (size_t i = 0; name[i] != 0; i++) {
    if (name[i] == '~' || name[i] == '/') cd_puts(&pointer, name[i] == '~' ? "~0" : "~1");
    else cd_put_byte(&pointer, (uint8_t)name[i]);
  }
  const char *message = succeeded ? "the answer's code is a text that reads like the success, which is a number"
                                  : "the answer's code is no whole number";
  return cd_detailed(fault, CROSSDOCK_ADAPTER_TYPES_FAULT_INVALID_REPLY, cd_taken(pointer), cd_str(message));
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
    uint8_t kind = status == 429 ? EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_THROTTLED : EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_RETRY;
    uint32_t after_ms;
    *outcome = cd_retry_after(reply, &after_ms) ? cd_paused_after(kind, cd_taken(code), message, after_ms)
                                                : cd_paused(kind, cd_taken(code), message);
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
  for (size_t i = 0; i < request->items.len; i++) CD_ADD(&parsed->outcomes, outcome);
}

void cd_then(cd_parsed *parsed, cd_draft next) {
  parsed->next.is_some = true;
  parsed->next.val = next;
}
