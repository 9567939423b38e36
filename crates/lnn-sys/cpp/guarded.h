// How the entries of this crate report errors: null on success, else a message that the caller frees with `lnn_free_message`.
// No C++ exception leaves an entry: what can throw runs in `guarded`, and entries without a message are `noexcept`.

#pragma once

#include <c10/util/Exception.h>

#include <cstdlib>
#include <cstring>
#include <exception>

namespace lnn {

// The message where there is no memory for another one; it is never freed.
inline char out_of_memory[] = "out of memory";

inline char* message(const char* text) noexcept {
  char* copy = static_cast<char*>(std::malloc(std::strlen(text) + 1));
  return copy == nullptr ? out_of_memory : std::strcpy(copy, text);
}

// Runs `work`; an exception becomes a message.
template <typename Work>
char* guarded(Work work) noexcept {
  try {
    work();
    return nullptr;
  } catch (const c10::Error& error) {
    return message(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return message(error.what());
  } catch (...) {
    return message("an unknown C++ exception");
  }
}

}  // namespace lnn
