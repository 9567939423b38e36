// Collective operations of several processes: libtorch's c10d without Python.
//
// A store is a table of keys that the processes share and by which they find each other. A group reduces and broadcasts tensors: by
// Gloo on the CPU, by NCCL on CUDA, where `build.rs` defines LNN_CUDA because libtorch has it and the headers of CUDA are there. Both
// handles are on the heap and freed once with their `_free`. All processes of a group must call the same operations in the same order.

#define USE_C10D_GLOO

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#ifdef LNN_CUDA
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "guarded.h"

using lnn::guarded;

#ifdef LNN_CUDA
// NCCL as libtorch exports it. Its header `torch/csrc/cuda/nccl.h` includes those of cuBLAS and others, which PyTorch's wheel lacks.
namespace torch::cuda::nccl {

typedef struct {
  char internal[128];
} ncclUniqueId;

using stream_list = std::vector<std::optional<c10::cuda::CUDAStream>>;
using comm_list = std::vector<void*>;

void get_unique_id(ncclUniqueId& id);
void* comm_init_rank(int ranks, const ncclUniqueId& id, int rank);
void broadcast(at::TensorList tensors, const stream_list& streams, const comm_list& communicators);
void all_reduce(const std::vector<at::Tensor>& inputs, std::vector<at::Tensor>& outputs, int32_t operation,
                const stream_list& streams, const comm_list& communicators);

}  // namespace torch::cuda::nccl

namespace nccl = torch::cuda::nccl;
#endif

struct LnnStore {
  c10::intrusive_ptr<c10d::Store> store;
};

// A group has a backend on the CPU or a communicator on CUDA. The communicator lives as long as the process: to destroy it waits for
// the other processes, which may be gone.
struct LnnGroup {
  c10::intrusive_ptr<c10d::Backend> backend;
  void* communicator = nullptr;
  int device = -1;
  std::chrono::milliseconds timeout{0};
};

namespace {

void finish(const c10::intrusive_ptr<c10d::Work>& work) {
  TORCH_CHECK(work->wait(), "the operation was aborted");
}

#ifdef LNN_CUDA
c10::cuda::CUDAStream stream_of(const LnnGroup& group) {
  return c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(group.device));
}
#endif

}  // namespace

extern "C" {

// Joins the store at `host` and `port`, or with `server` opens it and waits until all `processes` have joined. A store that another
// program hosts is `hosted`. Keys have `prefix`.
char* lnn_store_tcp(const char* host, uint16_t port, bool server, bool hosted, size_t processes, const char* prefix, int64_t timeout_ms,
                    LnnStore** handle) {
  return guarded([&] {
    // Exceptions become errors; libtorch would print each of them, too, with its C++ stack.
    if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) FLAGS_caffe2_log_level = c10::GLOG_FATAL;
    c10d::TCPStoreOptions options;
    options.port = port;
    options.isServer = server;
    // All register with a store of their own, whose host waits for them.
    options.waitWorkers = !hosted;
    if (!hosted) options.numWorkers = processes;
    // A client that finds nobody tries twice for so long.
    options.timeout = std::chrono::milliseconds(server ? timeout_ms : timeout_ms / 2 + 1);
    auto store = c10::make_intrusive<c10d::TCPStore>(host, options);
    store->setTimeout(std::chrono::milliseconds(timeout_ms));
    *handle = new LnnStore{c10::make_intrusive<c10d::PrefixStore>(prefix, std::move(store))};
  });
}

void lnn_store_free(LnnStore* handle) noexcept { delete handle; }

char* lnn_store_set(LnnStore* handle, const char* key, const char* value, size_t length) {
  return guarded([&] { handle->store->set(key, std::vector<uint8_t>(value, value + length)); });
}

char* lnn_store_has(LnnStore* handle, const char* key, bool* found) {
  return guarded([&] { *found = handle->store->check({key}); });
}

// Waits until the key is there.
char* lnn_store_wait(LnnStore* handle, const char* key, int64_t timeout_ms) {
  return guarded([&] { handle->store->wait({key}, std::chrono::milliseconds(timeout_ms)); });
}

// Returns a copy of the value of a key that is there, which the caller frees with `lnn_free_bytes`.
char* lnn_store_get(LnnStore* handle, const char* key, char** bytes, size_t* length) {
  return guarded([&] {
    const std::vector<uint8_t> value = handle->store->get(key);
    char* copy = static_cast<char*>(std::malloc(value.size() + 1));
    TORCH_CHECK(copy != nullptr, "no memory for a value of ", value.size(), " bytes");
    std::copy(value.begin(), value.end(), copy);
    *bytes = copy;
    *length = value.size();
  });
}

// Joins a group on the CPU. Others reach this process at the address of `interface`, or else of `hostname`; both empty: of the
// machine's name.
char* lnn_group_gloo(LnnStore* store, int rank, int size, int64_t timeout_ms, const char* interface, const char* hostname,
                     LnnGroup** handle) {
  return guarded([&] {
    auto options = c10d::ProcessGroupGloo::Options::create(std::chrono::milliseconds(timeout_ms));
    const std::string by_interface = interface, by_name = hostname;
    if (!by_interface.empty()) {
      options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(by_interface));
    } else if (!by_name.empty()) {
      options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(by_name));
    } else {
      options->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
    }
    *handle = new LnnGroup{c10::make_intrusive<c10d::ProcessGroupGloo>(store->store, rank, size, options), nullptr, -1, options->timeout};
  });
}

bool lnn_nccl_is_built_in() noexcept {
#ifdef LNN_CUDA
  return true;
#else
  return false;
#endif
}

// Joins a group of CUDA devices, this process with `device`. Waits for all processes, which must be known to come.
char* lnn_group_nccl(LnnStore* store, int rank, int size, int64_t timeout_ms, int device, LnnGroup** handle) {
  return guarded([&] {
#ifdef LNN_CUDA
    nccl::ncclUniqueId id;
    if (rank == 0) {
      nccl::get_unique_id(id);
      store->store->set("nccl", std::vector<uint8_t>(std::begin(id.internal), std::end(id.internal)));
    } else {
      store->store->wait({"nccl"}, std::chrono::milliseconds(timeout_ms));
      const std::vector<uint8_t> bytes = store->store->get("nccl");
      TORCH_CHECK(bytes.size() == sizeof(id.internal), "expected an identifier of NCCL, found ", bytes.size(), " bytes");
      std::copy(bytes.begin(), bytes.end(), id.internal);
    }
    c10::cuda::MaybeSetDevice(static_cast<c10::DeviceIndex>(device));
    void* communicator = nccl::comm_init_rank(size, id, rank);
    *handle = new LnnGroup{nullptr, communicator, device, std::chrono::milliseconds(timeout_ms)};
#else
    static_cast<void>(store), static_cast<void>(timeout_ms), static_cast<void>(handle);
    TORCH_CHECK(false, "this program was built without CUDA, so device ", device, " of rank ", rank, " of ", size,
                " cannot join a group");
#endif
  });
}

void lnn_group_free(LnnGroup* handle) noexcept { delete handle; }

// Replaces the tensor by its sum over all processes. On CUDA this is queued behind the work of the current stream.
char* lnn_group_all_reduce(LnnGroup* handle, at::Tensor* tensor) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{*tensor};
#ifdef LNN_CUDA
    if (handle->communicator != nullptr) {
      constexpr int32_t sum = 0;
      return nccl::all_reduce(tensors, tensors, sum, {stream_of(*handle)}, {handle->communicator});
    }
#endif
    finish(handle->backend->allreduce(tensors));
  });
}

// Replaces the tensor by that of process 0, likewise.
char* lnn_group_broadcast(LnnGroup* handle, at::Tensor* tensor) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{*tensor};
#ifdef LNN_CUDA
    if (handle->communicator != nullptr) {
      return nccl::broadcast(tensors, {stream_of(*handle)}, {handle->communicator});
    }
#endif
    finish(handle->backend->broadcast(tensors));
  });
}

// Waits until all processes have called it, for a group on the CPU.
char* lnn_group_barrier(LnnGroup* handle) {
  return guarded([&] {
    TORCH_CHECK(handle->backend != nullptr, "a barrier is for processes on the CPU");
    finish(handle->backend->barrier());
  });
}

// Waits for the work that is queued on CUDA, as long as the timeout says: if another process is gone, its part never comes.
char* lnn_group_settle(LnnGroup* handle) {
  return guarded([&] {
#ifdef LNN_CUDA
    if (handle->communicator == nullptr) return;
    const c10::Stream stream = stream_of(*handle).unwrap();
    const auto end = std::chrono::steady_clock::now() + handle->timeout;
    while (!stream.query()) {
      TORCH_CHECK(std::chrono::steady_clock::now() < end, "timed out after ", handle->timeout.count(),
                  " ms of waiting for the device");
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
#else
    static_cast<void>(handle);
#endif
  });
}

}  // extern "C"
