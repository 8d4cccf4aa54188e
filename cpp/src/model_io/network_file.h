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
#include "model_io/save_model.h"
#include "model_io/self_test.h"
#include "network/network.h"

namespace lamina {

struct LoadOptions {
  // Read from pages of the file that processes share, so that loading holds no copy of it; see OpenFile::map.
  // The weights themselves are always the process's own, as kernels read them in another order.
  bool map = false;
  // Run the rows that the file stores and refuse it (kFormat) where the outputs are not those stored, or
  // where it stores none; see self_test.h.
  bool selftest = false;
};

// All members but those that take something away are const, so that any number of threads may predict with
// one network at once.
class NetworkFile {
 public:
  using AnyNetwork = OfAnyScalar<Network>;

  // Everything is checked before anything is built. Throws Error alone: a SystemError (kNotFound, kIo),
  // kFormat (not a model file, damaged, newer, or parts that do not fit each other), kMemory.
  static NetworkFile load(const std::filesystem::path& path, const LoadOptions& options = {});
  // From the bytes of such a file, which are needed no longer than the call. Nothing of them is mapped.
  static NetworkFile parse(std::span<const std::byte> bytes, const LoadOptions& options = {});
  // Its tensors lie where the file's lie.
  static NetworkFile parse(const ModelFile& file, const std::string& source);
  // The same with tensors of its own, after its self-test where the options ask for it.
  static NetworkFile of(const ModelFile& file, const std::string& source, const LoadOptions& options);
  // A further network of a file: contents as the file's own, and tensors named as those of its first one.
  static NetworkFile of(Json contents, const std::vector<TensorView>& tensors, const std::string& source);
  // Network `number` from 1 of a table model, whose tensors are "networks.<number>.<name>" here.
  NetworkFile further(Json contents, std::size_t number, const std::string& source) const;

  // Replaces `path` in one step. The file of a network that load() gave holds the same network, record and
  // tensors again, and the self-test that the options ask for, if any. Throws as save_model.
  void save(const std::filesystem::path& path, const SaveOptions& options = {}) const;
  std::vector<std::byte> bytes(const SaveOptions& options = {}) const;

  std::int64_t inputs() const;
  std::int64_t outputs() const;
  // Of a layer, from the first one.
  Json layer(std::size_t index) const;
  bool is_double() const noexcept { return network_.index() == 1; }
  // The names of the inputs as the file has them, a list of texts and whole numbers; null where there are
  // none.
  const Json& feature_names() const;
  // The record (an object) that stands beside the network, and the tensors that are neither its weights nor
  // of a self-test.
  const Json& record() const;
  const std::vector<TensorView>& tensors() const noexcept { return tensors_; }
  // Those of them that belong to none of so many further networks.
  std::vector<TensorView> tensors_beside(std::size_t further) const;
  // Of parse(ModelFile); the others have run it or dropped it.
  const StoredSelfTest& self_test() const noexcept { return self_test_; }
  // Raises kFormat where the outputs are not those stored, or there is none.
  void run_self_test(const std::string& source) const;
  // What the file says of the network: description, dtype, seed, epochs_trained, feature_names and record.
  const Json& contents() const noexcept { return contents_; }
  // contents(); adds the weights to `tensors`, under names that begin with `prefix`.
  Json describe(const std::string& prefix, WrittenTensors& tensors) const;

  // Each takes a part away, for a caller who keeps it.
  AnyNetwork take_network() noexcept { return std::move(network_); }
  Json take_record();
  Json take_contents() noexcept { return std::move(contents_); }
  // Keeps copies of these in the place of tensors(), whose file may then go.
  void keep_own_tensors(const std::vector<TensorView>& tensors);

  // inputs[rows, inputs()] -> outputs[rows, outputs()], with the bits of Python's Sequential.predict. False:
  // the poll asked to stop.
  bool predict(const ArraySource& inputs, double* outputs, Poll poll) const;

 private:
  NetworkFile() = default;

  Json contents_;
  AnyNetwork network_;
  std::vector<TensorView> tensors_;
  std::vector<std::size_t> by_name_;  // places in tensors_, for further()
  StoredSelfTest self_test_;
  std::shared_ptr<const void> storage_;  // of the tensors
};

}  // namespace lamina
