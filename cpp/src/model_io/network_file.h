// A network in a model file: read and checked, or written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/poll.h"
#include "base/scalar_types.h"
#include "inference/data.h"
#include "model_file/model_file.h"
#include "network/network.h"

namespace lamina {

// All members are const, so that any number of threads may predict with one network at once.
class NetworkFile {
 public:
  using AnyNetwork = OfAnyScalar<Network>;

  // Everything is checked before anything is built. Throws Error alone: a SystemError (kNotFound, kIo),
  // kFormat (not a model file, damaged, newer, or parts that do not fit each other), kMemory.
  static NetworkFile load(const std::filesystem::path& path);
  // From the bytes of such a file, which are copied.
  static NetworkFile parse(std::span<const std::byte> bytes);
  static NetworkFile parse(const ModelFile& file, const std::string& source);
  // A further network of a file: contents as the file's own, and tensors named as those of its first one.
  static NetworkFile of(Json contents, const std::vector<TensorView>& tensors, const std::string& source);
  // Replaces `path` in one step. `file` of load() holds the same network, record and tensors again.
  void save(const std::filesystem::path& path) const;
  std::vector<std::byte> bytes() const;

  std::int64_t inputs() const;
  std::int64_t outputs() const;
  // Of a layer, from the first one.
  Json layer(std::size_t index) const;
  bool is_double() const noexcept { return network_.index() == 1; }
  // The names of the inputs as the file has them, a list of texts and whole numbers; null where there are
  // none.
  const Json& feature_names() const;
  // The record (an object) that stands beside the network, and the tensors that are none of its weights.
  const Json& record() const;
  const std::vector<TensorView>& tensors() const noexcept { return tensors_; }

  // What the file says of the network: description, dtype, seed, epochs_trained, feature_names and record.
  const Json& contents() const noexcept { return contents_; }
  // Takes the network away, for a caller who keeps it.
  AnyNetwork take_network() noexcept { return std::move(network_); }

  // inputs[rows, inputs()] -> outputs[rows, outputs()], with the bits of Python's Sequential.predict. False:
  // the poll asked to stop.
  bool predict(const ArraySource& inputs, double* outputs, Poll poll) const;

 private:
  NetworkFile() = default;

  Json contents_;
  AnyNetwork network_;
  std::vector<TensorView> tensors_;
  std::shared_ptr<const AlignedBuffer<std::byte>> storage_;  // of the tensors
};

}  // namespace lamina
