// Helpers for adapters in C, over the generated bindings (bindings/platform.h).
//
// Everything that is allocated during a call is given back when the host has
// taken the call's result (libc/libc.c), so nothing here is freed.
#ifndef CROSSDOCK_H
#define CROSSDOCK_H

#include "platform.h"

// ── Short names of the generated types ──────────────────────────────────────

typedef platform_string_t cd_text;
typedef crossdock_adapter_types_pair_t cd_pair;
typedef crossdock_adapter_types_list_pair_t cd_pairs;
typedef crossdock_adapter_types_body_t cd_body;
typedef crossdock_adapter_types_fault_t cd_fault;
typedef exports_crossdock_adapter_adapter_context_t cd_context;
typedef exports_crossdock_adapter_adapter_draft_t cd_draft;
typedef exports_crossdock_adapter_adapter_item_t cd_item;
typedef exports_crossdock_adapter_adapter_list_item_t cd_items;
typedef exports_crossdock_adapter_adapter_request_t cd_request;
typedef exports_crossdock_adapter_adapter_mapped_t cd_mapped;
typedef exports_crossdock_adapter_adapter_edit_t cd_edit;
typedef exports_crossdock_adapter_adapter_list_edit_t cd_edits;
typedef exports_crossdock_adapter_adapter_reply_t cd_reply;
typedef exports_crossdock_adapter_adapter_outcome_t cd_outcome;
typedef exports_crossdock_adapter_adapter_parsed_t cd_parsed;

// ── Texts ───────────────────────────────────────────────────────────────────

// A text that ends with 0.
cd_text cd_str(const char *text);
bool cd_is(cd_text text, const char *other);
bool cd_same(cd_text one, cd_text other);
bool cd_starts(cd_text text, const char *start);
// The order of two texts by their bytes.
int cd_compare(cd_text one, cd_text other);
// Characters of a text in UTF-8.
size_t cd_characters(cd_text text);

// Whether bytes are UTF-8: all text that an adapter hands over has to be.
bool cd_is_utf8(cd_text text);

// A text that grows.
typedef struct {
  uint8_t *ptr;
  size_t len;
  size_t room;
} cd_buffer;

void cd_put(cd_buffer *out, cd_text text);
void cd_puts(cd_buffer *out, const char *text);
void cd_put_byte(cd_buffer *out, uint8_t byte);
// A number in decimal, with zeros in front up to `width` digits.
void cd_put_number(cd_buffer *out, uint64_t number, int width);
// A string of JSON, with its quotes.
void cd_put_json(cd_buffer *out, cd_text text);
// Percent-encodes all but RFC 3986's unreserved characters.
void cd_put_percent(cd_buffer *out, cd_text text);
// As application/x-www-form-urlencoded has it.
void cd_put_form(cd_buffer *out, cd_text text);
cd_text cd_taken(cd_buffer out);

cd_text cd_number(uint64_t number);
cd_text cd_hex(platform_list_u8_t bytes, bool upper);
// Base64 with the padding.
cd_text cd_base64(platform_list_u8_t bytes);
// `yyyy-MM-dd HH:mm:ss`, hours east of Greenwich (8 for Chinese platforms).
cd_text cd_date_time(uint64_t unix_ms, int hours);

// ── Reading JSON, without a copy ────────────────────────────────────────────

// A value of JSON as it was written; empty for none.
typedef cd_text cd_json;

// Whether the whole text is one JSON value, in UTF-8, and no object in it has a
// member twice: of two codes, nobody knows which one holds.
bool cd_json_valid(cd_text text);
// A member of an object; none if there is no such member, or it is no object.
cd_json cd_member(cd_json object, const char *name);
// The next element of an array. `at` begins as the array and ends as none.
bool cd_next(cd_json *at, cd_json *element);
size_t cd_length(cd_json array);
bool cd_is_string(cd_json value);
// The text of a string, decoded; empty for what is none.
cd_text cd_string(cd_json value);
// The digits of a whole number; empty for anything else.
cd_text cd_integer(cd_json value);
// Their value, or `otherwise`.
uint64_t cd_unsigned(cd_json value, uint64_t otherwise);

// ── Requests ────────────────────────────────────────────────────────────────

void cd_add_pair(cd_pairs *pairs, cd_text name, cd_text value);
// In the order of their names' bytes.
void cd_sort_pairs(cd_pairs *pairs);
cd_text cd_form(cd_pairs pairs);
// The fields of a form, decoded.
cd_pairs cd_form_fields(cd_text form);
// A request without query; `type` is a content type, or NULL without a body.
cd_draft cd_request_draft(const char *method, const char *path, const char *type, cd_text body);
// The body as text; empty for none. What came as bytes may be no UTF-8.
cd_text cd_body_text(cd_body body);
// Adds a request; the items' indices are copied.
void cd_add_request(cd_mapped *mapped, cd_draft draft, const uint32_t *items, size_t count, bool repeatable);
void cd_add_failure(cd_mapped *mapped, uint32_t item, cd_fault fault);

// ── Signing ─────────────────────────────────────────────────────────────────

// What is signed: texts, bytes and secrets by their names.
typedef crossdock_adapter_keys_list_chunk_t cd_message;

void cd_sign_text(cd_message *message, cd_text text);
void cd_sign_secret(cd_message *message, const char *name);
// Hash of the message, which holds a secret; false with a fault.
bool cd_hash(crossdock_adapter_keys_digest_t digest, cd_message message, platform_list_u8_t *hash, cd_fault *fault);
// HMAC with one key and one message.
bool cd_hmac(crossdock_adapter_keys_digest_t digest, cd_message key, cd_message message, platform_list_u8_t *hash, cd_fault *fault);

// Hashes of what has no secret in it, such as a body. They work everywhere, not
// only in `sign`: cd_hex(cd_sha256(body), false).
platform_list_u8_t cd_sha256(cd_text text);
platform_list_u8_t cd_sha1(cd_text text);
platform_list_u8_t cd_md5(cd_text text);

void cd_set_query(cd_edits *edits, cd_text name, cd_text value);
void cd_set_header(cd_edits *edits, cd_text name, cd_text value);
void cd_replace_body(cd_edits *edits, cd_text body);
void cd_secret_query(cd_edits *edits, cd_text name, const char *secret);
void cd_secret_header(cd_edits *edits, cd_text name, const char *secret);

// ── Answers ─────────────────────────────────────────────────────────────────

cd_outcome cd_accepted(cd_text result);
// `kind` is one of REJECTED, UNAUTHENTICATED, UNKNOWN (EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_…).
// Another kind ends the call with a line in the log.
cd_outcome cd_refused(uint8_t kind, cd_text code, cd_text message);
// `kind` is RETRY or THROTTLED; without a time to wait.
cd_outcome cd_paused(uint8_t kind, cd_text code, cd_text message);
// The same, not to be tried again before so many milliseconds.
cd_outcome cd_paused_after(uint8_t kind, cd_text code, cd_text message, uint32_t after_ms);
// The platform's code, a whole number in any spelling, from a member of its
// answer: empty in `code` where it is the success, or else its digits. What is
// neither, such as a text "0", is a fault, and false.
bool cd_code(cd_json answer, const char *name, const char *success, cd_text *code, cd_fault *fault);
// The first header of this name, upper and lower case alike; empty for none.
cd_text cd_header(const cd_reply *reply, const char *name);
// The milliseconds of a `Retry-After` in seconds; false for none, and for a date,
// which is not read.
bool cd_retry_after(const cd_reply *reply, uint32_t *after_ms);
// What a status other than 2xx means for every item; false for 2xx. `retry` and
// `throttled` wait as long as `Retry-After` says in seconds.
bool cd_http_failure(const cd_request *request, const cd_reply *reply, cd_outcome *outcome);
// The same outcome for every item of the request.
void cd_every(cd_parsed *parsed, const cd_request *request, cd_outcome outcome);
void cd_then(cd_parsed *parsed, cd_draft next);

// ── Faults; each returns false, for `return cd_fault_…;` ────────────────────

bool cd_invalid_input(cd_fault *fault, const char *pointer, const char *message);
bool cd_invalid_settings(cd_fault *fault, const char *pointer, const char *message);
bool cd_invalid_reply(cd_fault *fault, const char *pointer, const char *message);
bool cd_unsupported(cd_fault *fault, cd_text operation);

void cd_log(crossdock_adapter_log_level_t level, cd_text line);

#endif
