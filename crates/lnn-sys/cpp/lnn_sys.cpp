// What tch lacks of libtorch, behind a C interface.
//
// Every entry returns null on success, and otherwise a message that the caller frees with `lnn_free_message`:
// no C++ exception crosses the border. A `Tensor*` is what `tch::Tensor::as_ptr` gives: a pointer to an `at::Tensor`.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/version.h>

#include <cstdlib>
#include <vector>

#include "guarded.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

using lnn::guarded;

namespace {

std::vector<at::Tensor> tensors(at::Tensor* const* pointers, size_t count) {
  std::vector<at::Tensor> list;
  list.reserve(count);
  for (size_t i = 0; i < count; ++i) list.push_back(*pointers[i]);
  return list;
}

// The fused kernels walk raw memory, so a gradient must lie in memory as its parameter does.
std::vector<at::Tensor> laid_out_like(const std::vector<at::Tensor>& parameters, std::vector<at::Tensor> gradients) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (gradients[i].strides() != parameters[i].strides()) {
      gradients[i] = at::empty_like(parameters[i]).copy_(gradients[i]);
    }
  }
  return gradients;
}

}  // namespace

extern "C" {

void lnn_free_message(char* text) { std::free(text); }

const char* lnn_torch_version() { return TORCH_VERSION; }

// Flushes denormals on the calling thread and on every thread of its pool.
char* lnn_flush_denormals(bool enabled, bool* supported) {
  return guarded([&] {
    *supported = at::globalContext().setFlushDenormal(enabled);
    const int64_t threads = at::get_num_threads();
    at::parallel_for(0, threads, 1, [&](int64_t, int64_t) { at::globalContext().setFlushDenormal(enabled); });
  });
}

bool lnn_gradients_are_collected() { return at::GradMode::is_enabled(); }

int lnn_threads() { return at::get_num_threads(); }

// Calls `call(context, i)` for each i below `count`, on the threads of the pool. `call` must not throw.
void lnn_parallel(size_t count, void (*call)(const void*, size_t), const void* context) {
  at::parallel_for(0, static_cast<int64_t>(count), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) call(context, static_cast<size_t>(i));
  });
}

// Whether no other tensor shares the memory of this one.
bool lnn_owns_memory_alone(const at::Tensor* tensor) {
  return tensor->use_count() == 1 && tensor->storage().use_count() == 1;
}

// Makes glibc keep freed memory for the next allocation instead of handing it back to the system.
bool lnn_keep_freed_memory(int bytes) {
#ifdef __GLIBC__
  return mallopt(M_MMAP_THRESHOLD, bytes) == 1 && mallopt(M_TRIM_THRESHOLD, bytes) == 1 &&
         mallopt(M_TOP_PAD, 64 << 20) == 1;
#else
  return bytes < 0;
#endif
}

// One step of Adam with decoupled weight decay for all parameters at once.
// `step` is a float32 scalar on the device of the parameters and counts from 1; `learning_rate` is one, too, or a float64 on the
// CPU. A recorded call reads both anew each time it runs.
char* lnn_fused_adamw(at::Tensor* const* parameters, at::Tensor* const* gradients, at::Tensor* const* first_moments,
                      at::Tensor* const* second_moments, size_t count, at::Tensor* step,
                      at::Tensor* learning_rate, double beta1, double beta2, double weight_decay, double epsilon) {
  return guarded([&] {
    const c10::NoGradGuard no_grad;
    const auto parameter_list = tensors(parameters, count);
    const auto gradient_list = laid_out_like(parameter_list, tensors(gradients, count));
    const std::vector<at::Tensor> steps(count, *step);
    at::_fused_adamw_(parameter_list, gradient_list, tensors(first_moments, count), tensors(second_moments, count),
                      {}, steps, *learning_rate, beta1, beta2, weight_decay, epsilon, /*amsgrad=*/false,
                      /*maximize=*/false);
  });
}

}  // extern "C"
