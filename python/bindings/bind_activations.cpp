// Binds activations over arrays, without a network.
#include <pybind11/stl.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <mutex>
#include <vector>

#include "array_view.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/thread_count.h"
#include "kernels/dispatch.h"
#include "layers/activate_array.h"

namespace lamina::python {
namespace {

// All arrays are of one shape; softmax runs along the last axis.
template <class T>
ActivationArrays<T> arrays_like(const ActivationSpec& spec, const DenseArray<T>& x) {
  const int64_t columns = x.ndim() > 0 ? x.shape(x.ndim() - 1) : 1;
  return {kernels::kernels<T>(), spec, columns > 0 ? x.size() / columns : 0, columns};
}

template <class T>
void check_same_size(const DenseArray<T>& x, const DenseArray<T>& other) {
  if (x.size() != other.size())
    throw Error(Error::Kind::kValue,
                "activate: expected arrays of one shape, got " + shape_text(x) + " and " + shape_text(other));
}

ActivationSpec parse(const std::string& activation) { return activation_from_json(Json::parse(activation)); }

template <class T>
void activate(const std::string& activation, const DenseArray<T>& x, DenseArray<T>& y,
              std::optional<DenseArray<T>>& derivative) {
  const ActivationSpec spec = parse(activation);
  check_same_size(x, y);
  if (derivative) check_same_size(x, *derivative);
  T* out = y.mutable_data();
  T* slopes = derivative ? derivative->mutable_data() : nullptr;
  const Unlocked unlocked(x, y, derivative);
  activate_array(arrays_like(spec, x), x.data(), out, slopes, get_num_threads());
}

template <class T>
void activation_gradient(const std::string& activation, const DenseArray<T>& saved, const DenseArray<T>& dy,
                         DenseArray<T>& dx) {
  const ActivationSpec spec = parse(activation);
  check_same_size(saved, dy);
  check_same_size(saved, dx);
  T* out = dx.mutable_data();
  const Unlocked unlocked(saved, dy, dx);
  activation_gradient_array(arrays_like(spec, saved), saved.data(), dy.data(), out, get_num_threads());
}

using Block = AlignedBuffer<std::byte>;

// Blocks of results that nobody holds any more: the system would clear fresh memory page by page, which takes
// longer than most activations.
class SpareBlocks {
 public:
  // As many places as blocks of 1 MiB need: `give` is called where nothing may throw.
  SpareBlocks() { blocks_.reserve((kMostKept >> 20) + 1); }
  std::unique_ptr<Block> take(int64_t bytes) {
    const std::lock_guard lock(mutex_);
    // The last one is the likeliest to be in a cache still.
    const auto found = std::find_if(blocks_.rbegin(), blocks_.rend(),
                                    [&](const auto& block) { return block->size() == bytes; });
    if (found == blocks_.rend()) return std::make_unique<Block>(bytes);
    std::unique_ptr<Block> block = std::move(*found);
    blocks_.erase(std::next(found).base());
    kept_ -= bytes;
    return block;
  }
  void give(std::unique_ptr<Block> block) {
    const std::lock_guard lock(mutex_);
    blocks_.push_back(std::move(block));
    kept_ += blocks_.back()->size();
    while (kept_ > kMostKept) {
      kept_ -= blocks_.front()->size();
      blocks_.erase(blocks_.begin());
    }
  }

 private:
  static constexpr int64_t kMostKept = int64_t{64} << 20;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Block>> blocks_;  // the oldest first
  int64_t kept_ = 0;
};

SpareBlocks& spare_blocks() {
  static auto* blocks = new SpareBlocks;  // outlives the last array
  return *blocks;
}

// An array of x's shape and type with any contents, on whole cache lines.
py::array spare_like(const py::array& x) {
  std::unique_ptr<Block> block = spare_blocks().take(x.nbytes());
  const void* data = block->data();
  const py::capsule owner(block.get(), [](void* released) {
    spare_blocks().give(std::unique_ptr<Block>(static_cast<Block*>(released)));
  });
  (void)block.release();
  return py::array(x.dtype(), std::vector<py::ssize_t>(x.shape(), x.shape() + x.ndim()), data, owner);
}

template <class T>
void register_for(py::module_& module, const char* type) {
  module.def((std::string("activate_") + type).c_str(), &activate<T>, py::arg("activation"),
             py::arg("x").noconvert(), py::arg("y").noconvert(), py::arg("derivative").noconvert());
  module.def((std::string("activation_gradient_") + type).c_str(), &activation_gradient<T>,
             py::arg("activation"), py::arg("saved").noconvert(), py::arg("dy").noconvert(),
             py::arg("dx").noconvert());
}

}  // namespace

void register_activations(py::module_& module) {
  register_for<float>(module, "float32");
  register_for<double>(module, "float64");
  module.def(
      "spare_like", &spare_like, py::arg("x"),
      "An array of x's shape and type for a result, in memory of earlier results where there is some.");
  module.def(
      "is_trainable", [](const std::string& activation) { return parse(activation).is_trainable(); },
      py::arg("activation"), "Whether the activation has a derivative to train through.");
  module.def(
      "gradient_source",
      [](const std::string& activation) {
        switch (parse(activation).gradient_source()) {
          case kernels::GradientSource::kInput:
            return "input";
          case kernels::GradientSource::kOutput:
            return "output";
          case kernels::GradientSource::kDerivative:
            return "derivative";
        }
        return "";
      },
      py::arg("activation"), "What activation_gradient reads: the activation's input, output or derivative.");
}

}  // namespace lamina::python
