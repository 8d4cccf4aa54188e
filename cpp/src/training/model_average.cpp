// A model's weights and their average, which trade places.
#include <algorithm>

#include "training/model.h"

namespace lamina {

template <class T>
void Model<T>::follow_average(const WeightAverage<T>* average) {
  const auto training = lock_training();
  followed_ = average;
}

template <class T>
void Model<T>::update_average(WeightAverage<T>& average) {
  const auto training = lock_training();
  average.update(0, 0, network_.flat_size(), network_.weights());
  average.advance(1);
}

template <class T>
void Model<T>::replace_weights(const T* flat) {
  const auto weights = lock_weights();
  std::copy_n(flat, network_.flat_size(), network_.weights());
  network_.mark_weights_changed();
}

template <class T>
bool Model<T>::holds(const WeightAverage<T>& average) const noexcept {
  return std::equal(average.average(), average.average() + network_.flat_size(), network_.weights());
}

template <class T>
void Model<T>::apply_average(WeightAverage<T>& average) {
  const auto training = lock_training();
  const bool held = average.applied() && holds(average);
  if (!average.started() || held) return;
  std::copy_n(network_.weights(), network_.flat_size(), average.training());
  replace_weights(average.average());
  average.set_applied(true);
  if (published()) publish();
}

template <class T>
void Model<T>::resume_training_weights(WeightAverage<T>& average) {
  const auto training = lock_training();
  if (!average.applied()) return;
  if (holds(average))
    replace_weights(average.training());
  else
    average.set_updates(0);
  average.set_applied(false);
  if (published()) publish();
}

#define LAMINA_INSTANTIATE(T)                                            \
  template void Model<T>::follow_average(const WeightAverage<T>*);       \
  template void Model<T>::update_average(WeightAverage<T>&);             \
  template void Model<T>::replace_weights(const T*);                     \
  template bool Model<T>::holds(const WeightAverage<T>&) const noexcept; \
  template void Model<T>::apply_average(WeightAverage<T>&);              \
  template void Model<T>::resume_training_weights(WeightAverage<T>&);
LAMINA_INSTANTIATE(float)
LAMINA_INSTANTIATE(double)
#undef LAMINA_INSTANTIATE

}  // namespace lamina
