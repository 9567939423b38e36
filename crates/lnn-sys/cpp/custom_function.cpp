// Functions whose forward and backward pass are written in Rust, run by libtorch's autograd engine.
//
// Rust reads and fills lists of tensors, `std::vector<at::Tensor>`, through pointers and the entries below.

#include <torch/csrc/autograd/custom_function.h>

#include <memory>
#include <string>
#include <vector>

#include "guarded.h"

using lnn::guarded;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

extern "C" {

// The functions that Rust implements. A pass that fails writes to `error` and returns false.
struct LnnPasses {
  bool (*forward)(const void* function, const variable_list* inputs, const bool* needs, variable_list* outputs,
                  variable_list* saved, std::string* error);
  bool (*backward)(const void* function, const variable_list* saved, const variable_list* gradients, const bool* needs,
                   size_t count, variable_list* results, std::string* error);
  void (*drop)(void* function);
};
}

namespace {

// Owns the Rust value. The graph and the call share it by reference count.
struct Handle : torch::CustomClassHolder {
  Handle(void* function, LnnPasses passes) : function(function), passes(passes) {}
  ~Handle() override { passes.drop(function); }
  void* function;
  LnnPasses passes;
};

void run_forward(const Handle& handle, const variable_list& inputs, bool tracked, variable_list& outputs,
                 variable_list& saved) {
  const auto needs = std::make_unique<bool[]>(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) needs[i] = tracked && inputs[i].requires_grad();
  std::string error;
  TORCH_CHECK(handle.passes.forward(handle.function, &inputs, needs.get(), &outputs, &saved, &error), error);
}

struct RustFunction : torch::autograd::Function<RustFunction> {
  static variable_list forward(AutogradContext* context, at::TensorList inputs, c10::intrusive_ptr<Handle> handle) {
    // Undefined gradients of outputs stay undefined: to compute with zeros would take as long as with numbers.
    context->set_materialize_grads(false);
    variable_list outputs, saved;
    run_forward(*handle, inputs.vec(), true, outputs, saved);
    context->save_for_backward(std::move(saved));
    context->saved_data["count"] = static_cast<int64_t>(inputs.size());
    context->saved_data["function"] = c10::IValue::make_capsule(handle);
    return outputs;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "a function with a backward pass of its own has no second derivative");
    const size_t count = static_cast<size_t>(context->saved_data["count"].toInt());
    const auto capsule = context->saved_data["function"].toCapsule();
    const auto& handle = static_cast<const Handle&>(*capsule);
    const auto needs = std::make_unique<bool[]>(count);
    for (size_t i = 0; i < count; ++i) needs[i] = context->needs_input_grad(i);
    const variable_list saved = context->get_saved_variables();
    variable_list results;
    std::string error;
    TORCH_CHECK(
        handle.passes.backward(handle.function, &saved, &gradients, needs.get(), count, &results, &error), error);
    TORCH_CHECK(results.size() == count, "expected ", count, " gradients, one per input, found ", results.size());
    results.emplace_back();  // the handle, which has none
    return results;
  }
};

}  // namespace

extern "C" {

// Takes ownership of `function`, even if an exception is thrown, and appends the results to `outputs`.
char* lnn_custom_function(void* function, LnnPasses passes, const variable_list* inputs, variable_list* outputs) {
  return guarded([&] {
    const auto handle = c10::make_intrusive<Handle>(function, passes);
    bool tracked = false;
    if (at::GradMode::is_enabled()) {
      for (const auto& input : *inputs) tracked = tracked || input.requires_grad();
    }
    if (tracked) {
      *outputs = RustFunction::apply(at::TensorList(*inputs), handle);
      return;
    }
    const at::AutoGradMode off(false);
    variable_list saved;
    run_forward(*handle, *inputs, false, *outputs, saved);
  });
}

bool lnn_gradients_are_collected() noexcept { return at::GradMode::is_enabled(); }

// Lists and errors only fail without memory, which ends the process.

variable_list* lnn_tensors_new() noexcept { return new variable_list; }

void lnn_tensors_free(variable_list* tensors) noexcept { delete tensors; }

size_t lnn_tensors_count(const variable_list* tensors) noexcept { return tensors->size(); }

// A tensor of the list, still owned by it.
const at::Tensor* lnn_tensors_get(const variable_list* tensors, size_t index) noexcept { return &(*tensors)[index]; }

// Adds a tensor, or an undefined one for null.
void lnn_tensors_push(variable_list* tensors, const at::Tensor* tensor) noexcept {
  tensors->push_back(tensor == nullptr ? at::Tensor() : *tensor);
}

void lnn_write_error(std::string* error, const char* text, size_t length) noexcept { error->assign(text, length); }
}
