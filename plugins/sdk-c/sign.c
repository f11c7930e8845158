// Messages to sign, and the edits that `sign` gives.

#include "inner.h"

void cd_sign_text(cd_message *message, cd_text text) {
  crossdock_adapter_keys_chunk_t chunk = {.tag = CROSSDOCK_ADAPTER_KEYS_CHUNK_TEXT};
  chunk.val.text = text;
  CD_ADD(message, chunk);
}

void cd_sign_secret(cd_message *message, const char *name) {
  crossdock_adapter_keys_chunk_t chunk = {.tag = CROSSDOCK_ADAPTER_KEYS_CHUNK_SECRET};
  chunk.val.secret = cd_str(name);
  CD_ADD(message, chunk);
}

static bool refused(cd_fault *fault, crossdock_adapter_keys_key_error_t error) {
  if (error.tag == CROSSDOCK_ADAPTER_KEYS_KEY_ERROR_NOT_FOUND) {
    cd_buffer said = {0};
    cd_puts(&said, "the secret `");
    cd_put(&said, error.val.not_found);
    cd_puts(&said, "` is not set");
    return cd_detailed(fault, CROSSDOCK_ADAPTER_TYPES_FAULT_INVALID_SETTINGS, cd_str(""), cd_taken(said));
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
  CD_ADD(edits, edit);
}

void cd_set_query(cd_edits *edits, cd_text name, cd_text value) {
  edit(edits, EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_EDIT_SET_QUERY, name, value);
}

void cd_set_header(cd_edits *edits, cd_text name, cd_text value) {
  edit(edits, EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_EDIT_SET_HEADER, name, value);
}

void cd_replace_body(cd_edits *edits, cd_text body) {
  cd_edit edit = {.tag = EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_EDIT_REPLACE_BODY};
  edit.val.replace_body = cd_body_of(body);
  CD_ADD(edits, edit);
}

void cd_secret_query(cd_edits *edits, cd_text name, const char *secret) {
  edit(edits, EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_EDIT_SECRET_QUERY, name, cd_str(secret));
}

void cd_secret_header(cd_edits *edits, cd_text name, const char *secret) {
  edit(edits, EXPORTS_CROSSDOCK_ADAPTER_ADAPTER_EDIT_SECRET_HEADER, name, cd_str(secret));
}
