// CUDA graphs: work on a device that is recorded once and run again in one call.
//
// libtorch does not include the headers of CUDA. `build.rs` defines LNN_CUDA where it finds them; elsewhere recording is an
// error.

#include "guarded.h"

using lnn::guarded;

#ifdef LNN_CUDA

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>

#include <memory>

// The guards of c10 call CUDA's runtime, which this crate does not link; libtorch's own functions do the same without it.
struct LnnGraph {
  explicit LnnGraph(c10::DeviceIndex device) : own(c10::cuda::getStreamFromPool(false, device)) {}
  c10::cuda::CUDAStream own;
  at::cuda::CUDAGraph graph;
};

namespace {

// Sets the thread's device and stream to those of a recording, and restores the former ones when it is destroyed.
struct Elsewhere {
  explicit Elsewhere(const c10::cuda::CUDAStream& stream)
      : device(c10::cuda::ExchangeDevice(stream.device_index())),
        before(c10::cuda::getCurrentCUDAStream(stream.device_index())) {
    c10::cuda::setCurrentCUDAStream(stream);
  }
  ~Elsewhere() {
    c10::cuda::setCurrentCUDAStream(before);
    c10::cuda::MaybeSetDevice(device);
  }
  c10::DeviceIndex device;
  c10::cuda::CUDAStream before;
};

thread_local std::unique_ptr<Elsewhere> elsewhere;

}  // namespace

#else

struct LnnGraph {};

#endif

extern "C" {

bool lnn_cuda_graphs_are_built_in() noexcept {
#ifdef LNN_CUDA
  return true;
#else
  return false;
#endif
}

// From here to `lnn_cuda_graph_end` on the same thread, work that the thread submits to the device is recorded and not run.
char* lnn_cuda_graph_begin(int device, LnnGraph** handle) {
  return guarded([&] {
#ifdef LNN_CUDA
    auto graph = std::make_unique<LnnGraph>(static_cast<c10::DeviceIndex>(device));
    elsewhere = std::make_unique<Elsewhere>(graph->own);
    try {
      // Work on other streams may still write memory that the recording reads.
      c10::cuda::device_synchronize();
      graph->graph.capture_begin();
    } catch (...) {
      elsewhere.reset();
      throw;
    }
    *handle = graph.release();
#else
    static_cast<void>(handle);
    TORCH_CHECK(false, "this program was built without the headers of CUDA, so device ", device, " cannot record");
#endif
  });
}

// Ends the recording and restores the thread's stream, even if an exception is thrown.
char* lnn_cuda_graph_end(LnnGraph* handle) {
  return guarded([&] {
#ifdef LNN_CUDA
    try {
      handle->graph.capture_end();
    } catch (...) {
      elsewhere.reset();
      throw;
    }
    elsewhere.reset();
#else
    static_cast<void>(handle);
#endif
  });
}

// Submits the recorded work to the thread's stream, behind the work that is there already.
char* lnn_cuda_graph_replay(LnnGraph* handle) {
  return guarded([&] {
#ifdef LNN_CUDA
    handle->graph.replay();
#else
    static_cast<void>(handle);
#endif
  });
}

void lnn_cuda_graph_free(LnnGraph* handle) noexcept { delete handle; }

}  // extern "C"
