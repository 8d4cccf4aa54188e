// Numbers the distinct texts of a column: each object is looked up by its address first.
#include "text_codes.h"

#include <pybind11/numpy.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "tables/text_dictionary.h"

namespace lamina::python {
namespace {

constexpr size_t kGroup = 256;
constexpr size_t kRecent = 4096;
constexpr std::int64_t kRowsUnasked = std::int64_t{1} << 20;

void check_signals(std::int64_t row) {
  if (row % kRowsUnasked == 0 && PyErr_CheckSignals() != 0) throw py::error_already_set();
}

// Texts wait in groups, whose lookups share their waits for memory.
class TextCoder {
 public:
  explicit TextCoder(std::int64_t rows)
      : codes_(static_cast<py::ssize_t>(rows)), out_(codes_.mutable_data()) {}

  void add(std::int64_t row, std::string_view text, const void* address) {
    rows_.push_back(row);
    texts_.push_back(text);
    addresses_.push_back(address);
    if (texts_.size() == kGroup) flush();
  }
  void add_missing(std::int64_t row) {
    if (missing_ < 0) {
      flush();
      missing_ = dictionary_.size();
    }
    out_[row] = -1;
  }
  // Whether an object's text was among the last ones.
  bool add_known(std::int64_t row, const void* address) {
    const Recent& recent = recent_[place(address)];
    if (recent.address != address) return false;
    out_[row] = recent.code;
    return true;
  }

  template <class Decode>
  py::tuple finish(Decode decode) {
    flush();
    py::list distinct;
    for (std::int32_t code = 0; code < dictionary_.size(); ++code) {
      if (code == missing_) distinct.append(py::none());
      distinct.append(decode(dictionary_[code]));
    }
    if (missing_ == dictionary_.size()) distinct.append(py::none());
    if (missing_ >= 0)
      for (py::ssize_t row = 0; row < codes_.size(); ++row)
        out_[row] = out_[row] < 0 ? missing_ : out_[row] + (out_[row] >= missing_ ? 1 : 0);
    return py::make_tuple(codes_, distinct);
  }

 private:
  struct Recent {
    const void* address = nullptr;
    std::int32_t code = 0;
  };

  static size_t place(const void* address) noexcept {
    return (reinterpret_cast<std::uintptr_t>(address) >> 4) * 0x9E3779B97F4A7C15 >> 52;
  }

  void flush() {
    found_.clear();
    dictionary_.append_codes(texts_, found_);
    for (size_t i = 0; i < found_.size(); ++i) {
      out_[rows_[i]] = found_[i];
      if (addresses_[i] != nullptr) recent_[place(addresses_[i])] = {addresses_[i], found_[i]};
    }
    rows_.clear();
    texts_.clear();
    addresses_.clear();
  }

  py::array_t<std::int32_t> codes_;
  std::int32_t* out_;
  TextDictionary dictionary_;
  std::vector<std::int64_t> rows_;
  std::vector<std::string_view> texts_;
  std::vector<const void*> addresses_;
  std::vector<std::int32_t> found_;
  std::array<Recent, kRecent> recent_{};
  std::int32_t missing_ = -1;  // the place of None among the texts
};

// `at(row)` borrows the object of a row.
template <class At>
std::optional<py::tuple> code_objects(std::int64_t rows, At at) {
  const auto coder = std::make_unique<TextCoder>(rows);
  for (std::int64_t row = 0; row < rows; ++row) {
    check_signals(row);
    PyObject* const object = at(row);
    if (object == Py_None) {
      coder->add_missing(row);
    } else if (!PyUnicode_CheckExact(object)) {
      return std::nullopt;
    } else if (!coder->add_known(row, object)) {
      Py_ssize_t size = 0;
      const char* const text = PyUnicode_AsUTF8AndSize(object, &size);
      if (text == nullptr) {
        PyErr_Clear();
        return std::nullopt;
      }
      coder->add(row, {text, static_cast<size_t>(size)}, object);
    }
  }
  return coder->finish([](std::string_view text) { return py::str(text.data(), text.size()); });
}

// Of four bytes a character, the rest of each filled up with zeros.
py::tuple code_wide_texts(const py::array& array) {
  constexpr size_t kBytes = 4;
  const auto width = static_cast<size_t>(array.itemsize());
  const auto coder = std::make_unique<TextCoder>(array.shape(0));
  const char* at = static_cast<const char*>(array.data());
  for (py::ssize_t row = 0; row < array.shape(0); ++row, at += array.strides(0)) {
    check_signals(row);
    const std::string_view text(at, width);
    const size_t last = text.find_last_not_of('\0');
    coder->add(row, text.substr(0, last == std::string_view::npos ? 0 : (last / kBytes + 1) * kBytes),
               nullptr);
  }
  return coder->finish([](std::string_view text) {
    // Numpy's arrays may lie on any byte.
    std::vector<Py_UCS4> characters(text.size() / kBytes);
    std::copy(text.begin(), text.end(), reinterpret_cast<char*>(characters.data()));
    PyObject* const made = PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, characters.data(),
                                                     static_cast<Py_ssize_t>(characters.size()));
    if (made == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(made);
  });
}

}  // namespace

std::optional<py::tuple> code_texts(const py::object& values) {
  if (PyList_CheckExact(values.ptr()) || PyTuple_CheckExact(values.ptr())) {
    const auto held = py::reinterpret_steal<py::tuple>(PySequence_Tuple(values.ptr()));
    if (!held) throw py::error_already_set();
    return code_objects(static_cast<std::int64_t>(held.size()),
                        [&](std::int64_t row) { return PyTuple_GET_ITEM(held.ptr(), row); });
  }
  if (!py::isinstance<py::array>(values)) return std::nullopt;
  const auto array = py::reinterpret_borrow<py::array>(values);
  const char order = array.dtype().byteorder();
  if (array.ndim() != 1 || (order != '=' && order != '|')) return std::nullopt;
  if (array.dtype().kind() == 'U' && array.itemsize() > 0) return code_wide_texts(array);
  if (array.dtype().kind() != 'O') return std::nullopt;
  const char* const data = static_cast<const char*>(array.data());
  return code_objects(array.shape(0), [&](std::int64_t row) {
    PyObject* const object = *reinterpret_cast<PyObject* const*>(data + row * array.strides(0));
    return object == nullptr ? Py_None : object;
  });
}

}  // namespace lamina::python
