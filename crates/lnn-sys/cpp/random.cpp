// Random number generators of libtorch, and the operations that fill a tensor from one.
//
// A handle is an `at::Generator` on the heap, which is freed once with `lnn_generator_free`. A null generator stands for the default
// one of the tensor's device. Entries that return a message return null on success; the caller frees it with `lnn_free_message`.

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/randperm.h>

#include <mutex>
#include <optional>

#include "guarded.h"

using lnn::guarded;

namespace {

std::optional<at::Generator> chosen(const at::Generator* generator) {
  return generator == nullptr ? std::nullopt : std::optional<at::Generator>(*generator);
}

}  // namespace

extern "C" {

char* lnn_generator_new(uint64_t seed, at::Generator** handle) {
  return guarded([&] { *handle = new at::Generator(at::detail::createCPUGenerator(seed)); });
}

void lnn_generator_free(at::Generator* handle) noexcept { delete handle; }

// Seeds the default generator of one CUDA device. The hooks need no CUDA library at link time; a libtorch without CUDA throws.
char* lnn_seed_cuda(int device, uint64_t seed) {
  return guarded([&] {
    at::Generator generator =
        at::globalContext().defaultGenerator(at::Device(at::kCUDA, static_cast<at::DeviceIndex>(device)));
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_current_seed(seed);
  });
}

char* lnn_fill_normal(at::Tensor* tensor, const at::Generator* generator) {
  return guarded([&] { tensor->normal_(0, 1, chosen(generator)); });
}

char* lnn_fill_uniform(at::Tensor* tensor, const at::Generator* generator) {
  return guarded([&] { tensor->uniform_(0, 1, chosen(generator)); });
}

char* lnn_fill_integers(at::Tensor* tensor, int64_t below, const at::Generator* generator) {
  return guarded([&] { tensor->random_(0, below, chosen(generator)); });
}

char* lnn_fill_bernoulli(at::Tensor* tensor, double probability, const at::Generator* generator) {
  return guarded([&] { tensor->bernoulli_(probability, chosen(generator)); });
}

// The tensor keeps its shape, which must be [n].
char* lnn_fill_permutation(at::Tensor* tensor, const at::Generator* generator) {
  return guarded([&] {
    TORCH_CHECK(tensor->dim() == 1, "a permutation fills a tensor [n], found ", tensor->sizes());
    at::randperm_out(*tensor, tensor->size(0), chosen(generator));
  });
}

}  // extern "C"
