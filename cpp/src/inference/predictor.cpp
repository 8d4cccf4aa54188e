// Plans the steps of a row, and runs rows and batches through them.
#include "inference/predictor.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/denormals.h"
#include "base/piece_queue.h"
#include "base/thread_pool.h"
#include "inference/evaluation.h"
#include "layers/dense.h"
#include "layers/rows.h"
#include "network/work_sizes.h"

#if defined(__GNUC__)
#define LAMINA_KEPT_OUT __attribute__((noinline))
#else
#define LAMINA_KEPT_OUT
#endif

namespace lamina {

namespace {

// Weights that a thread reads in some microseconds, more than it costs to share a layer's row and outputs.
constexpr int64_t kBytesPerThread = int64_t{256} << 10, kBytesPerPiece = int64_t{32} << 10;

constexpr int64_t kSmallStackBytes = int64_t{4} << 10, kStackBytes = int64_t{64} << 10;

// [columns] numbers of T, one after another.
template <class T>
ArraySource plain_row(const T* in, int64_t columns) noexcept {
  constexpr auto type = sizeof(T) == 4 ? kernels::SourceType::kF32 : kernels::SourceType::kF64;
  constexpr auto size = static_cast<int64_t>(sizeof(T));
  return {in, type, 1, columns, columns * size, size};
}

}  // namespace

template <class T>
Predictor<T>::Predictor(const Network<T>& network, const T* weights, const Execution& execution)
    : plan_(network, weights), execution_(execution) {
  const std::vector<int64_t>& columns = plan_.network().slot_columns();
  row_stride_ = padded_columns<T>(*std::max_element(columns.begin(), columns.end()));
  place_size_ = row_stride_ * this->network().members();
  for (const Operation<T>& operation : plan_.operations()) steps_.push_back(make_step(operation));
  copies_input_ = std::any_of(steps_.begin(), steps_.end(),
                              [](const Step& step) { return step.reads_input && step.layer != nullptr; });
  place_rows();
  transpose_narrow_layers();
  cut_wide_layers();
}

// Gives each slot a row that nothing else needs from its first use to its last.
template <class T>
void Predictor<T>::place_rows() {
  const auto slots = static_cast<size_t>(plan_.values());
  std::vector<size_t> last_use(slots, 0);
  for (size_t i = 0; i < steps_.size(); ++i)
    for (const Place& place : {steps_[i].input, steps_[i].output})
      last_use[static_cast<size_t>(place.slot)] = i;
  last_use.back() = steps_.size();
  std::vector<int64_t> offsets(slots, -1);
  std::vector<bool> taken;
  const auto place = [&](Place& at) {
    int64_t& offset = offsets[static_cast<size_t>(at.slot)];
    if (offset < 0) {
      const auto free = std::find(taken.begin(), taken.end(), false);
      offset = (free - taken.begin()) * place_size_;
      if (free == taken.end()) {
        taken.push_back(true);
      } else {
        *free = true;
      }
    }
    at.offset = offset;
  };
  for (size_t i = 0; i < steps_.size(); ++i) {
    place(steps_[i].input);
    place(steps_[i].output);
    for (size_t slot = 0; slot < slots; ++slot)
      if (offsets[slot] >= 0 && last_use[slot] == i)
        taken[static_cast<size_t>(offsets[slot] / place_size_)] = false;
  }
  row_buffers_ = static_cast<int64_t>(taken.size());
}

template <class T>
typename Predictor<T>::Step Predictor<T>::make_step(const Operation<T>& operation) const {
  Step step{.inputs = operation.inputs,
            .outputs = operation.outputs,
            .rows = operation.rows,
            .input = {operation.input, 0},
            .output = {operation.output, 0},
            .reads_input = operation.input == 0};
  // The members' rows pass through a dense layer together, and coded rows through one of their own.
  if (operation.layer->kind() != LayerKind::kDense || operation.rows > 1 ||
      static_cast<const Dense<T>&>(*operation.layer).reads_codes()) {
    step.layer = operation.layer;
    return step;
  }
  const Parameter& weight = operation.parameters.front();
  const ActivationSpec* activation = operation.layer->output_activation();
  step.dense.depth = step.inputs;
  step.dense.columns = padded_columns<T>(step.outputs);
  step.dense.true_columns = step.outputs;
  step.dense.panels = network().weights() + weight.offset;
  step.dense.panel_rows = weight.panel_rows;
  step.dense.activation = activation->function;
  step.dense.parameter = static_cast<T>(activation->parameter);
  if (!activation->is_elementwise()) step.softmax = activation;
  return step;
}

template <class T>
void Predictor<T>::transpose_narrow_layers() {
  const auto narrow = [](const Step& step) {
    return step.layer == nullptr && step.outputs <= kernels::kMaxTransposedColumns;
  };
  int64_t size = 0;
  for (const Step& step : steps_)
    if (narrow(step)) size += step.outputs * padded_columns<T>(step.inputs);
  transposed_ = AlignedBuffer<T>(size);
  T* next = transposed_.data();
  for (Step& step : steps_) {
    if (!narrow(step)) continue;
    step.dense.transposed = next;
    // So narrow a layer is one panel, as wide as its padded columns.
    for (int64_t column = 0; column < step.outputs; ++column, next += padded_columns<T>(step.inputs))
      for (int64_t k = 0; k < step.inputs; ++k) next[k] = step.dense.panels[k * step.dense.columns + column];
  }
}

template <class T>
void Predictor<T>::cut_wide_layers() {
  int64_t shared = 0, most_pieces = 1;
  for (Step& step : steps_) {
    const int64_t columns = step.dense.columns, group = network().kernels().single_row_columns;
    const int64_t bytes = columns * step.inputs * static_cast<int64_t>(sizeof(T));
    if (step.layer != nullptr || step.dense.transposed != nullptr || columns <= group) continue;
    const int64_t pieces = std::clamp(bytes / kBytesPerPiece, int64_t{1},
                                      std::min((columns + group - 1) / group, PieceQueue::kMostPieces));
    step.piece_columns = (columns + pieces * group - 1) / (pieces * group) * group;
    step.pieces = (columns + step.piece_columns - 1) / step.piece_columns;
    if (step.pieces > 1) shared += bytes;
    most_pieces = std::max(most_pieces, step.pieces);
  }
  row_threads_ = static_cast<int>(
      std::clamp(shared / kBytesPerThread, int64_t{1}, std::min(most_pieces, int64_t{kMaxThreads})));
}

template <class T>
void Predictor<T>::run_piece(const Step& step, int64_t piece, const T* in, T* out) const noexcept {
  const int64_t first = piece * step.piece_columns;
  kernels::SingleRow<T> part = step.dense;
  part.panels += first * part.panel_rows;
  part.columns = std::min(step.piece_columns, step.dense.columns - first);
  part.true_columns = std::min(part.columns, step.outputs - first);
  network().kernels().single_row(part, in, out + first);
}

template <class T>
void Predictor<T>::run_layer(const Step& step, const T* in, T* out) const noexcept {
  Slot<T> input, output;
  input.values = const_cast<T*>(in);  // layers never write their input's values
  output.values = out;
  input.columns = step.inputs;
  output.columns = step.outputs;
  input.row_stride = output.row_stride = row_stride_;
  step.layer->forward({.kernels = network().kernels(),
                       .parameters = network().weights(),
                       .input = input,
                       .output = output,
                       .rows = step.rows});
}

template <class T>
template <class Buffer, class RunDense>
void Predictor<T>::run_steps(const ArraySource& in, T* out, Buffer buffer, RunDense dense) const noexcept {
  const FlushDenormals flush;
  const T* row = static_cast<const T*>(in.data);
  if (copies_input_) {
    T* copy = buffer(steps_.front().input);
    gather_inputs(network().kernels(), network().row_offset(network().weights()), in, nullptr, 0, 1, copy,
                  row_stride_);
    row = copy;
  }
  for (const Step& step : steps_) {
    const T* from = step.reads_input ? row : buffer(step.input);
    T* to = buffer(step.output);
    if (step.layer != nullptr) {
      run_layer(step, from, to);
    } else {
      dense(step, from, to);
      if (step.softmax != nullptr)
        apply_activation(network().kernels(), *step.softmax, 1, step.outputs, to, row_stride_,
                         static_cast<T*>(nullptr), 0);
    }
  }
  copy_to_user(1, outputs(), buffer(steps_.back().output), row_stride_, out, outputs());
}

template <class T>
void Predictor<T>::predict_row(const T* in, T* out, T* workspace) const noexcept {
  run_steps(
      plain_row(in, inputs()), out, [&](const Place& place) { return workspace + place.offset; },
      [&](const Step& step, const T* from, T* to) { run_dense(step, from, to); });
}

template <class T>
void Predictor<T>::predict_any_row(const ArraySource& in, T* out, T* workspace) const noexcept {
  constexpr auto own = sizeof(T) == 4 ? kernels::SourceType::kF32 : kernels::SourceType::kF64;
  const auto buffer = [&](const Place& place) { return workspace + place.offset; };
  const auto dense = [&](const Step& step, const T* from, T* to) { run_dense(step, from, to); };
  if (copies_input_ || (in.type == own && in.column_stride == static_cast<int64_t>(sizeof(T))))
    return run_steps(in, out, buffer, dense);
  T* row = workspace + row_workspace_size();
  {
    const FlushDenormals flush;  // as in batches
    gather_inputs(network().kernels(), {}, in, nullptr, 0, 1, row, padded_columns<T>(inputs()));
  }
  run_steps(plain_row(row, inputs()), out, buffer, dense);
}

namespace {

// Kept out of its caller, so that a call takes no more stack than it needs. A `use` by value would be copied
// in pieces of another size than it was written in, for which a CPU waits until the last row is done.
template <int64_t kBytes, class T, class Use>
LAMINA_KEPT_OUT void use_stack(const Use& use) {
  alignas(64) T workspace[kBytes / static_cast<int64_t>(sizeof(T))];
  use(workspace);
}

template <class T, class Use>
void use_workspace(int64_t size, const Use& use) {
  const int64_t bytes = size * static_cast<int64_t>(sizeof(T));
  if (bytes <= kSmallStackBytes) {
    use_stack<kSmallStackBytes, T>(use);
  } else if (bytes <= kStackBytes) {
    use_stack<kStackBytes, T>(use);
  } else {
    use(AlignedBuffer<T>(size).data());
  }
}

}  // namespace

template <class T>
LAMINA_KEPT_OUT TeamReport Predictor<T>::share_row(int threads, const ArraySource& in, T* out) const {
  TeamReport report;
  PieceQueue queue;
  struct {
    const Step* step;
    const T* in;
    T* out;
  } now{};  // what the queue's pieces are of
  const auto run = [&](int64_t piece) { run_piece(*now.step, piece, now.in, now.out); };
  const auto share = [&](const Step& step, const T* from, T* to) {
    if (step.pieces == 1) return run_dense(step, from, to);
    now = {&step, from, to};
    queue.run(step.pieces, run);
  };
  use_workspace<T>(row_workspace_size(), [&](T* workspace) {
    report = execution_.run_with_helpers(threads, [&](Team& team) {
      if (team.index > 0) return queue.help(run);
      run_steps(in, out, [&](const Place& place) { return workspace + place.offset; }, share);
      queue.close();
    });
  });
  return report;
}

template <class T>
void Predictor<T>::run_row(const ArraySource& in, T* out) const {
  const int threads = row_threads_ > 1 ? std::min(row_threads_, execution_.threads()) : 1;
  const auto alone = [&] {
    use_workspace<T>(row_workspace_size(), [&in, out, this](T* workspace) {
      run_steps(
          in, out, [&](const Place& place) { return workspace + place.offset; },
          [&](const Step& step, const T* from, T* to) { run_dense(step, from, to); });
    });
    return TeamReport();
  };
  if (threads == 1) {
    alone();
    return;
  }
  const double work = static_cast<double>(multiply_adds());
  row_choices_.run(threads, estimated_microseconds(work, sizeof(T) == 8),
                   [&](int chosen) { return chosen > 1 ? share_row(chosen, in, out) : alone(); });
}

template <class T>
void Predictor<T>::predict_row(const T* in, T* out) const {
  run_row(plain_row(in, inputs()), out);
}

template <class T>
void Predictor<T>::predict(const T* in, int64_t rows, T* out, Workspace<T>& workspace) const noexcept {
  if (rows == 1 && network().members() == 1) {
    run_steps(
        plain_row(in, inputs()), out, [&](const Place& place) { return workspace.slot(place.slot).values; },
        [&](const Step& step, const T* from, T* to) { run_dense(step, from, to); });
    return;
  }
  const FlushDenormals flush;
  for (int64_t first = 0; first < rows; first += workspace.rows()) {
    const int64_t count = std::min(workspace.rows(), rows - first);
    const T* from = in + first * inputs();
    if (takes_offset_rows()) {
      ArraySource source = plain_row(from, inputs());
      source.rows = count;
      gather_inputs(network().kernels(), network().row_offset(network().weights()), source, nullptr, 0, count,
                    workspace.input().values, workspace.input().row_stride);
    } else {
      workspace.borrow_input(from, inputs());
    }
    network().forward({.workspace = workspace, .parameters = network().weights(), .rows = count});
    const Slot<T>& output = workspace.output();
    copy_to_user(count, outputs(), output.values, output.row_stride, out + first * outputs(), outputs());
  }
  workspace.restore_input();
}

template <class T>
bool Predictor<T>::predict(const ArraySource& in, T* out, Poll poll) const {
  if (in.rows != 1) return lamina::predict(network(), network().weights(), in, out, poll, execution_);
  check_shape(in, inputs(), 0, "predict");
  if (copies_input_) {
    run_row(in, out);
    return true;
  }
  AlignedBuffer<T> row(padded_columns<T>(inputs()));
  {
    const FlushDenormals flush;  // as in batches
    gather_inputs(network().kernels(), {}, in, nullptr, 0, 1, row.data(), row.size());
  }
  predict_row(row.data(), out);
  return true;
}

template class Predictor<float>;
template class Predictor<double>;

}  // namespace lamina
