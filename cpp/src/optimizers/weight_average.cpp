// An average of a network's weights along its training.
#include "optimizers/weight_average.h"

#include <algorithm>

namespace lamina {

template <class T>
void WeightAverage<T>::update(int64_t ahead, int64_t first, int64_t last, const T* weights) noexcept {
  const int64_t k = updates_ + ahead + 1 - options_.start;  // 1: the first that counts
  if (k < 1) return;
  if (k == 1) {
    std::copy(weights + first, weights + last, average_.data() + first);
    return;
  }
  const double rest = 1.0 - options_.decay, equal = 1.0 / static_cast<double>(k);
  const double share = options_.warm_up || options_.decay == 1.0 ? std::max(rest, equal) : rest;
  table_.average_values(last - first, static_cast<T>(share), weights + first, average_.data() + first);
}

template class WeightAverage<float>;
template class WeightAverage<double>;

}  // namespace lamina
