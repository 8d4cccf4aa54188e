// Calls of the C interface in random order with right and wrong arguments: no crash and no leak under the
// sanitizers, every status is one of lamina's own, and a call that fails leaves outputs and handles as they
// are.
//
// Run: test_c_api_sequences [CALLS [SEED]], 3,000 calls by default.
#include <lamina/lamina.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "mutations.h"
#include "random_arguments.h"

namespace {

using namespace lamina::test;
using namespace lamina::test::c;

constexpr std::size_t kSlots = 4;

class Sequences : private RandomArguments {
 public:
  Sequences(std::uint64_t seed, std::vector<Bytes> files) : RandomArguments(seed), files_(std::move(files)) {}
  ~Sequences() {
    for (std::size_t i = 0; i < kSlots; ++i) {
      lamina_predictor_free(predictors_[i]);
      lamina_optimizer_free(optimizers_[i]);
      lamina_network_free(networks_[i]);
      lamina_history_free(histories_[i]);
      lamina_free(models_[i]);
    }
  }

  void call() {
    const std::size_t slot = below(random_, kSlots);
    switch (below(random_, 24)) {
      case 0:
        return build(slot);
      case 1:
        return add_layer(slot);
      case 2:
        return create(slot);
      case 3:
        return load(slot);
      case 4:
        return save(slot);
      case 5: {
        lamina_model* copy = models_[slot];
        if (check("clone", lamina_clone(any_model(), maybe(&copy))) && copy != models_[slot])
          replace(slot, copy);
        return;
      }
      case 6:
        return replace(slot, nullptr);
      case 7:
      case 8:
        return predict();
      case 9:
        return fit(slot);
      case 10:
        return optimizer(slot);
      case 11:
        return train_step(slot);
      case 12:
        return gradients(slot);
      case 13:
        return passes();
      case 14:
        return parameters();
      case 15:
        return predictor(slot);
      case 16:
        return table();
      case 17:
        return evaluate();
      case 18:
        return describe();
      case 19:
        return history();
      case 20:
        check("set_num_threads", lamina_set_num_threads(static_cast<int>(below(random_, 6)) - 1));
        return;
      default:
        return predict();
    }
  }

  long failed() const noexcept { return failed_; }
  long refused() const noexcept { return refused_; }

 private:
  lamina_model* any_model() { return models_[below(random_, kSlots)]; }

  bool check(const char* what, lamina_status status) {
    if (status == LAMINA_OK) return true;
    ++refused_;
    const char* sentence = lamina_error_message();
    if (status == LAMINA_ERROR_INTERNAL || *sentence == '\0' || std::strlen(sentence) < 10) {
      std::printf("%s: %s: %s\n", what, lamina_status_name(status), sentence);
      ++failed_;
    }
    return false;
  }

  // Predictors and optimizers outlive the model that they were made for.
  void replace(std::size_t slot, lamina_model* model) {
    lamina_free(models_[slot]);
    models_[slot] = model;
  }

  void build(std::size_t slot) {
    lamina_network* network = nullptr;
    if (!check("network_create",
               lamina_network_create(1 + below(random_, 4) * (chance(10) ? kHuge / 8 : 1), maybe(&network))))
      return;
    lamina_network_free(networks_[slot]);
    networks_[slot] = network;
  }

  void add_layer(std::size_t slot) {
    lamina_network* network = networks_[slot];
    constexpr const char* kKinds[] = {
        "dense", "activation", "dropout",       "batch_norm",     "layer_norm", "prelu",
        "scale", "residual",   "ensemble",      "embedding",      "nothing",    "",
        "clip",  "affine",     "normalization", "target_scaling", "periodic"};
    const char* kind = kKinds[below(random_, std::size(kKinds))];
    const std::vector<lamina_option> options = any_options();
    switch (below(random_, 6)) {
      case 0:
        check("network_begin", lamina_network_begin(network, kind, options.data(), options.size()));
        break;
      case 1:
        check("network_end", lamina_network_end(network));
        break;
      case 2:
        check("network_add", lamina_network_add(network, maybe(kind), maybe(options.data()), options.size()));
        break;
      default:
        check("network_add_dense",
              lamina_network_add_dense(network, chance(8) ? any_count() : 1 + below(random_, 8),
                                       any_activation()));
    }
  }

  void create(std::size_t slot) {
    lamina_model* model = nullptr;
    const auto type = static_cast<lamina_type>(below(random_, 2));
    if (check("model_create",
              lamina_model_create(networks_[below(random_, kSlots)], type, random_(), maybe(&model))))
      replace(slot, model);
  }

  void load(std::size_t slot) {
    const Bytes& file = files_[below(random_, files_.size())];
    const std::size_t size = chance(6) ? below(random_, file.size()) : file.size();
    lamina_model* model = nullptr;
    if (check("load_memory", lamina_load_memory(maybe(file.data()), size, maybe(&model))))
      replace(slot, model);
    check("load", lamina_load(chance(2) ? "" : "/nowhere/at/all", &model));
  }

  void save(std::size_t slot) {
    std::size_t size = 0;
    if (!check("save_memory", lamina_save_memory(any_model(), nullptr, 0, maybe(&size)))) return;
    const lamina_model* model = any_model();
    if (!check("save_memory", lamina_save_memory(model, nullptr, 0, &size))) return;
    std::vector<unsigned char> bytes(size);
    if (!check("save_memory", lamina_save_memory(model, bytes.data(), chance(5) ? size - 1 : size, &size)))
      return;
    lamina_model* again = nullptr;
    if (!check("load_memory", lamina_load_memory(bytes.data(), size, &again))) {
      std::printf("what was saved does not load: %s\n", lamina_error_message());
      ++failed_;
      return;
    }
    replace(slot, again);
  }

  void predict() {
    const lamina_model* model = any_model();
    const std::size_t rows = rows_for(model);
    const std::vector<float> before = y_;
    if (!check("predict", lamina_predict(model, maybe(x_.data()), rows, maybe(y_.data()))) &&
        std::memcmp(before.data(), y_.data(), before.size() * sizeof(float)) != 0) {
      std::printf("predict failed and wrote\n");
      ++failed_;
    }
    if (chance(3)) check("predict_double", lamina_predict_double(model, wide_.data(), rows, doubles_.data()));
  }

  void fit(std::size_t slot) {
    lamina_model* model = any_model();
    const lamina_data data = data_for(model), validation = data_for(model);
    lamina_fit_options options;
    check("fit_options_init", lamina_fit_options_init(&options, sizeof options));
    options.epochs = below(random_, 3);
    options.batch_size = chance(5) ? any_count() : 1 + below(random_, 20);
    options.loss = any_loss();
    if (chance(4)) options.optimizer_state = optimizers_[below(random_, kSlots)];
    if (chance(4)) options.validation = &validation;
    if (chance(4)) options.validation_fraction = any_number();
    if (chance(4)) options.accumulate = below(random_, 3);
    if (chance(6)) options.time_limit = any_number();
    if (chance(6)) options.target_loss = any_number();
    if (chance(6)) options.balanced_classes = 1;
    lamina_metric metric{{"accuracy", nullptr, 0}, nullptr, nullptr, -1};
    if (chance(4)) {
      options.metrics = maybe(&metric);
      options.metric_count = 1;
    }
    lamina_early_stopping stopping = LAMINA_EARLY_STOPPING_INIT;
    if (chance(4)) options.early_stopping = &stopping;
    lamina_observer observer = LAMINA_OBSERVER_INIT;
    observer.user = this;
    observer.on_epoch_end = [](lamina_fit_state* state, std::size_t, void* user) {
      auto& self = *static_cast<Sequences*>(user);
      (void)lamina_fit_figure(state, self.chance(4) ? nullptr : "loss");
      self.predict();
      if (self.chance(8)) lamina_fit_stop(state, self.chance(2) ? nullptr : "enough");
      return self.chance(8) ? 1 : 0;
    };
    if (chance(2)) {
      options.observers = &observer;
      options.observer_count = 1;
    }
    if (chance(20)) options.struct_size = below(random_, sizeof options);
    lamina_history* history = nullptr;
    check("fit", lamina_fit(model, maybe(&data), &options, &history));
    if (history == nullptr) return;
    lamina_history_free(histories_[slot]);
    histories_[slot] = history;
  }

  void optimizer(std::size_t slot) {
    constexpr const char* kKinds[] = {"sgd", "adam", "adamw", "muon", "rprop", "lion", "", "none"};
    const lamina_option options[] = {lamina_number("learning_rate", any_number())};
    lamina_optimizer* made = nullptr;
    if (check("optimizer_create",
              lamina_optimizer_create(any_model(), maybe(kKinds[below(random_, std::size(kKinds))]), options,
                                      below(random_, 2), maybe(&made)))) {
      lamina_optimizer_free(optimizers_[slot]);
      optimizers_[slot] = made;
    }
    check("set_learning_rate", lamina_optimizer_set_learning_rate(optimizers_[slot], any_number()));
    (void)lamina_optimizer_learning_rate(optimizers_[below(random_, kSlots)]);
  }

  void train_step(std::size_t slot) {
    lamina_model* model = any_model();
    const lamina_data data = data_for(model);
    double loss = 0.0;
    check("train_step",
          lamina_train_step(model, maybe(&data), any_loss(), optimizers_[slot], random_(), maybe(&loss)));
  }

  void gradients(std::size_t slot) {
    lamina_model* model = any_model();
    const lamina_data data = data_for(model);
    double loss = 0.0;
    check("value_and_gradient",
          lamina_value_and_gradient(model, &data, any_loss(), 1, static_cast<int>(below(random_, 2)), &loss));
    if (chance(2)) get(model, &lamina_get_gradient, "get_gradient");
    check("apply_gradients", lamina_apply_gradients(chance(3) ? any_model() : model, optimizers_[slot]));
  }

  void passes() {
    lamina_model* model = any_model();
    const std::size_t rows = rows_for(model);
    const auto type = static_cast<lamina_type>(below(random_, 2));
    const void* x = type == LAMINA_FLOAT64 ? static_cast<const void*>(wide_.data()) : x_.data();
    check("forward", lamina_forward(model, maybe(x), type, rows, static_cast<int>(below(random_, 2)), 1, 1,
                                    maybe(doubles_.data())));
    const std::vector<double> delta(kRoom);
    check("backward", lamina_backward(model, delta.data(), chance(4) ? rows_for(model) : rows, 0,
                                      chance(2) ? nullptr : doubles_.data()));
    const std::size_t cells = lamina_inputs(model) * lamina_outputs(model);
    if (cells > 0 && cells < kRoom && rows < kRoom)
      check("jacobian", lamina_jacobian(model, x, type, std::min(rows, kRoom / cells), doubles_.data()));
  }

  void get(const lamina_model* model, lamina_status (*read)(const lamina_model*, std::size_t, void*),
           const char* what) {
    lamina_parameter info = LAMINA_PARAMETER_INIT;
    const std::size_t index = below(random_, 6);
    if (!check("parameter_info", lamina_parameter_info(model, index, &info))) return;
    std::vector<double> values(info.elements);
    check(what, read(model, index, maybe(values.data())));
  }

  void parameters() {
    lamina_model* model = any_model();
    get(model, &lamina_get_parameter, "get_parameter");
    lamina_parameter info = LAMINA_PARAMETER_INIT;
    if (chance(10)) info.struct_size = below(random_, sizeof info);
    const std::size_t index = chance(8) ? any_count() : below(random_, 4);
    if (!check("parameter_info", lamina_parameter_info(model, index, maybe(&info)))) return;
    const std::vector<double> values(info.elements < kRoom ? info.elements : 0, chance(6) ? kNaN : 0.25);
    if (info.elements < kRoom)
      check("set_parameter", lamina_set_parameter(model, index, maybe(values.data())));
  }

  void predictor(std::size_t slot) {
    lamina_model* model = any_model();
    lamina_predictor* made = nullptr;
    if (check("predictor_create", lamina_predictor_create(model, maybe(&made)))) {
      lamina_predictor_free(predictors_[slot]);
      predictors_[slot] = made;
      sizes_[slot] = std::max(lamina_inputs(model), lamina_outputs(model));
    }
    const std::size_t rows =
        sizes_[slot] == 0 ? 1 : std::min<std::size_t>(below(random_, 5), kRoom / sizes_[slot]);
    check("predictor_predict",
          lamina_predictor_predict(predictors_[slot], maybe(x_.data()), rows, y_.data()));
    check("predictor_predict_double",
          lamina_predictor_predict_double(predictors_[slot], wide_.data(), rows, doubles_.data()));
  }

  void table() {
    const lamina_model* model = any_model();
    const auto kind = static_cast<lamina_table_output>(below(random_, 4));
    if (lamina_table_outputs(model, kind) > kRoom / 8) return;
    constexpr const char* kTexts[] = {"red", "12", "2024-02-30", "\xFF", "", nullptr, nullptr};
    std::vector<lamina_cell> cells;
    std::vector<lamina_column> columns;
    const std::array<const char*, 3> texts = {"red", nullptr, "3"};
    for (std::size_t i = 0; i < lamina_inputs(model) && i < 20; ++i) {
      if (chance(20)) continue;
      const char* name = lamina_input_name(model, chance(20) ? 0 : i);
      const char* text = kTexts[below(random_, std::size(kTexts))];
      cells.push_back({chance(40) ? nullptr : name, text, any_number()});
      const bool numbers = chance(2);
      columns.push_back({name, numbers ? wide_.data() : nullptr, numbers ? nullptr : texts.data()});
    }
    check("table_predict",
          lamina_table_predict(model, maybe(cells.data()), cells.size(), kind, maybe(doubles_.data())));
    check("table_predict_columns", lamina_table_predict_columns(model, columns.data(), columns.size(),
                                                                below(random_, 4), kind, doubles_.data()));
    (void)lamina_class_name(model, any_count());
    (void)lamina_classes(model);
  }

  void evaluate() {
    lamina_model* model = any_model();
    const lamina_data data = data_for(model);
    double value = 0.0;
    check("evaluate", lamina_evaluate(model, &data, any_loss(), maybe(&value)));
  }

  void describe() {
    const lamina_model* model = any_model();
    const char* text = lamina_describe(model);
    if (model != nullptr && (text == nullptr || *text != '{')) {
      std::printf("describe: no JSON\n");
      ++failed_;
    }
    (void)lamina_input_name(model, any_count());
    (void)lamina_model_type(model);
    (void)lamina_members(model);
  }

  void history() {
    const lamina_history* history = histories_[below(random_, kSlots)];
    (void)lamina_history_epochs(history);
    (void)lamina_history_figure(history, any_count(), chance(5) ? nullptr : "loss");
    (void)lamina_history_figure_name(history, any_count());
    (void)lamina_history_seconds(history, any_count());
    (void)lamina_history_stop_reason(history);
    (void)lamina_history_best_epoch(history);
  }

  std::vector<Bytes> files_;
  std::array<lamina_model*, kSlots> models_{};
  std::array<lamina_network*, kSlots> networks_{};
  std::array<lamina_optimizer*, kSlots> optimizers_{};
  std::array<lamina_predictor*, kSlots> predictors_{};
  std::array<std::size_t, kSlots> sizes_{};
  std::array<lamina_history*, kSlots> histories_{};
  long failed_ = 0, refused_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const long calls = argc > 1 ? std::atol(argv[1]) : 3000;
  const auto seed = static_cast<std::uint64_t>(argc > 2 ? std::atol(argv[2]) : 1);
  constexpr long kSequence = 200;
  long failed = 0, refused = 0;
  const std::vector<Bytes> files = model_files(LAMINA_TEST_MODELS);
  for (long number = 0; number * kSequence < calls; ++number) {
    Sequences sequence(seed * 1'000'003 + static_cast<std::uint64_t>(number), files);
    for (long i = 0; i < kSequence; ++i) sequence.call();
    failed += sequence.failed();
    refused += sequence.refused();
  }
  std::printf("%ld calls of interest refused, %ld wrong\n", refused, failed);
  return failed == 0 ? 0 : 1;
}
