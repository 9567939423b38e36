// The memory of tensors on the CPU.

#include <ATen/core/Tensor.h>

#include "guarded.h"

using lnn::guarded;

namespace {

// In-place operations of libtorch count up the version, which all views and handles of a tensor share.
uint32_t version_of(const at::Tensor& tensor) {
  return tensor.is_inference() ? 0 : static_cast<uint32_t>(tensor._version());
}

// Whether the tensor is plain memory on the CPU: elements with strides, without a negation that is still to be applied.
bool is_plain(const at::Tensor& tensor) {
  return tensor.defined() && tensor.device().is_cpu() && tensor.layout() == at::kStrided && tensor.has_storage() &&
         !tensor.is_neg() && !tensor.is_conj();
}

}  // namespace

extern "C" {

// Where the elements of a tensor are; `Layout` in the Rust.
struct LnnLayout {
  const void* data;     // the first element
  size_t available;     // elements from there to the end of the storage
  size_t count;         // elements of the tensor
  int64_t sizes[3];     // of a tensor of three dimensions, else zeros
  int64_t strides[3];
  uint32_t version;
  int32_t dtype;        // a number of `at::ScalarType`
  bool plain;           // if not, nothing else is filled in
  bool contiguous;
};

char* lnn_layout(const at::Tensor* tensor, LnnLayout* layout) {
  return guarded([&] {
    *layout = {};
    if (!is_plain(*tensor)) return;
    layout->plain = true;
    layout->dtype = static_cast<int32_t>(tensor->scalar_type());
    layout->contiguous = tensor->is_contiguous();
    layout->count = static_cast<size_t>(tensor->numel());
    layout->version = version_of(*tensor);
    if (layout->count == 0) return;
    // The strides and the offset of a tensor are not negative.
    const size_t elements = tensor->storage().nbytes() / tensor->element_size();
    const auto offset = static_cast<size_t>(tensor->storage_offset());
    layout->data = tensor->const_data_ptr();
    layout->available = layout->data == nullptr || elements < offset ? 0 : elements - offset;
    if (tensor->dim() == 3) {
      for (int i = 0; i < 3; ++i) {
        layout->sizes[i] = tensor->size(i);
        layout->strides[i] = tensor->stride(i);
      }
    }
  });
}

// Whether no operation of libtorch has changed the elements since `lnn_layout` filled in `layout`, nor moved them.
bool lnn_is_unchanged(const at::Tensor* tensor, const void* data, uint32_t version) noexcept {
  try {
    return is_plain(*tensor) && version_of(*tensor) == version &&
           (data == nullptr || tensor->const_data_ptr() == data);
  } catch (...) {
    return false;
  }
}

// The first element, to be written, if no other tensor shares the memory of this one; null if one does.
char* lnn_exclusive_data(at::Tensor* tensor, void** data) {
  return guarded([&] {
    const bool alone = tensor->use_count() == 1 && tensor->weak_use_count() == 1 && tensor->storage().use_count() == 1;
    // Memory that is shared until it is written gets copied here.
    *data = alone ? tensor->mutable_data_ptr() : nullptr;
  });
}

}  // extern "C"
