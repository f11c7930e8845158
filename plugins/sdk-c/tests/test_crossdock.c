// Tests of the helpers, natively:
//   cc -fsanitize=address,undefined -I bindings -I . *.c tests/test_crossdock.c -o /tmp/t && /tmp/t

#include "crossdock.h"

#include <setjmp.h>
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

// What was logged last. A test that waits for the end of the call goes on from
// here, before it.
static cd_text logged;
static bool is_caught = false;
static jmp_buf caught;

void crossdock_adapter_log_write(crossdock_adapter_log_level_t level, platform_string_t *message) {
  (void)level;
  logged = *message;
  if (is_caught) longjmp(caught, 1);
}

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
  static const char *const base64[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  for (size_t i = 0; i < 7; i++) CHECK(shows(cd_base64((platform_list_u8_t){(uint8_t *)"foobar", i}), base64[i]));
  CHECK(cd_compare(cd_str("a"), cd_str("ab")) < 0 && cd_compare(cd_str("Z"), cd_str("a")) < 0);
}

static void json(void) {
  static const char *const good[] = {"1", "-0.5e+3", " {} ", "[1,{\"a\":[]},\"\\u00e9\\n\",null,true]", "\"\""};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) CHECK(cd_json_valid(cd_str(good[i])));
  static const char *const bad[] = {"", "{", "[1,]", "01", "1.", "-", "1e", "{\"a\"}", "{a:1}", "\"\\x\"", "\"\\u12\"", "nul", "[1 2]", "1 2", "\"\n\"", "<html>"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(!cd_json_valid(cd_str(bad[i])));
  static const char *const twice[] = {"{\"code\":0,\"code\":1001}", "[{\"a\":{\"b\":1,\"c\":2,\"b\":1}}]", "{\"\\u006e\":1,\"m\":2,\"n\":3}",
                                      "{\"d\":1,\"c\":{\"d\":1},\"b\":2,\"a\":3,\"d\":4}", "{\"\":1,\"\":1}"};
  for (size_t i = 0; i < sizeof twice / sizeof *twice; i++) CHECK(!cd_json_valid(cd_str(twice[i])));
  CHECK(cd_json_valid(cd_str("[{\"a\":{\"a\":[{\"a\":1},{\"a\":2}],\"b\":{}},\"b\":{\"a\":1}},{\"a\":1,\"A\":1,\"aa\":1}]")));
  for (uint64_t again = 0; again < 2; again++) {
    // Many members, with one of them again or not.
    cd_buffer many = {0};
    cd_puts(&many, "{");
    for (uint64_t i = 0; i < 5000; i++) {
      cd_put_byte(&many, '"');
      cd_put_number(&many, i * 7919 % 5000, 1);
      cd_puts(&many, "\":{\"x\":1},");
    }
    cd_puts(&many, again == 1 ? "\"1234\":0}" : "\"5000\":0}");
    CHECK(cd_json_valid(cd_taken(many)) == (again == 0));
  }
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

// The published vectors: FIPS 180-4 (NIST's examples) and RFC 1321.
static void hashes(void) {
  static const struct {
    const char *text, *sha256, *sha1, *md5;
  } known[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "da39a3ee5e6b4b0d3255bfef95601890afd80709",
       "d41d8cd98f00b204e9800998ecf8427e"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "a9993e364706816aba3e25717850c26c9cd0d89d",
       "900150983cd24fb0d6963f7d28e17f72"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
       "8215ef0796a20bcaaae116d3876c664a"},
      {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
       "f371bc4a311f2b009eef952dd83ca80e2b60026c8e935592d0f9c308453c813e", "50abf5706a150990a08b2c5ea40fa0e585554732",
       "57edf4a22be3c955ac49da2e2107b67a"},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    CHECK(shows(cd_hex(cd_sha256(cd_str(known[i].text)), false), known[i].sha256));
    CHECK(shows(cd_hex(cd_sha1(cd_str(known[i].text)), false), known[i].sha1));
    CHECK(shows(cd_hex(cd_md5(cd_str(known[i].text)), false), known[i].md5));
  }
  CHECK(shows(cd_hex(cd_md5(cd_str("message digest")), false), "f96b697d7cb7938d525a2f31aaf161d0"));
  CHECK(shows(cd_hex(cd_sha256((cd_text){0}), false), known[0].sha256));
  cd_buffer million = {0};
  for (int i = 0; i < 1000000; i++) cd_put_byte(&million, 'a');
  CHECK(shows(cd_hex(cd_sha256(cd_taken(million)), false), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
  CHECK(shows(cd_hex(cd_sha1(cd_taken(million)), false), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"));
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
  reply.status = 429;
  static const struct {
    const char *name, *value;
    uint32_t after_ms;
  } waits[] = {{"Retry-After", "7", 7000}, {"retry-after", " 0 ", 0}, {"RETRY-AFTER", "99999999999999999999999", UINT32_MAX}, {"retry-after", "4294968", UINT32_MAX}};
  for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
    cd_pairs headers = {0};
    cd_add_pair(&headers, cd_str("retry-afte"), cd_str("1"));
    cd_add_pair(&headers, cd_str(waits[i].name), cd_str(waits[i].value));
    memcpy(&reply.headers, &headers, sizeof headers);
    CHECK(cd_http_failure(&request, &reply, &outcome) && outcome.tag == EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_THROTTLED);
    CHECK(outcome.val.throttled.after_ms.is_some && outcome.val.throttled.after_ms.val == waits[i].after_ms);
  }
  static const char *const none[] = {"", "soon", "-1", "1.5", "Sun, 06 Nov 1994 08:49:47 GMT"};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    reply.headers.ptr[1].f1 = cd_str(none[i]);
    CHECK(cd_http_failure(&request, &reply, &outcome) && !outcome.val.throttled.after_ms.is_some);
  }
  reply.headers.ptr[1].f1 = cd_str("9");
  reply.status = 503;
  request.repeatable = true;
  CHECK(cd_http_failure(&request, &reply, &outcome) && outcome.tag == EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_RETRY);
  CHECK(outcome.val.retry.after_ms.is_some && outcome.val.retry.after_ms.val == 9000);
  request.repeatable = false;
  CHECK(cd_http_failure(&request, &reply, &outcome) && outcome.tag == EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_UNKNOWN);
  reply.status = 204;
  CHECK(!cd_http_failure(&request, &reply, &outcome));
  cd_parsed parsed;
  cd_every(&parsed, &request, outcome);
  CHECK(parsed.outcomes.len == 2 && !parsed.next.is_some);
}

static void codes(void) {
  static const struct {
    const char *value, *code;
  } read[] = {{"0", ""}, {"0.0", ""}, {"0e0", ""}, {"-0.0", ""}, {"0.000e999999", ""}, {"0e-99999999999999999999", ""}, {"7", "7"}, {"\"7\"", "7"},
              {"70e-1", "7"}, {"-1", "-1"}, {"20.0", "20"}, {"2E+1", "20"}, {"2.50e2", "250"}, {"\"2500e-2\"", "25"}, {"0.05e2", "5"},
              {"12345678901234567890123456789", "12345678901234567890123456789"}, {"1e40", "10000000000000000000000000000000000000000"}};
  for (size_t i = 0; i < sizeof read / sizeof *read; i++) {
    cd_buffer answer = {0};
    cd_puts(&answer, "{\"code\": ");
    cd_puts(&answer, read[i].value);
    cd_puts(&answer, "}");
    cd_text code;
    cd_fault fault;
    CHECK(cd_code(cd_taken(answer), "code", "0", &code, &fault) && shows(code, read[i].code));
  }
  static const char *const not_read[] = {"\"0\"", "\"0.0\"", "false", "null", "0.5", "25e-1", "2e-3", "0.05e1", "\"ok\"", "[0]", "{}", "\"\"", "\"7 \"", "\"07\"", "\"-\"",
                                         "1e41", "1e42", "1e99999999999999999999", "1e-99999999999999999999"};
  for (size_t i = 0; i < sizeof not_read / sizeof *not_read; i++) {
    cd_buffer answer = {0};
    cd_puts(&answer, "{\"a/b~\":");
    cd_puts(&answer, not_read[i]);
    cd_puts(&answer, "}");
    cd_text code;
    cd_fault fault;
    bool is_read = cd_code(cd_taken(answer), "a/b~", "0", &code, &fault);
    if (is_read) failed++, printf("%s is read as a code\n", not_read[i]);
    else CHECK(fault.tag == CROSSDOCK_ADAPTER_TYPES_FAULT_INVALID_REPLY && shows(fault.val.invalid_reply.pointer, "/a~1b~0"));
  }
  cd_text code;
  cd_fault fault;
  CHECK(!cd_code(cd_str("{}"), "code", "0", &code, &fault));
  CHECK(cd_code(cd_str("{\"code\":200}"), "code", "200", &code, &fault) && code.len == 0);
}

static void kinds(void) {
  static const char *const said[] = {"cd_refused got the kind RETRY; it takes REJECTED, UNAUTHENTICATED or UNKNOWN; RETRY and THROTTLED are made by cd_paused",
                                     "cd_refused got the kind 9; it takes REJECTED, UNAUTHENTICATED or UNKNOWN; RETRY and THROTTLED are made by cd_paused",
                                     "cd_paused got the kind REJECTED; it takes RETRY or THROTTLED; the other refusals are made by cd_refused"};
  for (volatile size_t i = 0; i < 3; i++) {
    logged = (cd_text){0};
    is_caught = true;
    if (setjmp(caught) == 0) {
      if (i == 0) cd_refused(EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_RETRY, cd_str("1"), cd_str("x"));
      if (i == 1) cd_refused(9, cd_str("1"), cd_str("x"));
      if (i == 2) cd_paused(EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_REJECTED, cd_str("1"), cd_str("x"));
    }
    is_caught = false;
    CHECK(shows(logged, said[i]));
  }
}

int main(void) {
  texts();
  json();
  forms();
  signing();
  hashes();
  answers();
  codes();
  kinds();
  printf(failed == 0 ? "ok\n" : "%d failed\n", failed);
  return failed != 0;
}
