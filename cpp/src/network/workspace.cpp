// Lays out the buffers of a pass in one allocation.
#include "network/workspace.h"

namespace lamina {

template <class T>
Workspace<T>::Workspace(const Network<T>& network, int64_t rows, WorkspaceUse use, bool sparse)
    : rows_(rows), use_(use) {
  if (sparse) sparse_ = std::make_unique<SparseInput<T>>(rows);
  const bool training = use == WorkspaceUse::kTraining;
  slots_.resize(network.slot_columns().size());
  arena_.lay_out([&](Arena& arena) {
    for (size_t i = 0; i < slots_.size(); ++i) {
      Slot<T>& slot = slots_[i];
      slot.columns = network.slot_columns()[i];
      slot.row_stride = row_stride_for<T>(slot.columns);
      if (sparse && i == 0) continue;
      const int64_t elements = rows * network.slot_rows(static_cast<int>(i)) * slot.row_stride;
      const auto root = static_cast<size_t>(network.slot_root(static_cast<int>(i)));
      slot.values = root == i ? arena.take<T>(elements) : slots_[root].values;
      if (!training) continue;
      slot.delta = arena.take<T>(elements);
      if (const int64_t size = network.slot_statistics_size(static_cast<int>(i)); size > 0)
        slot.statistics = arena.take<T>(size);
      if (network.slot_stores_aux(static_cast<int>(i))) slot.aux = arena.take<T>(elements);
    }
  });
  if (sparse) slots_.front().sparse = &sparse_->rows();
  own_input_ = slots_.front();
  for (size_t i = 0; i < slots_.size(); ++i) slot_rows_.push_back(network.slot_rows(static_cast<int>(i)));
  for (size_t i = 0; i < slots_.size(); ++i)
    if (network.slot_root(static_cast<int>(i)) == 0) input_slots_.push_back(i);
}

template <class T>
void Workspace<T>::borrow_input(const T* values, int64_t row_stride) noexcept {
  // Only read through: layers never write their input's values.
  show_input(const_cast<T*>(values), row_stride, false);
}

template <class T>
void Workspace<T>::show_input(T* values, int64_t row_stride, bool padded) noexcept {
  for (const size_t i : input_slots_) {
    slots_[i].values = values;
    slots_[i].row_stride = row_stride;
    slots_[i].padded = padded;
  }
}

template <class T>
void Workspace<T>::view_row(const Workspace& other, int64_t row) noexcept {
  for (size_t i = 0; i < slots_.size(); ++i) {
    slots_[i] = other.slots_[i];
    const int64_t offset = row * slot_rows_[i] * slots_[i].row_stride;
    for (T** buffer : {&slots_[i].values, &slots_[i].aux, &slots_[i].delta})
      if (*buffer != nullptr) *buffer += offset;
  }
}

template class Workspace<float>;
template class Workspace<double>;

}  // namespace lamina
