// A small network, its data and the checks that the tests of the C interface share.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "check.h"
#include "lamina/lamina.h"

namespace lamina::test::c {

// The call succeeds, or the test fails with its sentence.
#define CHECK_OK(call)                                                                                \
  do {                                                                                                \
    const lamina_status status_ = (call);                                                             \
    if (status_ != LAMINA_OK)                                                                         \
      ::lamina::test::fail(                                                                           \
          __FILE__, __LINE__,                                                                         \
          std::string(#call " gave ") + lamina_status_name(status_) + ": " + lamina_error_message()); \
  } while (false)

// The call gives this status, and a sentence that holds this text.
#define CHECK_REFUSED(call, status, text)                                                             \
  do {                                                                                                \
    const lamina_status status_ = (call);                                                             \
    if (status_ != (status) || std::strstr(lamina_error_message(), text) == nullptr)                  \
      ::lamina::test::fail(                                                                           \
          __FILE__, __LINE__,                                                                         \
          std::string(#call " gave ") + lamina_status_name(status_) + ": " + lamina_error_message()); \
  } while (false)

constexpr std::size_t kInputs = 4, kRows = 60;

struct Rows {
  std::vector<float> x;
  std::vector<std::int32_t> classes;

  explicit Rows(std::size_t rows = kRows) {
    for (std::size_t i = 0; i < rows * kInputs; ++i)
      x.push_back(static_cast<float>(static_cast<int>(i * 37 % 101) - 50) / 25.0F);
    for (std::size_t row = 0; row < rows; ++row)
      classes.push_back(x[row * kInputs] > x[row * kInputs + 1] ? 1 : 0);
  }
  lamina_data data() const {
    lamina_data data = LAMINA_DATA_INIT;
    data.x = x.data();
    data.rows = classes.size();
    data.classes = classes.data();
    return data;
  }
};

// Every second number of such rows, compressed.
struct StoredRows {
  std::vector<float> values;
  std::vector<std::int32_t> indices, indptr{0};

  explicit StoredRows(const Rows& rows) {
    for (std::size_t i = 0; i < rows.x.size(); ++i) {
      if (i % 2 == 0) {
        values.push_back(rows.x[i]);
        indices.push_back(static_cast<std::int32_t>(i % kInputs));
      }
      if ((i + 1) % kInputs == 0) indptr.push_back(static_cast<std::int32_t>(values.size()));
    }
  }
  lamina_sparse_rows rows() const {
    lamina_sparse_rows made = LAMINA_SPARSE_ROWS_INIT;
    made.values = values.data();
    made.stored = values.size();
    made.indices = indices.data();
    made.indptr = indptr.data();
    return made;
  }
};

// A loss of the caller's: the mean of -output[class], of which `user` (or null) is told before.
struct OwnLoss {
  explicit OwnLoss(int (*function)(const lamina_loss_batch*, double*, void*) = mean_score,
                   void* user = nullptr)
      : own{sizeof own, function, user}, option(lamina_function("function", &own)) {}
  OwnLoss(const OwnLoss&) = delete;
  OwnLoss& operator=(const OwnLoss&) = delete;
  lamina_description description() const { return {"custom", &option, 1}; }

  static int mean_score(const lamina_loss_batch* batch, double* value, void*) {
    const auto* outputs = static_cast<const float*>(batch->outputs);
    auto* gradient = static_cast<float*>(batch->gradient);
    *value = 0.0;
    for (std::size_t i = 0; i < batch->rows * batch->outputs_columns; ++i) {
      const bool own =
          batch->classes[i / batch->outputs_columns] == static_cast<int>(i % batch->outputs_columns);
      const float share = own ? -1.0F / static_cast<float>(batch->rows) : 0.0F;
      *value += static_cast<double>(share * outputs[i]);
      if (gradient != nullptr) gradient[i] = share;
    }
    return 0;
  }

  lamina_loss_function own;
  lamina_option option;
};

// Owns a handle of any kind.
template <class Handle, void (*release)(Handle*)>
class Owned {
 public:
  Owned() = default;
  ~Owned() { release(handle_); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  operator Handle*() const noexcept { return handle_; }
  Handle** out() noexcept {
    release(handle_);
    handle_ = nullptr;
    return &handle_;
  }

 private:
  Handle* handle_ = nullptr;
};
using OwnedModel = Owned<lamina_model, lamina_free>;
using OwnedNetwork = Owned<lamina_network, lamina_network_free>;
using OwnedPredictor = Owned<lamina_predictor, lamina_predictor_free>;
using OwnedOptimizer = Owned<lamina_optimizer, lamina_optimizer_free>;
using OwnedEvaluation = Owned<lamina_evaluation, lamina_evaluation_free>;
using OwnedHistory = Owned<lamina_history, lamina_history_free>;

// Dropout, a block and a softmax over two classes.
inline lamina_status build(lamina_model** model, lamina_type type = LAMINA_FLOAT32, std::uint64_t seed = 3) {
  OwnedNetwork network;
  lamina_status status = lamina_network_create(kInputs, network.out());
  const lamina_option rate = lamina_number("rate", 0.25);
  if (status == LAMINA_OK) status = lamina_network_add_dense(network, 8, "relu");
  if (status == LAMINA_OK) status = lamina_network_add(network, "dropout", &rate, 1);
  if (status == LAMINA_OK) status = lamina_network_begin(network, "residual", nullptr, 0);
  if (status == LAMINA_OK) status = lamina_network_add_dense(network, 8, "tanh");
  if (status == LAMINA_OK) status = lamina_network_end(network);
  if (status == LAMINA_OK) status = lamina_network_add_dense(network, 2, "softmax");
  if (status == LAMINA_OK) status = lamina_model_create(network, type, seed, model);
  return status;
}

// A path in UTF-8, as the C interface takes them.
inline std::string temporary(const char* name) {
  const std::u8string path = (std::filesystem::temp_directory_path() / name).u8string();
  return {path.begin(), path.end()};
}

inline std::vector<float> predictions(const lamina_model* model, const Rows& rows) {
  std::vector<float> y(rows.classes.size() * lamina_outputs(model));
  CHECK_OK(lamina_predict(model, rows.x.data(), rows.classes.size(), y.data()));
  return y;
}

// The file that the model would be saved as.
inline std::vector<unsigned char> bytes_of(const lamina_model* model) {
  std::size_t size = 0;
  CHECK_OK(lamina_save_memory(model, nullptr, 0, &size));
  std::vector<unsigned char> bytes(size);
  CHECK_OK(lamina_save_memory(model, bytes.data(), size, &size));
  return bytes;
}

// All parameters, one after the other.
inline std::vector<float> weights_of(const lamina_model* model) {
  std::vector<float> all;
  for (std::size_t i = 0; i < lamina_parameters(model); ++i) {
    lamina_parameter info = LAMINA_PARAMETER_INIT;
    CHECK_OK(lamina_parameter_info(model, i, &info));
    std::vector<float> values(info.elements);
    CHECK_OK(lamina_get_parameter(model, i, values.data()));
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

}  // namespace lamina::test::c
