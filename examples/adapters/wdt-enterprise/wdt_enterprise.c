// The adapter of 旺店通企业版 (WangDianTong enterprise edition), in C.
//
// One call: stock_query.php, page by page. Everything goes as a form, with a
// signature of its own kind: each name and value with their lengths.

#include "crossdock.h"

// manifest.json, of which `crossdock plugin build` makes a C string.
extern const char MANIFEST[];

#define OPERATION "stock.list"
#define PATH "/stock_query.php"
#define FORM "application/x-www-form-urlencoded"
#define PAGE_SIZE 40

void exports_crossdock_adapter_adapter_describe(cd_json *ret) { *ret = cd_str(MANIFEST); }

// ── Documents → requests ────────────────────────────────────────────────────

static cd_draft query(cd_pairs fields, uint64_t page) {
  cd_add_pair(&fields, cd_str("page_no"), cd_number(page));
  return cd_request_draft("POST", PATH, FORM, cd_form(fields));
}

bool exports_crossdock_adapter_adapter_map(cd_context *ctx, cd_text *operation, cd_items *items, cd_mapped *ret, cd_fault *err) {
  if (!cd_is(*operation, OPERATION)) return cd_unsupported(err, *operation);
  static const char *const members[] = {"start_time", "end_time", "spec_no", "warehouse_no"};
  cd_text size = cd_number(cd_unsigned(cd_member(ctx->settings, "page_size"), PAGE_SIZE));
  *ret = (cd_mapped){0};
  for (uint32_t i = 0; i < items->len; i++) {
    cd_json document = items->ptr[i].document;
    if (cd_member(document, "start_time").len == 0 && cd_member(document, "spec_no").len == 0) {
      cd_fault fault;
      cd_invalid_input(&fault, "/start_time", "the platform wants a time, start_time and end_time, or a spec_no");
      cd_add_failure(ret, i, fault);
      continue;
    }
    cd_pairs fields = {0};
    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
      cd_json value = cd_member(document, members[m]);
      if (cd_is_string(value)) cd_add_pair(&fields, cd_str(members[m]), cd_string(value));
    }
    cd_add_pair(&fields, cd_str("page_size"), size);
    cd_add_request(ret, query(fields, 0), &i, 1, true);
  }
  return true;
}

// ── Signing ─────────────────────────────────────────────────────────────────

// `06-appkey:0008-test2-xx`; lengths are those in characters.
static void put_pair(cd_buffer *out, cd_pair pair) {
  cd_put_number(out, cd_characters(pair.f0), 2);
  cd_put_byte(out, '-');
  cd_put(out, pair.f0);
  cd_put_byte(out, ':');
  cd_put_number(out, cd_characters(pair.f1), 4);
  cd_put_byte(out, '-');
  cd_put(out, pair.f1);
}

bool exports_crossdock_adapter_adapter_sign(cd_context *ctx, cd_text *operation, cd_draft *draft, cd_edits *ret, cd_fault *err) {
  (void)operation;
  cd_pairs fields = cd_form_fields(cd_body_text(draft->body));
  cd_add_pair(&fields, cd_str("sid"), cd_string(cd_member(ctx->settings, "sid")));
  cd_add_pair(&fields, cd_str("appkey"), cd_string(cd_member(ctx->settings, "appkey")));
  cd_add_pair(&fields, cd_str("timestamp"), cd_number(ctx->now_ms / 1000));
  cd_sort_pairs(&fields);
  cd_buffer text = {0};
  for (size_t i = 0; i < fields.len; i++) {
    if (i > 0) cd_put_byte(&text, ';');
    put_pair(&text, fields.ptr[i]);
  }
  cd_message message = {0};
  cd_sign_text(&message, cd_taken(text));
  cd_sign_secret(&message, "appsecret");
  platform_list_u8_t hash;
  if (!cd_hash(CROSSDOCK_ADAPTER_KEYS_DIGEST_MD5, message, &hash, err)) return false;
  cd_add_pair(&fields, cd_str("sign"), cd_hex(hash, false));
  *ret = (cd_edits){0};
  cd_replace_body(ret, cd_form(fields));
  return true;
}

// ── Answers → outcomes ──────────────────────────────────────────────────────

// The form after this one: all fields as they are, and the next page.
static cd_draft page_after(const cd_draft *draft, uint64_t page) {
  cd_pairs fields = cd_form_fields(cd_body_text(draft->body)), kept = {0};
  for (size_t i = 0; i < fields.len; i++) {
    if (!cd_is(fields.ptr[i].f0, "page_no")) cd_add_pair(&kept, fields.ptr[i].f0, fields.ptr[i].f1);
  }
  return query(kept, page + 1);
}

static uint64_t field(const cd_draft *draft, const char *name) {
  cd_pairs fields = cd_form_fields(cd_body_text(draft->body));
  for (size_t i = 0; i < fields.len; i++) {
    if (cd_is(fields.ptr[i].f0, name)) return cd_unsigned(fields.ptr[i].f1, 0);
  }
  return 0;
}

bool exports_crossdock_adapter_adapter_parse_response(cd_context *ctx, cd_text *operation, cd_request *request, cd_reply *reply,
                                                      cd_parsed *ret, cd_fault *err) {
  (void)ctx, (void)operation;
  cd_outcome outcome;
  if (cd_http_failure(request, reply, &outcome)) {
    cd_every(ret, request, outcome);
    return true;
  }
  cd_text answer = cd_body_text(reply->body);
  if (!cd_json_valid(answer)) return cd_invalid_reply(err, "", "the answer is not JSON, or has a member twice");
  cd_text code;
  if (!cd_code(answer, "code", "0", &code, err)) return false;
  if (code.len > 0) {
    cd_text message = cd_string(cd_member(answer, "message"));
    bool often = cd_starts(message, "超过每分钟最大调用频率限制");
    cd_every(ret, request,
             often ? cd_paused(EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_THROTTLED, code, message)
                   : cd_refused(EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_REJECTED, code, message));
    return true;
  }
  cd_json stocks = cd_member(answer, "stocks");
  if (stocks.len == 0 || stocks.ptr[0] != '[') return cd_invalid_reply(err, "/stocks", "the answer has no list of stock");
  // Rows pass as they were written, every digit with them.
  cd_buffer result = {0};
  cd_puts(&result, "{\"stocks\":");
  cd_put(&result, stocks);
  cd_puts(&result, "}");
  cd_every(ret, request, cd_accepted(cd_taken(result)));
  // The total is told with the first page only, so a full page has one after it.
  uint64_t size = field(&request->draft, "page_size");
  if (size > 0 && cd_length(stocks) >= size) cd_then(ret, page_after(&request->draft, field(&request->draft, "page_no")));
  return true;
}
