// The adapter __name__.

#include "crossdock.h"

// manifest.json, which `crossdock plugin build` makes a text of. The examples are
// files beside it, which it adds, too.
extern const char MANIFEST[];

// Most products the platform takes at once.
#define MOST_SKUS 50

void exports_crossdock_adapter_adapter_describe(cd_json *ret) { *ret = cd_str(MANIFEST); }

// A request without its signature, of a shop and an array of products, both as
// JSON. The body is written once: these bytes are signed, and these are sent.
static cd_draft question(cd_json shop, cd_json skus, uint64_t page) {
  cd_buffer body = {0};
  cd_puts(&body, "{\"shop\":");
  cd_put(&body, shop);
  cd_puts(&body, ",\"skus\":");
  cd_put(&body, skus);
  cd_puts(&body, ",\"page\":");
  cd_put(&body, cd_number(page));
  cd_puts(&body, "}");
  return cd_request_draft("POST", "/v1/stock/query", "application/json", cd_taken(body));
}

// A string as this adapter writes it, whatever escapes it came with.
static void put_again(cd_buffer *out, cd_json string) { cd_put_json(out, cd_string(string)); }

bool exports_crossdock_adapter_adapter_map(cd_context *ctx, cd_text *operation, cd_items *items, cd_mapped *ret, cd_fault *err) {
  if (!cd_is(*operation, "stock.query")) return cd_unsupported(err, *operation);
  cd_buffer shop = {0};
  put_again(&shop, cd_member(ctx->settings, "shop"));
  *ret = (cd_mapped){0};
  for (size_t start = 0; start < items->len; start += MOST_SKUS) {
    uint32_t indices[MOST_SKUS];
    size_t count = 0;
    cd_buffer skus = {0};
    for (size_t i = start; i < items->len && count < MOST_SKUS; i++) {
      cd_puts(&skus, count == 0 ? "[" : ",");
      put_again(&skus, cd_member(items->ptr[i].document, "sku"));
      indices[count++] = (uint32_t)i;
    }
    cd_puts(&skus, "]");
    cd_draft draft = question(cd_taken(shop), cd_taken(skus), 1);
    cd_add_request(ret, draft, indices, count, true);
  }
  return true;
}

bool exports_crossdock_adapter_adapter_sign(cd_context *ctx, cd_text *operation, cd_draft *draft, cd_edits *ret, cd_fault *err) {
  (void)operation;
  cd_text time = cd_number(ctx->now_ms / 1000);
  // The secret is named, not read: the host computes with it.
  cd_message key = {0}, message = {0};
  cd_sign_secret(&key, "app-secret");
  cd_sign_text(&message, time);
  cd_sign_text(&message, cd_body_text(draft->body));
  platform_list_u8_t sign;
  if (!cd_hmac(CROSSDOCK_ADAPTER_KEYS_DIGEST_SHA256, key, message, &sign, err)) return false;
  *ret = (cd_edits){0};
  cd_set_query(ret, cd_str("time"), time);
  cd_set_query(ret, cd_str("sign"), cd_hex(sign, false));
  return true;
}

// The platform's refusal, with its own code and message.
static cd_outcome refused(cd_json answer) {
  cd_text code = cd_string(cd_member(answer, "code"));
  cd_text message = cd_string(cd_member(answer, "message"));
  if (cd_is(code, "E401")) return cd_refused(EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_UNAUTHENTICATED, code, message);
  if (cd_is(code, "E429")) return cd_paused(EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_THROTTLED, code, message);
  return cd_refused(EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_REJECTED, code, message);
}

// Whether a product is in an array of products.
static bool is_in(cd_json array, cd_text sku) {
  cd_json at = array, element;
  while (cd_next(&at, &element)) {
    if (cd_same(cd_string(element), sku)) return true;
  }
  return false;
}

// What the platform has of a product, place by place.
static cd_outcome stock(cd_json rows, cd_text sku) {
  cd_buffer result = {0};
  cd_puts(&result, "{\"stock\":[");
  cd_json at = rows, row;
  bool first = true;
  while (cd_next(&at, &row)) {
    if (!cd_same(cd_string(cd_member(row, "sku")), sku)) continue;
    cd_puts(&result, first ? "{\"location\":" : ",{\"location\":");
    cd_put(&result, cd_member(row, "location"));
    // As it was written, with every digit.
    cd_puts(&result, ",\"quantity\":");
    cd_put(&result, cd_member(row, "quantity"));
    cd_puts(&result, "}");
    first = false;
  }
  cd_puts(&result, "]}");
  return cd_accepted(cd_taken(result));
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
  cd_json ok = cd_member(answer, "ok"), rows = cd_member(answer, "rows");
  if (cd_is(ok, "false")) {
    cd_every(ret, request, refused(answer));
    return true;
  }
  // An answer that says nothing certain is a fault, not a guess.
  if (!cd_is(ok, "true")) return cd_invalid_reply(err, "/ok", "an answer says whether it is a success");
  if (rows.len == 0 || rows.ptr[0] != '[') return cd_invalid_reply(err, "/rows", "a success has rows");
  cd_json asked = cd_body_text(request->draft.body);
  cd_json skus = cd_member(asked, "skus"), at = skus, sku;
  // One outcome for each item: they are made alike first, and then told apart.
  cd_every(ret, request, cd_accepted(cd_str("{}")));
  for (size_t i = 0; i < ret->outcomes.len && cd_next(&at, &sku); i++) {
    ret->outcomes.ptr[i] = is_in(cd_member(answer, "unknown"), cd_string(sku))
                               ? cd_refused(EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_OUTCOME_REJECTED, cd_str("unknown-sku"),
                                            cd_str("the platform does not know it"))
                               : stock(rows, cd_string(sku));
  }
  // A page with nothing in it is the last one, whatever it says of more.
  cd_json row;
  if (cd_is(cd_member(answer, "more"), "true") && cd_next(&rows, &row)) {
    uint64_t page = cd_unsigned(cd_member(asked, "page"), 1);
    cd_then(ret, question(cd_member(asked, "shop"), skus, page + 1));
  }
  return true;
}
