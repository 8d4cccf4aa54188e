// Runs each member's dense layer over its own rows.
#include "layers/member_heads.h"

#include "base/json.h"

namespace lamina {

namespace {

// The rows of one member.
template <class T>
Slot<T> rows_of(const Slot<T>& slot, int64_t member, int64_t members) noexcept {
  Slot<T> own = slot;
  for (T** buffer : {&own.values, &own.aux, &own.delta})
    if (*buffer != nullptr) *buffer += member * slot.row_stride;
  own.row_stride = members * slot.row_stride;
  return own;
}

// Calls run(member, its part of the pass).
template <class T, class Run>
void for_each_member(const RowPass<T>& pass, int64_t members, Run run) noexcept {
  for (int64_t member = 0; member < members; ++member) {
    const Slot<T> input = rows_of(pass.input, member, members),
                  output = rows_of(pass.output, member, members);
    run(member, RowPass<T>{.kernels = pass.kernels,
                           .parameters = pass.parameters,
                           .transposed = pass.transposed,
                           .input = input,
                           .output = output,
                           .first_row = pass.first_row / members,
                           .rows = pass.rows / members,
                           .training = pass.training,
                           .seed = pass.seed,
                           .step = pass.step,
                           .layer_index = pass.layer_index,
                           .skips_activation = pass.skips_activation,
                           .derivative_applied = pass.derivative_applied,
                           .input_delta_wanted = pass.input_delta_wanted,
                           .input_activation = pass.input_activation});
  }
}

}  // namespace

template <class T>
MemberHeads<T>::MemberHeads(int64_t members, const DenseOptions& options) {
  for (int64_t member = 0; member < members; ++member) heads_.push_back(std::make_unique<Dense<T>>(options));
}

template <class T>
Json MemberHeads<T>::spec() const {
  return heads_.front()->spec();
}

template <class T>
std::unique_ptr<Layer<T>> MemberHeads<T>::unbuilt_copy() const {
  return std::make_unique<MemberHeads>(members(), options());
}

template <class T>
int64_t MemberHeads<T>::build(int64_t inputs, ParameterAllocator& allocator) {
  int64_t outputs = 0;
  for (const auto& head : heads_) outputs = head->build(inputs, allocator);
  return outputs;
}

template <class T>
std::vector<Parameter> MemberHeads<T>::parameters() const {
  std::vector<Parameter> parameters = heads_.front()->parameters();
  for (Parameter& parameter : parameters) parameter = blocks_parameter(parameter, members());
  return parameters;
}

// The nodes behind this one draw nothing, so their numbers are free.
template <class T>
bool MemberHeads<T>::initialize(uint64_t seed, uint32_t layer_index, T* flat, Poll poll) const {
  for (const auto& head : heads_)
    if (!head->initialize(seed, layer_index++, flat, poll)) return false;
  return true;
}

template <class T>
void MemberHeads<T>::forward(const RowPass<T>& pass) const noexcept {
  for_each_member(pass, members(), [&](int64_t member, const RowPass<T>& own) {
    heads_[static_cast<size_t>(member)]->forward(own);
  });
}

template <class T>
void MemberHeads<T>::backward(const RowPass<T>& pass) const noexcept {
  for_each_member(pass, members(), [&](int64_t member, const RowPass<T>& own) {
    heads_[static_cast<size_t>(member)]->backward(own);
  });
}

template <class T>
int MemberHeads<T>::gradient_task_count(int64_t inputs_per_task) const noexcept {
  return static_cast<int>(members()) * heads_.front()->gradient_task_count(inputs_per_task);
}

template <class T>
void MemberHeads<T>::run_gradient_task(int task, int64_t inputs_per_task, int first_parameter,
                                       const GradientPass<T>& pass) const noexcept {
  const int tasks = heads_.front()->gradient_task_count(inputs_per_task), member = task / tasks;
  const Slot<T> input = rows_of(pass.input, member, members()),
                output = rows_of(pass.output, member, members());
  heads_[static_cast<size_t>(member)]->run_gradient_task(task % tasks, inputs_per_task, first_parameter,
                                                         {.kernels = pass.kernels,
                                                          .input = input,
                                                          .output = output,
                                                          .batch_rows = pass.batch_rows / members(),
                                                          .parameters = pass.parameters,
                                                          .transposed = pass.transposed,
                                                          .transposed_wanted = pass.transposed_wanted,
                                                          .gradients = pass.gradients,
                                                          .compute = pass.compute,
                                                          .penalty_factor = pass.penalty_factor,
                                                          .updater = pass.updater,
                                                          .scratch = pass.scratch,
                                                          .fetch_ahead = pass.fetch_ahead});
}

template <class T>
void MemberHeads<T>::refresh_transposed(const kernels::KernelTable<T>& table, const T* parameters,
                                        T* transposed) const noexcept {
  for (const auto& head : heads_) head->refresh_transposed(table, parameters, transposed);
}

template class MemberHeads<float>;
template class MemberHeads<double>;

}  // namespace lamina
