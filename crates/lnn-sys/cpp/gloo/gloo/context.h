// What libtorch's `ProcessGroupGloo.hpp` needs of Gloo, whose library is inside libtorch and whose headers its packages lack.
//
// The class of libtorch holds pointers to Gloo's objects alone, and this crate neither makes nor calls one. These declarations are
// therefore enough, and their layout does not matter.

#pragma once

#include <chrono>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

namespace transport {
class UnboundBuffer;
}

}  // namespace gloo
