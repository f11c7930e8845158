// Faults, and lines for the log.

#include "inner.h"

bool cd_detailed(cd_fault *fault, uint8_t tag, cd_text pointer, cd_text message) {
  *fault = (cd_fault){.tag = tag};
  fault->val.invalid_input.pointer = pointer;
  fault->val.invalid_input.message = message;
  return false;
}

bool cd_invalid_input(cd_fault *fault, const char *pointer, const char *message) {
  return cd_detailed(fault, CROSSDOCK_ADAPTER_TYPES_FAULT_INVALID_INPUT, cd_str(pointer), cd_str(message));
}

bool cd_invalid_settings(cd_fault *fault, const char *pointer, const char *message) {
  return cd_detailed(fault, CROSSDOCK_ADAPTER_TYPES_FAULT_INVALID_SETTINGS, cd_str(pointer), cd_str(message));
}

bool cd_invalid_reply(cd_fault *fault, const char *pointer, const char *message) {
  return cd_detailed(fault, CROSSDOCK_ADAPTER_TYPES_FAULT_INVALID_REPLY, cd_str(pointer), cd_str(message));
}

bool cd_unsupported(cd_fault *fault, cd_text operation) {
  *fault = (cd_fault){.tag = CROSSDOCK_ADAPTER_TYPES_FAULT_UNSUPPORTED};
  fault->val.unsupported = operation;
  return false;
}

void cd_log(crossdock_adapter_log_level_t level, cd_text line) { crossdock_adapter_log_write(level, &line); }
