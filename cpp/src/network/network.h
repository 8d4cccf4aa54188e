// A stack of layers over one flat parameter buffer. Weights are const in forward and backward; what a
// call needs lies in a workspace that the caller owns, so any number of threads may run passes at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/thread_choice.h"
#include "layers/layer.h"

namespace lamina {

class Json;

template <class T>
class Workspace;

// One layer in the order of evaluation, with the buffers that it reads and writes. A block is several nodes.
template <class T>
struct Node {
  Layer<T>* layer;
  uint32_t layer_index;  // among all nodes: names the layer's random numbers
  std::string name;      // "layers.0", "layers.1.layers.0", ...
  int input_slot, output_slot;
  int first_parameter, parameter_count;
  bool learns;         // has trainable parameters
  bool reads_learned;  // something before it learns from its input's delta, which training so needs
  // The node that reads this one's output multiplies its delta by this one's activation derivative ...
  bool derivative_applied_by_next = false;
  // ... which that node finds here.
  const ActivationSpec* input_activation = nullptr;
  // The next node's tasks make the gradient of this one's parameters.
  bool gradient_by_next = false;

  // Whether training needs the delta of the output.
  bool needs_delta() const noexcept { return learns || reads_learned; }
};

// Rows of a workspace through the whole network.
template <class T>
struct NetworkPass {
  Workspace<T>& workspace;
  const T* parameters;
  const T* transposed = nullptr;  // backward only; null for a batch of one row
  int64_t first_row = 0, rows = 0;
  bool training = false;
  // The pass ends with what each member of an ensemble gives, before their mean; without one, as any other.
  bool of_members = false;
  // Forward leaves out what takes logits to outputs, and backward begins with the delta of the logits: of
  // the members, or of the network's last layer.
  bool ends_at_logits = false;
  uint64_t seed = 0, step = 0;
  double noise_factor = 1.0;  // of the rates of dropouts, and of the deviations of noise
};

// A tile of the gradient that can be computed, and applied, independently of all others.
struct GradientTask {
  int node;
  int task;
};

// What gradient tasks read and write; the fields mean what those of GradientPass (layers/layer.h) do.
template <class T>
struct GradientRequest {
  Workspace<T>& workspace;
  int64_t batch_rows;
  T* gradients = nullptr;
  bool compute = true;
  double penalty_factor = 1.0;
  ParameterUpdater<T>* updater = nullptr;
  T* scratch;
  bool fetch_ahead = false;
  PackedInputs<T>* packed = nullptr;
  bool keep_transposed = true;  // false: they are left stale
};

template <class T>
class Network {
 public:
  using Layers = std::vector<std::unique_ptr<Layer<T>>>;
  // Of rows of `inputs` numbers: Network<float>(784, make_layers<float>(DenseOptions{.units = 10}), seed).
  // Weights start from `seed`.
  Network(int64_t inputs, Layers layers, uint64_t seed);
  // {"inputs": 784, "layers": [{"kind": "dense", "units": 10, ...}, ...]}
  Network(const Json& spec, uint64_t seed);
  // Without first weights: all are 0, for a caller who sets every one of them.
  Network(const Json& spec, std::nullopt_t);
  // With a copy of `weights`, the flat buffer of a network of the same parameters, or with zeros (null); for
  // forward alone, as there is no memory for transposed weights.
  Network(int64_t inputs, Layers layers, const T* weights);
  // The parameters of such a network by name and shape; no memory is taken for them.
  static std::vector<Parameter> describe_parameters(const Json& spec) { return Network(spec).parameters_; }

  Json spec() const;
  int64_t inputs() const noexcept { return inputs_; }
  int64_t outputs() const noexcept { return slot_columns_.back(); }
  const std::vector<int64_t>& slot_columns() const noexcept { return slot_columns_; }
  // Rows of a slot for each row of the network: members() of them within an ensemble, else 1.
  int64_t slot_rows(int slot) const noexcept { return slot_rows_[static_cast<size_t>(slot)]; }
  // Of the ensemble that ends the network; 1 without one.
  int64_t members() const noexcept { return members_; }
  bool has_ensemble() const noexcept { return member_nodes_ < nodes_.size(); }
  // What each of them gives, which losses compare with the targets in training: [rows * members, outputs],
  // row i of member j in row i * members + j. Without an ensemble the last slot.
  int member_slot() const noexcept { return nodes_[member_nodes_ - 1].output_slot; }
  // Rows of the network that pass through all layers together (see work_sizes.h).
  int64_t tile_rows() const noexcept;
  // The slot whose values `slot` shows: another where it is a view, else itself.
  int slot_root(int slot) const noexcept { return slot_roots_[static_cast<size_t>(slot)]; }
  // Of layer i of layers().
  int layer_output_slot(size_t i) const noexcept { return layer_slots_[i + 1]; }
  // The widths before, between and behind the layers.
  std::vector<int64_t> layer_widths() const;
  const Layers& layers() const noexcept { return layers_; }
  const std::vector<Node<T>>& nodes() const noexcept { return nodes_; }
  const std::vector<Parameter>& parameters() const noexcept { return parameters_; }
  // What is subtracted from rows in double as they are read into the input slot; null where they stay as they
  // are.
  RowOffset<T> row_offset(const T* parameters) const noexcept {
    return takes_offset_rows_ ? layers_.front()->row_offset(parameters) : RowOffset<T>{};
  }
  // The last layer, where it scales targets; else null.
  const TargetScaling<T>* target_scaling() const noexcept { return layers_.back()->as_target_scaling(); }
  bool takes_offset_rows() const noexcept { return takes_offset_rows_; }
  // True where a workspace may hold its input as sparse rows: a dense layer alone reads it.
  bool takes_sparse_rows() const noexcept;
  // The activation that ends the network (identity where the last layer has none).
  const ActivationSpec& output_activation() const noexcept;
  // Raises where an activation has no derivative to train through.
  void check_trainable() const;
  // True when slot `slot` keeps what backward needs beside its values in training.
  bool slot_stores_aux(int slot) const noexcept { return slot_stores_aux_[static_cast<size_t>(slot)]; }

  const kernels::KernelTable<T>& kernels() const noexcept { return kernels_; }
  T* weights() noexcept { return weights_.data(); }
  const T* weights() const noexcept { return weights_.data(); }
  int64_t flat_size() const noexcept { return weights_.size(); }
  T* transposed() noexcept { return transposed_.data(); }

  // Draws first weights. Returns false where `poll` has stopped it: the weights are then as they were.
  bool initialize(uint64_t seed, Poll poll);
  // From a dense array in the user's shape; marks the transposed weights stale.
  void set_parameter(size_t index, const T* dense) noexcept;
  // Any change of `weights()` from outside an update must be followed by this.
  void mark_weights_changed() noexcept {
    transposed_stale_ = first_transposed_stale_ = true;
    ++weights_version_;
  }
  // Counts those changes, for whoever keeps a copy.
  uint64_t weights_version() const noexcept { return weights_version_; }
  // Makes the transposed weights agree with the weights; those that training leaves out only where the delta
  // of the network's input is wanted.
  void refresh_transposed(bool input_delta_wanted);

  // Whether passes over so many rows read transposed weights; those over a single one do without.
  bool reads_transposed(int64_t rows) const noexcept { return rows * members_ != 1; }

  // All rows of a workspace's use on one thread, in one go.
  void forward(const NetworkPass<T>& pass) const noexcept;
  void backward(const NetworkPass<T>& pass, bool input_delta_wanted) const noexcept;
  // Whether a dense layer sums a table's features by their codes, in an order of its own.
  bool sums_codes() const noexcept;
  // Makes values that forward leaves coded those that their layer has for its callers.
  void write_features(const NetworkPass<T>& pass) const noexcept;
  // What a pass forward that ended with members, and maybe at logits, has left out.
  void finish_forward(const NetworkPass<T>& pass) const noexcept;
  // Nodes of a pass.
  size_t node_count(const NetworkPass<T>& pass) const noexcept {
    return pass.of_members ? member_nodes_ : nodes_.size();
  }
  // Passes over a batch in a workspace for training go phase by phase, as many as there are layers that
  // couple rows, and one. Before each phase but the first (backward: but the last) all rows must be through
  // the one before, and the layer between is summarised: columns [first, last), multiples of 64 bytes, by
  // `batch`, the pass of all rows.
  int phases() const noexcept { return static_cast<int>(coupled_.size()) + 1; }
  void forward(const NetworkPass<T>& pass, int phase) const noexcept;
  // Needs the last slot's delta: dL/doutputs, or dL/dlogits where pass.ends_at_logits. Goes back as far as
  // layers learn, or to the input where its delta is wanted.
  void backward(const NetworkPass<T>& pass, bool input_delta_wanted, int phase) const noexcept;
  // Whether so many members can share the columns of layers that do most of the forward work.
  bool splits_columns(int parts) const noexcept;
  // A batch node by node, where no layer couples rows: member `part` of `parts` computes its share of the
  // columns, or of the rows where a layer cannot be cut by columns. A barrier must follow each call.
  void forward_part(const NetworkPass<T>& batch, size_t node, int part, int parts) const noexcept;
  // The node's own activation first; false, and no barrier needed: backward_part does that.
  bool backward_activation_part(const NetworkPass<T>& batch, size_t node, int part, int parts) const noexcept;
  void backward_part(const NetworkPass<T>& batch, size_t node, int part, int parts) const noexcept;
  void summarize_forward(const NetworkPass<T>& batch, int phase, int64_t first, int64_t last) const noexcept;
  void summarize_backward(const NetworkPass<T>& batch, int phase, int64_t first, int64_t last) const noexcept;
  // Padded columns of the layer between `phase` - 1 and `phase`.
  int64_t coupled_columns(int phase) const noexcept;
  bool couples_rows() const noexcept { return !coupled_.empty(); }
  // Raises where a batch has too few rows to train on.
  void check_batch_rows(int64_t rows, const char* where) const;
  // Elements of a slot's statistics.
  int64_t slot_statistics_size(int slot) const noexcept {
    return slot_statistics_[static_cast<size_t>(slot)];
  }
  // Of the batch last passed in training mode, what running statistics need: kept for later, or taken at
  // once.
  int64_t running_size() const noexcept;
  void keep_statistics(const Workspace<T>& workspace, T* kept) const noexcept;
  void update_running(const T* kept, ParameterUpdater<T>& updater) const noexcept;
  void update_running(const Workspace<T>& workspace, ParameterUpdater<T>& updater) const noexcept;

  // `sparse`: of workspaces with sparse rows, here and below.
  std::vector<GradientTask> gradient_tasks(int64_t inputs_per_task, bool sparse) const;
  int gradient_task_count(int node, int64_t inputs_per_task, bool sparse) const noexcept;
  void run_gradient_task(const GradientTask& task, int64_t inputs_per_task,
                         const GradientRequest<T>& request) noexcept;
  // Elements of scratch that a gradient task may use.
  int64_t gradient_scratch_size(int64_t inputs_per_task, bool sparse) const noexcept;
  // After updates through gradient tasks, which keep the transposed weights up to date but for those that
  // training leaves out, or none (batches of one row). A keeper of a copy must have followed the updates
  // itself ...
  void note_update(bool kept_transposed = true) noexcept {
    first_transposed_stale_ = true;
    if (!kept_transposed) transposed_stale_ = true;
  }
  // ... or is told here that its copy is out of date.
  void note_untracked_update() noexcept {
    note_update();
    ++weights_version_;
  }

  // Multiply-adds of one row: forward, and the whole training step.
  int64_t forward_multiply_adds() const noexcept { return forward_multiply_adds_; }
  int64_t training_multiply_adds() const noexcept { return training_multiply_adds_; }
  // What calls on many rows have learned of the threads that they deserve.
  SharedThreadChoices& call_threads() const noexcept { return call_threads_; }

 private:
  // Layers without memory for their parameters.
  explicit Network(const Json& spec);
  Network(int64_t inputs, Layers layers);
  int add_slot(int64_t columns, int64_t rows);
  // Each returns the slot of the output.
  int add_layer(Layer<T>& layer, const std::string& name, int input_slot, int depth);
  int add_block(Residual<T>& block, const std::string& name, int input_slot, int depth);
  int add_ensemble(Ensemble<T>& ensemble, const std::string& name, int input_slot);
  int add_plain(Layer<T>& layer, const std::string& name, int input_slot);
  void add_node(Layer<T>& layer, const std::string& name, int input_slot, int output_slot);
  void check_order() const;
  void link_activations();
  void link_codes();
  Node<T>* only_reader(int slot) noexcept;
  void link_scale(Node<T>& scale, Node<T>& dense, const kernels::FeatureCodes& codes);
  void forward_nodes(const NetworkPass<T>& pass, size_t first, size_t last) const noexcept;
  RowPass<T> row_pass(const NetworkPass<T>& pass, const Node<T>& node) const noexcept;
  RowPass<T> forward_pass(const NetworkPass<T>& pass, size_t node) const noexcept;
  RowPass<T> backward_pass(const NetworkPass<T>& pass, size_t node, bool input_delta_wanted) const noexcept;
  // The node that couples rows at the start of `phase`, which is above 0.
  const Node<T>& coupled_node(int phase) const noexcept {
    return nodes_[coupled_[static_cast<size_t>(phase) - 1]];
  }

  const kernels::KernelTable<T>& kernels_;
  int64_t inputs_;
  std::vector<std::unique_ptr<Layer<T>>> layers_;
  std::vector<Node<T>> nodes_;
  bool takes_offset_rows_ = false;
  std::vector<size_t> coupled_;  // nodes whose layers couple rows
  std::vector<int64_t> slot_columns_, slot_rows_;
  int64_t widest_slot_ = 1;
  std::vector<int> slot_roots_;
  std::vector<bool> slot_learned_;  // something that the slot's values depend on learns
  std::vector<bool> slot_stores_aux_;
  std::vector<int64_t> slot_statistics_;  // sizes, 0 where the layer that writes the slot couples no rows
  std::vector<int> layer_slots_;          // input and outputs of layers_
  int64_t members_ = 1;
  size_t member_nodes_ = 0;          // those up to what members give
  Ensemble<T>* adapting_ = nullptr;  // the ensemble whose dense layers get adapters, while it is built
  std::vector<Parameter> parameters_;
  ParameterAllocator allocator_;
  AlignedBuffer<T> weights_;
  AlignedBuffer<T> transposed_;
  bool transposed_stale_ = true;        // of all nodes
  bool first_transposed_stale_ = true;  // of those before which nothing learns, which training leaves out
  uint64_t weights_version_ = 0;
  int64_t forward_multiply_adds_ = 0, training_multiply_adds_ = 0;
  mutable SharedThreadChoices call_threads_;
};

}  // namespace lamina
