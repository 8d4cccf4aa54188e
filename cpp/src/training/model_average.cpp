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

template void Model<float>::follow_average(const WeightAverage<float>*);
template void Model<float>::update_average(WeightAverage<float>&);
template void Model<float>::replace_weights(const float*);
template bool Model<float>::holds(const WeightAverage<float>&) const noexcept;
template void Model<float>::apply_average(WeightAverage<float>&);
template void Model<float>::resume_training_weights(WeightAverage<float>&);
template void Model<double>::follow_average(const WeightAverage<double>*);
template void Model<double>::update_average(WeightAverage<double>&);
template void Model<double>::replace_weights(const double*);
template bool Model<double>::holds(const WeightAverage<double>&) const noexcept;
template void Model<double>::apply_average(WeightAverage<double>&);
template void Model<double>::resume_training_weights(WeightAverage<double>&);

}  // namespace lamina
