// Binds what needs no network: checks of arrays that users give, and activations over arrays.
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
#include "inference/values_within.h"
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

ActivationSpec activation_of(const std::string& text) { return activation_from_json(Json::parse(text)); }

// An array of T that is no copy, so that it can be written to.
template <class T>
DenseArray<T> own_array(const py::array& array) {
  if (!DenseArray<T>::check_(array))
    throw Error(Error::Kind::kType, "activate: expected contiguous arrays of one type, got " +
                                        std::string(py::str(array.dtype())) + " of shape " +
                                        shape_text(array));
  return py::reinterpret_borrow<DenseArray<T>>(array);
}

template <class T>
void activate(const std::string& activation, const DenseArray<T>& x, DenseArray<T> y,
              std::optional<DenseArray<T>> derivative) {
  const ActivationSpec spec = activation_of(activation);
  check_same_size(x, y);
  if (derivative) check_same_size(x, *derivative);
  T* out = y.mutable_data();
  T* slopes = derivative ? derivative->mutable_data() : nullptr;
  const Unlocked unlocked(x, y, derivative);
  activate_array(arrays_like(spec, x), x.data(), out, slopes, get_num_threads());
}

template <class T>
void activation_gradient(const std::string& activation, const DenseArray<T>& saved, const DenseArray<T>& dy,
                         DenseArray<T> dx) {
  const ActivationSpec spec = activation_of(activation);
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
  if (x.dtype().kind() != 'f')  // any contents are no objects
    throw Error(Error::Kind::kType, "activate: expected an array of floating-point numbers, got one of " +
                                        std::string(py::str(x.dtype())));
  std::unique_ptr<Block> block = spare_blocks().take(x.nbytes());
  const void* data = block->data();
  const py::capsule owner(block.get(), [](void* released) {
    spare_blocks().give(std::unique_ptr<Block>(static_cast<Block*>(released)));
  });
  (void)block.release();
  return py::array(x.dtype(), std::vector<py::ssize_t>(x.shape(), x.shape() + x.ndim()), data, owner);
}

// Calls use(T()) for the type of the array's elements.
template <class Use>
void with_type_of(const py::array& array, Use use) {
  if (DenseArray<float>::check_(array)) return use(float());
  use(double());
}

void bind_activations(py::module_& module) {
  module.def(
      "activate",
      [](const std::string& activation, const py::array& x, const py::array& y,
         const std::optional<py::array>& derivative) {
        with_type_of(x, [&]<class T>(T) {
          std::optional<DenseArray<T>> slopes;
          if (derivative) slopes = own_array<T>(*derivative);
          activate<T>(activation, own_array<T>(x), own_array<T>(y), std::move(slopes));
        });
      },
      py::arg("activation"), py::arg("x"), py::arg("y"), py::arg("derivative"),
      "Writes the activation of x to y and, where wanted, its derivative; all contiguous, of one type.");
  module.def(
      "activation_gradient",
      [](const std::string& activation, const py::array& saved, const py::array& dy, const py::array& dx) {
        with_type_of(saved, [&]<class T>(T) {
          activation_gradient<T>(activation, own_array<T>(saved), own_array<T>(dy), own_array<T>(dx));
        });
      },
      py::arg("activation"), py::arg("saved"), py::arg("dy"), py::arg("dx"),
      "Writes dy times the derivative to dx, from what gradient_source says; all contiguous, of one type.");
  module.def(
      "spare_like", &spare_like, py::arg("x"),
      "An array of x's shape and type for a result, in memory of earlier results where there is some.");
  module.def(
      "is_trainable", [](const std::string& activation) { return activation_of(activation).is_trainable(); },
      py::arg("activation"), "Whether the activation has a derivative to train through.");
  module.def(
      "gradient_source",
      [](const std::string& activation) {
        switch (activation_of(activation).gradient_source()) {
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

}  // namespace

void register_arrays(py::module_& module) {
  bind_activations(module);
  module.def(
      "values_within",
      [](const py::array& array, double limit, bool nan_allowed) {
        const int64_t columns = array.ndim() == 2 ? array.shape(1) : 0;
        return values_within(source_of(array, columns, "values_within"), limit, nan_allowed);
      },
      py::arg("array"), py::arg("limit"), py::arg("nan_allowed") = false,
      "Whether all values of a float32 or float64 matrix are finite and at most `limit` in size, or NaN "
      "where that is allowed.");
  module.def(
      "narrow_columns",
      [](const py::array& array) {
        const int64_t columns = array.ndim() == 2 ? array.shape(1) : 0;
        return narrow_columns(source_of(array, columns, "narrow_columns"));
      },
      py::arg("array"),
      "Columns of a float64 matrix in which float32 may make many values one, by a sample of rows.");
}

}  // namespace lamina::python
