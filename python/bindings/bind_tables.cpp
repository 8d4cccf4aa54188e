// Binds the encoding of tables: columns and rows to what networks read, and outputs to answers.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "array_view.h"
#include "base/error.h"
#include "instance.h"
#include "made_here.h"
#include "poll.h"
#include "register.h"
#include "table_cells.h"
#include "tables/date_format.h"
#include "tables/preprocessor.h"
#include "tables/table_target.h"
#include "text_codes.h"

namespace lamina::python {
namespace {

using Tensors = py::typing::Dict<py::str, py::array>;
using Issues = py::typing::List<py::typing::Tuple<py::str, py::str, int, py::str>>;

// Makes the package's error from a sentence and, of a cell, its column, its row, what is wrong with it and
// the text that may stand for a missing value; else None each.
PyObject* table_error = nullptr;

// Calls use() and turns refusals of tables into the package's errors.
template <class Use>
auto refusing(Use use) {
  const auto raise = [](const auto&... parts) {
    const py::object error = py::reinterpret_borrow<py::object>(table_error)(parts...);
    PyErr_SetObject(py::type::of(error).ptr(), error.ptr());
    throw py::error_already_set();
  };
  try {
    return use();
  } catch (const CellError& error) {
    raise(error.what(), error.column(), error.row(), error.problem(), error.unread());
    throw;
  } catch (const Error& error) {
    if (error.kind() != Error::Kind::kValue) throw;
    raise(error.what(), py::none(), py::none(), py::none(), py::none());
    throw;
  }
}

std::vector<RecordTensor> tensors_of(const Tensors& tensors) {
  std::vector<RecordTensor> views;
  for (const auto& [name, value] : tensors) {
    const auto array = py::cast<py::array>(value);
    const bool doubles = py::isinstance<py::array_t<double, py::array::c_style>>(value);
    std::string type = py::str(array.dtype());
    if (!doubles && type == "float64") type += " that is not contiguous";
    views.push_back({py::cast<std::string>(name),
                     std::move(type),
                     {array.shape(), array.shape() + array.ndim()},
                     doubles ? static_cast<const double*>(array.data()) : nullptr});
  }
  return views;
}

const char* name_of(Finding::Kind kind) noexcept {
  return kind == Finding::Kind::kUnseen ? "unseen" : kind == Finding::Kind::kOutside ? "outside" : "missing";
}

Issues to_python(const std::vector<ColumnIssue>& issues) {
  Issues list;
  for (const ColumnIssue& issue : issues)
    list.append(py::make_tuple(issue.column, name_of(issue.kind), issue.rows, issue.example));
  return list;
}

py::array_t<float> new_rows(const Preprocessor& self, std::int64_t rows) {
  return py::array_t<float>({static_cast<py::ssize_t>(rows), static_cast<py::ssize_t>(self.inputs())});
}

std::optional<py::typing::Tuple<py::array_t<float>, Issues>> encode_row(const TableRows& self,
                                                                        const py::object& row) {
  return refusing([&]() -> std::optional<py::typing::Tuple<py::array_t<float>, Issues>> {
    std::vector<Cell> cells;
    if (!self.read(row, cells)) return std::nullopt;
    py::array_t<float> out = new_rows(self.preprocessor(), 1);
    std::vector<ColumnIssue> issues;
    self.preprocessor().encode_row(cells, out.mutable_data(), issues);
    return py::make_tuple(out, to_python(issues));
  });
}

Issues encode_columns(const TableRows& self, const py::typing::List<py::tuple>& columns,
                      py::array_t<float> out) {
  const Preprocessor& preprocessor = self.preprocessor();
  std::vector<Preprocessor::Source> sources;
  TableMemory memory;
  for (const py::handle column : columns) sources.push_back(source_of_column(column, memory));
  const bool right = out.ndim() == 2 && out.shape(1) == preprocessor.inputs() &&
                     (out.flags() & py::array::c_style) != 0 && out.writeable();
  for (const Preprocessor::Source& source : sources)
    if (!right || out.shape(0) != row_count(source.column) || source.place >= preprocessor.columns().size())
      throw Error(Error::Kind::kIndex, "encode: expected known columns and a matrix of their rows");
  std::vector<ColumnIssue> issues;
  float* const to = out.mutable_data();
  interruptible([&](Poll poll) {
    refusing([&] {
      const Unlocked unlocked(memory.arrays, out);
      preprocessor.encode(sources, to, issues, [&] { return poll(0); });
    });
  });
  return to_python(issues);
}

// [rows, outputs] of float32 or float64 as contiguous float64.
DenseArray<double> outputs_of(const TableTarget& target, const py::array& outputs) {
  if (outputs.ndim() != 2 || outputs.shape(1) != target.outputs())
    throw Error(Error::Kind::kValue, "expected outputs of shape [rows, " + std::to_string(target.outputs()) +
                                         "], got " + shape_text(outputs));
  return py::cast<DenseArray<double>>(outputs);
}

py::array decode(const TableTarget& target, const py::array& outputs, std::optional<double> threshold) {
  return refusing([&]() -> py::array {
    target.check_threshold(threshold);
    const DenseArray<double> values = outputs_of(target, outputs);
    const py::ssize_t rows = values.shape(0);
    if (target.is_number()) {
      const auto count = std::ssize(target.number_targets());
      py::array_t<double> numbers(count == 1 ? std::vector<py::ssize_t>{rows}
                                             : std::vector<py::ssize_t>{rows, count});
      target.numbers(values.data(), rows, numbers.mutable_data());
      return numbers;
    }
    py::array_t<std::int64_t> classes(rows);
    target.choose_classes(values.data(), rows, threshold, classes.mutable_data());
    return classes;
  });
}

py::array_t<double> probabilities(const TableTarget& target, const py::array& outputs) {
  return refusing([&] {
    const DenseArray<double> values = outputs_of(target, outputs);
    py::array_t<double> result({values.shape(0), static_cast<py::ssize_t>(target.classes().size())});
    target.probabilities(values.data(), values.shape(0), result.mutable_data());
    return result;
  });
}

// What decoding of quantiles gives for [rows, outputs]: [rows, columns], the columns of all targets.
template <class Decode>
py::array_t<double> decode_numbers(const TableTarget& target, const py::array& outputs, std::int64_t columns,
                                   const Decode& decode) {
  return refusing([&] {
    const DenseArray<double> values = outputs_of(target, outputs);
    py::array_t<double> result({values.shape(0), static_cast<py::ssize_t>(columns)});
    (target.*decode)(values.data(), values.shape(0), result.mutable_data());
    return result;
  });
}

py::array_t<double> calibrate(const TableTarget& target, const py::array& outputs) {
  return refusing([&] {
    const DenseArray<double> values = outputs_of(target, outputs);
    py::array_t<double> result({values.shape(0), values.shape(1)});
    std::copy_n(values.data(), values.size(), result.mutable_data());
    target.calibrate(result.mutable_data(), values.shape(0));
    return result;
  });
}

}  // namespace

void register_tables(py::module_& module) {
  using py::literals::operator""_a;
  table_error = PyExc_ValueError;
  module.def(
      "set_table_error", [](py::object make) { table_error = make.release().ptr(); }, "make"_a,
      "What makes the error of a table or a record that cannot be used: from a sentence and, of a cell, "
      "column, row, problem and unread text, else None each.");
  module.attr("FAR_OUTSIDE") = kFarOutside;
  module.attr("DEFAULT_THRESHOLD") = kDefaultThreshold;
  module.attr("GREATEST_NUMBER") = kGreatestNumber;
  made_here<TableRows>(module, "TableEncoder")
      .def_property_readonly(
          "layer", [](const TableRows& self) { return self.preprocessor().layer().dump(); },
          "The description of the network's first layer, as JSON.")
      .def(
          "encode_row", &encode_row, "row"_a,
          "The inputs [1, inputs] of a row, a dict or a list of plain values, and what training did not see; "
          "None where it is no such row.")
      .def("encode_columns", &encode_columns, "columns"_a, "out"_a,
           "Write columns, (place, array) or (place, codes, texts, as_read), into out [rows, inputs]; what "
           "training did not see.");
  made_here<TableTarget>(module, "TableTarget")
      .def(
          "check_threshold",
          [](const TableTarget& target, std::optional<double> threshold) {
            refusing([&] { target.check_threshold(threshold); });
          },
          "threshold"_a)
      .def("decode", &decode, "outputs"_a, "threshold"_a,
           "Indices of classes, or numbers, [rows] from the network's outputs.")
      .def("probabilities", &probabilities, "outputs"_a, "[rows, classes] from the network's outputs.")
      .def("calibrate", &calibrate, "outputs"_a, "Outputs [rows, outputs] of the network by the temperature.")
      .def(
          "quantiles",
          [](const TableTarget& target, const py::array& outputs) {
            return decode_numbers(target, outputs, target.outputs(), &TableTarget::quantiles);
          },
          "outputs"_a, "[rows, levels of all targets], rising within each, from the network's outputs.")
      .def(
          "intervals",
          [](const TableTarget& target, const py::array& outputs) {
            return decode_numbers(target, outputs, 2 * std::ssize(target.number_targets()),
                                  &TableTarget::intervals);
          },
          "outputs"_a, "[rows, 2 ends of all targets] from the network's outputs.");
  module.def(
      "make_table_encoder",
      [](const std::string& record, const Tensors& tensors) {
        return refusing(
            [&] { return Instance(std::make_unique<TableRows>(Json::parse(record), tensors_of(tensors))); });
      },
      "record"_a, "tensors"_a, "What Preprocessor.to_record gave, ready to encode tables.");
  module.def(
      "make_table_target",
      [](const std::string& record, const Tensors& tensors) {
        return refusing([&] {
          return Instance(std::make_unique<TableTarget>(Json::parse(record), tensors_of(tensors)));
        });
      },
      "record"_a, "tensors"_a, "What a target's to_record gave, ready to decode outputs.");
  module.def("code_texts", &code_texts, "values"_a,
             "Codes [rows] and distinct texts of a list or array of str and None; None for anything else.");
  module.def(
      "reads_date_format",
      [](const std::string& format) {
        try {
          const DateFormat known(format);
          return true;
        } catch (const Error&) {
          return false;
        }
      },
      "format"_a, "Whether the core reads dates written so; Python's strptime knows more directives.");
}

}  // namespace lamina::python
