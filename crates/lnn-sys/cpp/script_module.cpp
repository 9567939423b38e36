// Builds, writes and reads TorchScript modules, behind a C interface.
//
// A handle is a `torch::jit::Module` on the heap, which shares its object with every other handle to the same module.
// Each handle is freed once with `lnn_script_free`; a submodule stays alive in its parent.

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <cstdlib>
#include <cstring>
#include <sstream>
#include <streambuf>
#include <string>

#include "guarded.h"

using lnn::guarded;
using torch::jit::Module;

namespace {

// `train()` and `eval()` of Python set the flag `training`, which every module therefore has.
Module* with_training_flag(Module module) {
  module.register_attribute("training", c10::BoolType::get(), false);
  return new Module(std::move(module));
}

// libtorch would let a second attribute of the same name and type replace the first.
void check_unused(const Module& module, const char* name) {
  TORCH_CHECK(!module.hasattr(name), "the module has an attribute `", name, "` already");
}

char* copy_of(const std::string& text, size_t* length) {
  char* bytes = static_cast<char*>(std::malloc(text.size() + 1));
  TORCH_CHECK(bytes != nullptr, "no memory for ", text.size(), " bytes");
  std::memcpy(bytes, text.data(), text.size());
  bytes[text.size()] = '\0';
  *length = text.size();
  return bytes;
}

// A stream that reads and seeks in bytes in memory, without a copy.
struct Bytes : std::streambuf {
  Bytes(const char* data, size_t length) {
    char* begin = const_cast<char*>(data);  // a get area is never written to
    setg(begin, begin, begin + length);
  }

  pos_type seekoff(off_type offset, std::ios_base::seekdir from, std::ios_base::openmode) override {
    const off_type base = from == std::ios_base::beg ? 0 : from == std::ios_base::cur ? gptr() - eback() : egptr() - eback();
    return seekpos(base + offset, std::ios_base::in);
  }

  pos_type seekpos(pos_type position, std::ios_base::openmode) override {
    const off_type offset = position;
    if (offset < 0 || offset > egptr() - eback()) return pos_type(off_type(-1));
    setg(eback(), eback() + offset, egptr());
    return position;
  }
};

}  // namespace

extern "C" {

// A module of the qualified class name `class_name`, with the flag `training` only.
char* lnn_script_new(const char* class_name, Module** handle) {
  return guarded([&] { *handle = with_training_flag(Module(c10::QualifiedName(class_name))); });
}

// The same, as the submodule `name` of `parent`. A class name that is already used gets a suffix.
char* lnn_script_child(Module* parent, const char* name, const char* class_name, Module** handle) {
  return guarded([&] {
    check_unused(*parent, name);
    const auto unit = parent->_ivalue()->compilation_unit();
    Module child(c10::QualifiedName(class_name), unit, /*shouldMangle=*/true);
    parent->register_module(name, child);
    *handle = with_training_flag(std::move(child));
  });
}

void lnn_script_free(Module* handle) noexcept { delete handle; }

void lnn_free_bytes(char* bytes) noexcept { std::free(bytes); }

// Adds the tensor itself, not a copy. The caller ensures that a parameter is a leaf.
char* lnn_script_register_tensor(Module* module, const char* name, const at::Tensor* tensor, bool parameter) {
  return guarded([&] {
    check_unused(*module, name);
    if (parameter) {
      module->register_parameter(name, *tensor, /*is_buffer=*/false);
    } else {
      module->register_buffer(name, *tensor);
    }
  });
}

char* lnn_script_register_bool(Module* module, const char* name, bool value) {
  return guarded([&] {
    check_unused(*module, name);
    module->register_attribute(name, c10::BoolType::get(), value);
  });
}

char* lnn_script_register_int(Module* module, const char* name, int64_t value) {
  return guarded([&] {
    check_unused(*module, name);
    module->register_attribute(name, c10::IntType::get(), value);
  });
}

char* lnn_script_register_float(Module* module, const char* name, double value) {
  return guarded([&] {
    check_unused(*module, name);
    module->register_attribute(name, c10::FloatType::get(), value);
  });
}

char* lnn_script_register_text(Module* module, const char* name, const char* value, size_t length) {
  return guarded([&] {
    check_unused(*module, name);
    module->register_attribute(name, c10::StringType::get(), std::string(value, length));
  });
}

// Compiles the methods in `source`. They can use the attributes and the methods of submodules that exist by then.
char* lnn_script_define(Module* module, const char* source) {
  return guarded([&] { module->define(source); });
}

// Writes an archive with one extra file to `bytes`, which the caller frees with `lnn_free_bytes`.
char* lnn_script_save(const Module* module, const char* extra_name, const char* extra, size_t extra_length, char** bytes,
                      size_t* length) {
  return guarded([&] {
    std::ostringstream stream;
    module->save(stream, {{extra_name, std::string(extra, extra_length)}});
    *bytes = copy_of(stream.str(), length);
  });
}

// Reads an archive onto the CPU. `extra` is the content of the extra file, or null if there is none; the caller frees
// it with `lnn_free_bytes`.
char* lnn_script_load(const char* bytes, size_t length, const char* extra_name, Module** handle, char** extra,
                      size_t* extra_length) {
  return guarded([&] {
    Bytes buffer(bytes, length);
    std::istream stream(&buffer);
    torch::jit::ExtraFilesMap extra_files{{extra_name, ""}};
    Module module = torch::jit::load(stream, c10::Device(c10::kCPU), extra_files);
    const std::string& found = extra_files.at(extra_name);
    *extra = found.empty() ? nullptr : copy_of(found, extra_length);
    *handle = new Module(std::move(module));
  });
}

// Calls `visit(context, name, tensor, is_parameter)` for every parameter, then for every buffer, of the whole tree. The
// visitor owns the tensor.
char* lnn_script_tensors(const Module* module, void* context,
                         void (*visit)(void*, const char*, at::Tensor*, bool)) {
  return guarded([&] {
    for (const auto& entry : module->named_parameters()) {
      visit(context, entry.name.c_str(), new at::Tensor(entry.value), true);
    }
    for (const auto& entry : module->named_buffers()) {
      visit(context, entry.name.c_str(), new at::Tensor(entry.value), false);
    }
  });
}

// The text attribute `name`, or null if there is none; the caller frees it with `lnn_free_bytes`.
char* lnn_script_text(const Module* module, const char* name, char** text, size_t* length) {
  return guarded([&] {
    *text = nullptr;
    if (!module->hasattr(name)) return;
    const auto value = module->attr(name);
    if (value.isString()) *text = copy_of(value.toStringRef(), length);
  });
}

}  // extern "C"
