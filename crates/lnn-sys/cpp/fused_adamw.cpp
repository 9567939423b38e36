// The fused optimiser step of libtorch.

#include <ATen/core/Tensor.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/GradMode.h>

#include <vector>

#include "guarded.h"

using lnn::guarded;

namespace {

std::vector<at::Tensor> tensors(at::Tensor* const* pointers, size_t count) {
  std::vector<at::Tensor> list;
  list.reserve(count);
  for (size_t i = 0; i < count; ++i) list.push_back(*pointers[i]);
  return list;
}

// The fused kernels go through raw memory, so a gradient must have the strides of its parameter.
std::vector<at::Tensor> with_strides_of(const std::vector<at::Tensor>& parameters, std::vector<at::Tensor> gradients) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (gradients[i].strides() != parameters[i].strides()) {
      gradients[i] = at::empty_like(parameters[i]).copy_(gradients[i]);
    }
  }
  return gradients;
}

}  // namespace

extern "C" {

// One step of Adam with decoupled weight decay for all parameters at once.
// `step` is a float32 scalar on the device of the parameters and counts from 1; `learning_rate` is a float32 scalar there, too, or a
// float64 on the CPU. A recorded call reads both anew each time it runs.
char* lnn_fused_adamw(at::Tensor* const* parameters, at::Tensor* const* gradients, at::Tensor* const* first_moments,
                      at::Tensor* const* second_moments, size_t count, at::Tensor* step,
                      at::Tensor* learning_rate, double beta1, double beta2, double weight_decay, double epsilon) {
  return guarded([&] {
    const c10::NoGradGuard no_grad;
    const auto parameter_list = tensors(parameters, count);
    const auto gradient_list = with_strides_of(parameter_list, tensors(gradients, count));
    const std::vector<at::Tensor> steps(count, *step);
    at::_fused_adamw_(parameter_list, gradient_list, tensors(first_moments, count), tensors(second_moments, count),
                      {}, steps, *learning_rate, beta1, beta2, weight_decay, epsilon, /*amsgrad=*/false,
                      /*maximize=*/false);
    // The operation writes to lists of tensors without counting their versions up, by which others see that a weight has changed.
    for (const auto& parameter : parameter_list) {
      if (!parameter.is_inference()) parameter.unsafeGetTensorImpl()->bump_version();
    }
  });
}

}  // extern "C"
