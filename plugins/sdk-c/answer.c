// What `parse-response` gives: outcomes, and what comes next.

#include "inner.h"

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
  for (size_t i = 0; i < request->items.len; i++) CD_ADD(&parsed->outcomes, outcome);
}

void cd_then(cd_parsed *parsed, cd_draft next) {
  parsed->next.is_some = true;
  parsed->next.val = next;
}
