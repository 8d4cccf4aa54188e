// Writes a model file: contents, tensors, and what the options add or change.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "inference/data.h"
#include "model_file/model_file.h"
#include "network/network.h"
#include "tables/column.h"

namespace lamina {

struct SaveOptions {
  // kFloat16 or kBfloat16: the weights of networks of float32 that have two or more dimensions are rounded to
  // it, to the nearest even; they are nearly all. The file is half the size, and reads as float32.
  std::optional<TensorType> weights = {};
  // Rows of a network [rows, inputs], dense, of float32 or float64, or rows of a table model, each a cell for
  // each of its columns in their order. They are stored with the outputs that the file's reader will give.
  std::optional<ArraySource> selftest = {};
  std::vector<std::vector<Cell>> selftest_rows = {};
};

// Tensors to be written, and the memory of those that are made for it.
class WrittenTensors {
 public:
  void add(std::span<const TensorView> tensors);
  // All weights of a network as users see them; `flat`: its own, or a snapshot in its layout.
  template <class T>
  void add_weights(const Network<T>& network, const T* flat, const std::string& prefix);

  const std::vector<TensorView>& views() const noexcept { return views_; }

 private:
  std::vector<TensorView> views_;
  std::vector<std::shared_ptr<const void>> made_;
};

// `contents`: an object as NetworkFile::contents() has it, in JSON, which is written as it is given. Throw
// Error kValue where options or parts do not fit each other, a weight is beyond the greatest number of its
// type, or JSON or a name is no UTF-8; save_model also as write_model_file.
std::vector<std::byte> model_bytes(std::string_view contents, std::span<const TensorView> tensors,
                                   const SaveOptions& options = {});
void save_model(const std::filesystem::path& path, std::string_view contents,
                std::span<const TensorView> tensors, const SaveOptions& options = {});

}  // namespace lamina
