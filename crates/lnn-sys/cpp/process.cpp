// Settings and functions of the process and its threads.

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/version.h>

#include <cstdlib>

#include "guarded.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

using lnn::guarded;

extern "C" {

void lnn_free_message(char* text) noexcept {
  if (text != lnn::out_of_memory) std::free(text);
}

const char* lnn_torch_version() noexcept { return TORCH_VERSION; }

// Flushes denormals on the calling thread and on every thread of its pool.
char* lnn_flush_denormals(bool enabled, bool* supported) {
  return guarded([&] {
    *supported = at::globalContext().setFlushDenormal(enabled);
    const int64_t threads = at::get_num_threads();
    at::parallel_for(0, threads, 1, [&](int64_t, int64_t) { at::globalContext().setFlushDenormal(enabled); });
  });
}

char* lnn_threads(int* count) {
  return guarded([&] { *count = at::get_num_threads(); });
}

// Calls `call(context, i)` for each i below `count`, on the threads of the pool. `call` must not throw.
char* lnn_parallel(size_t count, void (*call)(const void*, size_t), const void* context) {
  return guarded([&] {
    at::parallel_for(0, static_cast<int64_t>(count), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) call(context, static_cast<size_t>(i));
    });
  });
}

// Makes glibc keep freed memory for the next allocation instead of returning it to the system.
bool lnn_keep_freed_memory(int bytes) noexcept {
#ifdef __GLIBC__
  return mallopt(M_MMAP_THRESHOLD, bytes) == 1 && mallopt(M_TRIM_THRESHOLD, bytes) == 1 &&
         mallopt(M_TOP_PAD, 64 << 20) == 1;
#else
  return bytes < 0;
#endif
}

}  // extern "C"
