// Tests of the helpers, natively:
//   cc -fsanitize=address,undefined -I bindings -I . *.c tests/test_crossdock.c -o /tmp/t && /tmp/t

#include "crossdock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed = 0;

#define CHECK(condition) \
  do { \
    if (!(condition)) failed++, printf("%s:%d: %s\n", __FILE__, __LINE__, #condition); \
  } while (0)

static bool shows(cd_text text, const char *expected) {
  if (cd_is(text, expected)) return true;
  printf("  came %.*s\n", (int)text.len, (const char *)text.ptr);
  return false;
}

// Stand-ins of the host: the message itself, with secrets in brackets.
bool crossdock_adapter_keys_hash(crossdock_adapter_keys_digest_t digest, crossdock_adapter_keys_list_chunk_t *message,
                                 platform_list_u8_t *ret, crossdock_adapter_keys_key_error_t *err) {
  (void)digest;
  cd_buffer out = {0};
  for (size_t i = 0; i < message->len; i++) {
    crossdock_adapter_keys_chunk_t *chunk = &message->ptr[i];
    if (chunk->tag == CROSSDOCK_ADAPTER_KEYS_CHUNK_SECRET && cd_is(chunk->val.secret, "none")) {
      err->tag = CROSSDOCK_ADAPTER_KEYS_KEY_ERROR_NOT_FOUND;
      err->val.not_found = chunk->val.secret;
      return false;
    }
    if (chunk->tag == CROSSDOCK_ADAPTER_KEYS_CHUNK_SECRET) cd_puts(&out, "<");
    cd_put(&out, chunk->val.text);
    if (chunk->tag == CROSSDOCK_ADAPTER_KEYS_CHUNK_SECRET) cd_puts(&out, ">");
  }
  *ret = (platform_list_u8_t){out.ptr, out.len};
  return true;
}

bool crossdock_adapter_keys_hmac(crossdock_adapter_keys_digest_t digest, crossdock_adapter_keys_list_chunk_t *key,
                                 crossdock_adapter_keys_list_list_chunk_t *messages, platform_list_u8_t *ret,
                                 crossdock_adapter_keys_key_error_t *err) {
  (void)key;
  return crossdock_adapter_keys_hash(digest, messages->ptr, ret, err);
}

void crossdock_adapter_log_write(crossdock_adapter_log_level_t level, platform_string_t *message) { (void)level, (void)message; }

static void texts(void) {
  cd_buffer out = {0};
  cd_put_json(&out, cd_str("a\"\\\n白"));
  CHECK(shows(cd_taken(out), "\"a\\\"\\\\\\u000a白\""));
  out = (cd_buffer){0};
  cd_put_percent(&out, cd_str("a b/门~*"));
  CHECK(shows(cd_taken(out), "a%20b%2F%E9%97%A8~%2A"));
  CHECK(shows(cd_number(18446744073709551615ull), "18446744073709551615"));
  CHECK(cd_characters(cd_str("a门😀")) == 3);
  static const char *const good[] = {"", "a", "é门😀", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) CHECK(cd_is_utf8(cd_str(good[i])));
  static const char *const bad[] = {"\xff", "\xc0\x80", "\xe4\xb8", "\xed\xa0\x80", "a\xf0\x9f" "b", "\xf4\x90\x80\x80", "\x80", "\xe0\x80\x80"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(!cd_is_utf8(cd_str(bad[i])));
  uint8_t bytes[] = {0, 0xab};
  CHECK(shows(cd_hex((platform_list_u8_t){bytes, 2}, false), "00ab"));
  CHECK(shows(cd_hex((platform_list_u8_t){bytes, 2}, true), "00AB"));
  CHECK(shows(cd_date_time(1735758245999ull, 8), "2025-01-02 03:04:05"));
  CHECK(shows(cd_date_time(1709164800000ull, 0), "2024-02-29 00:00:00"));
  CHECK(shows(cd_date_time(0, -1), "1969-12-31 23:00:00"));
  CHECK(shows(cd_date_time(4107542400000ull, 0), "2100-03-01 00:00:00"));
  CHECK(cd_compare(cd_str("a"), cd_str("ab")) < 0 && cd_compare(cd_str("Z"), cd_str("a")) < 0);
}

static void json(void) {
  static const char *const good[] = {"1", "-0.5e+3", " {} ", "[1,{\"a\":[]},\"\\u00e9\\n\",null,true]", "\"\""};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) CHECK(cd_json_valid(cd_str(good[i])));
  static const char *const bad[] = {"", "{", "[1,]", "01", "1.", "-", "1e", "{\"a\"}", "{a:1}", "\"\\x\"", "\"\\u12\"", "nul", "[1 2]", "1 2", "\"\n\"", "<html>"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(!cd_json_valid(cd_str(bad[i])));
  char deep[400];
  memset(deep, '[', 200);
  memset(deep + 200, ']', 199);
  deep[399] = 0;
  CHECK(!cd_json_valid(cd_str(deep)));
  cd_json object = cd_str("{ \"x\": {\"rows\":[9]}, \"rows\" : [ 1, \"two\" ,{\"n\":12.3400}], \"\\u006e\": -7, \"t\":\"a\\\"\\u767d\\ud83d\\ude00\\ud83d!\" }");
  cd_json rows = cd_member(object, "rows");
  CHECK(cd_length(rows) == 3);
  cd_json element;
  CHECK(cd_next(&rows, &element) && shows(element, "1"));
  CHECK(cd_next(&rows, &element) && shows(cd_string(element), "two"));
  CHECK(cd_next(&rows, &element) && shows(cd_member(element, "n"), "12.3400"));
  CHECK(!cd_next(&rows, &element));
  CHECK(shows(cd_integer(cd_member(object, "n")), "-7"));
  CHECK(cd_unsigned(cd_member(object, "n"), 5) == 5);
  CHECK(cd_unsigned(cd_str("20.0"), 5) == 20 && cd_unsigned(cd_str("20.5"), 5) == 5 && cd_unsigned(cd_str("99999999999999999999"), 5) == 5);
  CHECK(shows(cd_string(cd_member(object, "t")), "a\"白😀\xef\xbf\xbd!"));
  CHECK(cd_member(object, "none").len == 0 && cd_member(cd_str("[1]"), "a").len == 0);
  CHECK(cd_length(cd_str("[]")) == 0 && cd_length(cd_str("{}")) == 0);
}

static void forms(void) {
  cd_pairs pairs = {0};
  cd_add_pair(&pairs, cd_str("b"), cd_str("1 2"));
  cd_add_pair(&pairs, cd_str("a&"), cd_str("é*~"));
  cd_add_pair(&pairs, cd_str("B"), cd_str(""));
  cd_sort_pairs(&pairs);
  CHECK(shows(cd_form(pairs), "B=&a%26=%C3%A9*%7E&b=1+2"));
  cd_pairs back = cd_form_fields(cd_form(pairs));
  CHECK(back.len == 3 && shows(back.ptr[1].f0, "a&") && shows(back.ptr[1].f1, "é*~") && shows(back.ptr[2].f1, "1 2"));
  back = cd_form_fields(cd_str("&a=%4&b&=c=d"));
  CHECK(back.len == 3 && shows(back.ptr[0].f1, "%4") && shows(back.ptr[1].f1, "") && shows(back.ptr[2].f1, "c=d"));
}

static void signing(void) {
  cd_message message = {0};
  cd_sign_text(&message, cd_str("a1"));
  cd_sign_secret(&message, "key");
  platform_list_u8_t hash;
  cd_fault fault;
  CHECK(cd_hash(CROSSDOCK_ADAPTER_KEYS_DIGEST_MD5, message, &hash, &fault));
  CHECK(shows((cd_text){hash.ptr, hash.len}, "a1<key>"));
  cd_sign_secret(&message, "none");
  CHECK(!cd_hmac(CROSSDOCK_ADAPTER_KEYS_DIGEST_SHA1, message, message, &hash, &fault));
  CHECK(fault.tag == CROSSDOCK_ADAPTER_TYPES_FAULT_INVALID_SETTINGS);
  CHECK(shows(fault.val.invalid_settings.message, "the secret `none` is not set"));
}

static void answers(void) {
  uint32_t items[] = {4, 5};
  cd_mapped mapped = {0};
  cd_add_request(&mapped, cd_request_draft("POST", "/x", "text/plain", cd_str("b")), items, 2, true);
  CHECK(mapped.requests.len == 1 && mapped.requests.ptr[0].items.len == 2);
  cd_request request = mapped.requests.ptr[0];
  cd_reply reply = {.status = 502};
  cd_outcome outcome;
  CHECK(cd_http_failure(&request, &reply, &outcome) && outcome.tag == EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_RETRY);
  CHECK(shows(outcome.val.retry.code, "http-502") && shows(outcome.val.retry.message, "the answer has no body"));
  request.repeatable = false;
  CHECK(cd_http_failure(&request, &reply, &outcome) && outcome.tag == EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_UNKNOWN);
  reply.body.tag = CROSSDOCK_ADAPTER_TYPES_BODY_BYTES;
  reply.body.val.bytes = (platform_list_u8_t){(uint8_t *)"a\xff", 2};
  CHECK(cd_http_failure(&request, &reply, &outcome) && shows(outcome.val.unknown.message, "the answer is no text"));
  reply.status = 403;
  CHECK(cd_http_failure(&request, &reply, &outcome) && outcome.tag == EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_UNAUTHENTICATED);
  reply.status = 204;
  CHECK(!cd_http_failure(&request, &reply, &outcome));
  cd_parsed parsed;
  cd_every(&parsed, &request, outcome);
  CHECK(parsed.outcomes.len == 2 && !parsed.next.is_some);
}

int main(void) {
  texts();
  json();
  forms();
  signing();
  answers();
  printf(failed == 0 ? "ok\n" : "%d failed\n", failed);
  return failed != 0;
}
