// Work on a CUDA device that is recorded once and run again in one call.
//
// Without the headers of CUDA, which libtorch does not bring along, the entries say so; `build.rs` defines LNN_CUDA_GRAPHS
// where it finds them.

#include "guarded.h"

using lnn::guarded;

#ifdef LNN_CUDA_GRAPHS

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>

#include <memory>

// The guards of c10 would call CUDA's runtime from here; libtorch's own functions need no further library.
struct LnnGraph {
  explicit LnnGraph(c10::DeviceIndex device) : own(c10::cuda::getStreamFromPool(false, device)) {}
  c10::cuda::CUDAStream own;
  at::cuda::CUDAGraph graph;
};

namespace {

// The thread's stream and device while a graph is recorded on others; they come back when this ends.
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

bool lnn_cuda_graphs_are_built_in() {
#ifdef LNN_CUDA_GRAPHS
  return true;
#else
  return false;
#endif
}

// From here to `lnn_cuda_graph_end`, on the same thread, what the thread asks of the device is recorded and not run.
char* lnn_cuda_graph_begin(int device, LnnGraph** handle) {
  return guarded([&] {
#ifdef LNN_CUDA_GRAPHS
    auto graph = std::make_unique<LnnGraph>(static_cast<c10::DeviceIndex>(device));
    elsewhere = std::make_unique<Elsewhere>(graph->own);
    try {
      // What is under way on other streams writes memory that the recording will read.
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

// Ends the recording; the thread goes back to the stream it was on, whatever happens.
char* lnn_cuda_graph_end(LnnGraph* handle) {
  return guarded([&] {
#ifdef LNN_CUDA_GRAPHS
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

// Runs what was recorded, behind what the thread's stream has to do already.
char* lnn_cuda_graph_replay(LnnGraph* handle) {
  return guarded([&] {
#ifdef LNN_CUDA_GRAPHS
    handle->graph.replay();
#else
    static_cast<void>(handle);
#endif
  });
}

void lnn_cuda_graph_free(LnnGraph* handle) { delete handle; }

}  // extern "C"
