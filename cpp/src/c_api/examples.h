// The rows, targets and weights of a call: checked, and in the types that training reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "c_api/handles.h"
#include "c_api/loss.h"
#include "inference/data.h"

namespace lamina::c {

// How far weights count beside each other alone, as Python's fit and value_and_grad have it.
enum class WeightUse : uint8_t { kMean, kAbsolute };

// Holds copies of what cannot be read in place. Refuses what the network or the loss does not take, in
// sentences that open with `where`.
template <class T>
class Examples {
 public:
  Examples(const lamina_data* given, const TrainableNetwork& network, const Model<T>& model,
           const GivenLoss& loss, const std::string& where, WeightUse use = WeightUse::kMean);
  Examples(const Examples&) = delete;
  Examples& operator=(const Examples&) = delete;

  const DataSet<T>& data() const noexcept { return data_; }

 private:
  // `loss` is null for a function.
  void read_targets(const lamina_data& given, const LossSpec* loss, int64_t outputs,
                    const std::string& where);
  // Of a function of the caller's: as they are.
  void read_custom_targets(const lamina_data& given, const ArraySource& y);
  void read_weights(const lamina_data& given, const LossSpec& loss, const std::string& where, WeightUse use);

  DataSet<T> data_;
  std::optional<SparseSource> sparse_;
  std::vector<int32_t> classes_;
  std::vector<T> values_;
  std::vector<double> weights_;
};

}  // namespace lamina::c
