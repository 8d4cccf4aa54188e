// From numpy arrays to the core's views.
#include "array_view.h"

#include <algorithm>
#include <array>
#include <utility>

#include "plain_arrays.h"

namespace lamina::python {

std::optional<kernels::SourceType> source_type(const py::dtype& type) {
  using kernels::SourceType;
  struct Entry {
    char kind;
    py::ssize_t size;
    SourceType type;
  };
  constexpr std::array kEntries = {
      Entry{'f', 4, SourceType::kF32}, Entry{'f', 8, SourceType::kF64}, Entry{'f', 2, SourceType::kF16},
      Entry{'u', 1, SourceType::kU8},  Entry{'u', 2, SourceType::kU16}, Entry{'u', 4, SourceType::kU32},
      Entry{'u', 8, SourceType::kU64}, Entry{'i', 1, SourceType::kI8},  Entry{'i', 2, SourceType::kI16},
      Entry{'i', 4, SourceType::kI32}, Entry{'i', 8, SourceType::kI64}, Entry{'b', 1, SourceType::kBool}};
  const char order = type.byteorder();
  if (order != '=' && order != '|') return std::nullopt;
  for (const Entry& entry : kEntries)
    if (entry.kind == type.kind() && entry.size == type.itemsize()) return entry.type;
  return std::nullopt;
}

// From an array down to the object that owns its memory. ndarray.resize asks for weak references even where
// it is told not to count references; other owners ask whether their buffer is exported.
void HeldMemory::hold_chain(py::handle array) {
  while (py::isinstance<py::array>(array)) {
    held_.push_back(py::weakref(array));
    array = py::detail::array_proxy(array.ptr())->base;
    if (!array) return;
  }
  auto view = py::reinterpret_steal<py::object>(PyMemoryView_FromObject(array.ptr()));
  if (view) {
    held_.push_back(std::move(view));
  } else {
    PyErr_Clear();  // such as a capsule, which nobody can empty
  }
}

ArraySource source_of(const py::array& array, int64_t columns, const char* where) {
  const auto type = source_type(array.dtype());
  if (!type)
    throw Error(Error::Kind::kType, std::string(where) +
                                        ": expected numbers in native byte order, got dtype " +
                                        std::string(py::str(array.dtype())));
  if (array.ndim() != 2 || array.shape(1) != columns)
    throw Error(Error::Kind::kValue, std::string(where) + ": expected shape [rows, " +
                                         std::to_string(columns) + "], got " + shape_text(array));
  return {array.data(), *type, array.shape(0), array.shape(1), array.strides(0), array.strides(1)};
}

InputArrays::InputArrays(const py::object& inputs, int64_t columns, const char* where) {
  if (py::isinstance<py::array>(inputs)) {
    arrays_.push_back(py::reinterpret_borrow<py::array>(inputs));
    source_ = source_of(arrays_.back(), columns, where);
    return;
  }
  for (const char* name : {"data", "indices", "indptr"})
    arrays_.push_back(inputs.attr(name).cast<py::array>());
  const auto shape = inputs.attr("shape").cast<std::pair<int64_t, int64_t>>();
  const auto type = source_type(arrays_[0].dtype()), index = source_type(arrays_[1].dtype());
  using kernels::SourceType;
  const bool known = type && (index == SourceType::kI32 || index == SourceType::kI64) &&
                     index == source_type(arrays_[2].dtype());
  const auto is_plain = [](const py::array& array) {
    return array.ndim() == 1 && (array.flags() & py::array::c_style) != 0;
  };
  if (!known || !std::all_of(arrays_.begin(), arrays_.end(), is_plain) || shape.second != columns ||
      arrays_[0].size() != arrays_[1].size() || arrays_[2].size() != shape.first + 1)
    throw Error(Error::Kind::kValue, std::string(where) + ": expected sparse rows of " +
                                         std::to_string(columns) +
                                         " columns, with indices of int32 or int64");
  layout_ = {arrays_[2].data(), arrays_[1].data(), index == SourceType::kI64, arrays_[0].size()};
  source_ = {arrays_[0].data(), *type, shape.first, shape.second, 0, 0, &layout_};
  check_sparse(source_, where);
}

const NumpyTypes& numpy_types() {
  // Leaked: Python may be gone when static objects are destroyed.
  static const NumpyTypes types = {
      py::detail::npy_api::get().PyArray_Type_, py::dtype::of<float>().release().ptr(),
      py::dtype::of<double>().release().ptr(), py::dtype::of<int32_t>().release().ptr(),
      py::dtype::of<int64_t>().release().ptr()};
  return types;
}

void add_method(const py::handle& type, PyMethodDef& definition) {
  auto* object = reinterpret_cast<PyTypeObject*>(type.ptr());
  const auto method = py::reinterpret_steal<py::object>(PyDescr_NewMethod(object, &definition));
  if (!method) throw py::error_already_set();
  py::setattr(type, definition.ml_name, method);
}

}  // namespace lamina::python
