// Autocast: operations of a thread that compute in a shorter dtype. tch offers it for CUDA only.
//
// Every entry returns null on success, and otherwise a message that the caller frees with `lnn_free_message`.

#include <ATen/autocast_mode.h>

#include "guarded.h"

using lnn::guarded;

namespace {

at::DeviceType device_type(bool cuda) { return cuda ? at::kCUDA : at::kCPU; }

}  // namespace

extern "C" {

char* lnn_autocast_enabled(bool cuda, bool* enabled) {
  return guarded([&] { *enabled = at::autocast::is_autocast_enabled(device_type(cuda)); });
}

// Turns autocast on or off for the calling thread and returns the former state. `dtype` is a number of `at::ScalarType`.
char* lnn_autocast_begin(bool cuda, bool enabled, int dtype, bool* was_enabled, int* was_dtype) {
  return guarded([&] {
    const auto device = device_type(cuda);
    *was_enabled = at::autocast::is_autocast_enabled(device);
    *was_dtype = static_cast<int>(at::autocast::get_autocast_dtype(device));
    if (enabled) at::autocast::set_autocast_dtype(device, static_cast<at::ScalarType>(dtype));
    at::autocast::set_autocast_enabled(device, enabled);
    at::autocast::increment_nesting();
  });
}

// Undoes one `lnn_autocast_begin`. The outermost one drops the casts of weights, since the optimiser will change the weights.
char* lnn_autocast_end(bool cuda, bool was_enabled, int was_dtype) {
  return guarded([&] {
    const auto device = device_type(cuda);
    at::autocast::set_autocast_enabled(device, was_enabled);
    at::autocast::set_autocast_dtype(device, static_cast<at::ScalarType>(was_dtype));
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  });
}

}  // extern "C"
