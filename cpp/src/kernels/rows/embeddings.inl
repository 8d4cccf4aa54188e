// Columns that become several: categories by a table, numbers by their place among edges or by waves.
#pragma once

#include "kernels/rows/column_encoding.inl"

namespace lamina::kernels {
namespace {

// Calls visit(column, elements) for each vector of a row of `units` elements.
template <class T, class Visit>
LAMINA_INLINE void each_vector(int64_t units, Visit visit) {
  for (int64_t u = 0; u < units; u += Vec<T>::kLanes) visit(u, units - u);
}

template <class T>
void gather_table_rows(const GatherTableRows<T>& job) noexcept {
  const int64_t stride = padded_columns<T>(job.units);
  for (int64_t r = 0; r < job.rows; ++r) {
    const T* from = job.table + place_of_code(job.x[r * job.x_row_stride], job.count) * stride;
    T* to = job.y + r * job.y_row_stride;
    each_vector<T>(job.units, [&](int64_t u, int64_t left) { store_up_to(to + u, load(from + u), left); });
  }
}

template <class T>
void sum_table_rows(const SumTableRows<T>& job) noexcept {
  const int64_t stride = padded_columns<T>(job.units);
  for (int64_t r = 0; r < job.rows; ++r) {
    const int64_t row = place_of_code(job.x[r * job.x_row_stride], job.count);
    if (row < job.first || row >= job.last) continue;
    const T* dy = job.dy + r * job.dy_row_stride;
    T* sum = job.sums + (row - job.first) * stride;
    const int64_t bit = job.first_bit + row - job.first;
    uint64_t& word = job.named[bit / 64];
    const uint64_t mask = uint64_t{1} << (bit % 64);
    const bool goes_on = (word & mask) != 0;
    word |= mask;
    each_vector<T>(stride, [&](int64_t u, int64_t) {
      const Vec<T> value = u < job.units ? load_up_to(dy + u, job.units - u) : zero<T>();
      store(sum + u, (goes_on ? load(sum + u) : zero<T>()) + value);
    });
  }
}

// Where numbers lie among a column's edges.
template <class T>
struct BinPlaces {
  static constexpr int64_t kRows = 64;
  int bin[kRows];  // -1: missing
  T share[kRows];  // of the way through the bin
  int last = -1;   // of the bins above
};

template <class T>
LAMINA_INLINE int find_bin(const Piecewise<T>& job, T x) {
  // The number of inner edges that x has reached.
  int64_t low = 0, count = job.bins - 1;
  while (count > 0) {
    const int64_t half = (count + 1) / 2;
    const bool above = job.edges[low + half] <= x;
    low = above ? low + half : low;
    count = above ? count - half : half - 1;
  }
  return static_cast<int>(low);
}

template <class T>
LAMINA_INLINE BinPlaces<T> find_bins(const Piecewise<T>& job, int64_t first, int64_t rows) {
  BinPlaces<T> places;
  for (int64_t r = 0; r < rows; ++r) {
    const T x = job.x[(first + r) * job.x_row_stride];
    places.bin[r] = -1;
    places.share[r] = T(0);
    if (x != x) continue;
    const int k = find_bin(job, x);
    const T width = job.edges[k + 1] - job.edges[k];
    places.bin[r] = k;
    places.share[r] = width > T(0) ? (x - job.edges[k]) / width : x < job.edges[k] ? T(0) : T(1);
    places.last = k > places.last ? k : places.last;
  }
  return places;
}

// Calls visit(first row, rows, their places) for stretches of rows.
template <class T, class Visit>
LAMINA_INLINE void each_stretch(const Piecewise<T>& job, Visit visit) {
  for (int64_t first = 0; first < job.rows; first += BinPlaces<T>::kRows) {
    const int64_t rows = smaller(BinPlaces<T>::kRows, job.rows - first);
    visit(first, rows, find_bins(job, first, rows));
  }
}

// A row reads the sum of all weights of the bins below its own at once.
template <class T>
void piecewise_forward(const Piecewise<T>& job) noexcept {
  const int64_t stride = padded_columns<T>(job.units);
  alignas(64) T below[kMostBins * Vec<T>::kLanes];
  each_stretch(job, [&](int64_t first, int64_t rows, const BinPlaces<T>& places) {
    each_vector<T>(job.units, [&](int64_t u, int64_t left) {
      Vec<T> sum = load(job.bias + u);
      for (int k = 0; k <= places.last; ++k) {
        store(below + k * Vec<T>::kLanes, sum);
        sum = sum + load(job.weight + k * stride + u);
      }
      for (int64_t r = 0; r < rows; ++r) {
        Vec<T> value = zero<T>();
        if (const int k = places.bin[r]; k >= 0) {
          value = fma(broadcast<T>(places.share[r]), load(job.weight + k * stride + u),
                      load(below + k * Vec<T>::kLanes));
          if (job.slope != nullptr)
            value = fma(broadcast<T>(job.x[(first + r) * job.x_row_stride]), load(job.slope + u), value);
        }
        if (job.relu) value = max(zero<T>(), value);
        store_up_to(job.y + (first + r) * job.y_row_stride + u, value, left);
      }
    });
  });
}

// dy of a row's outputs [u, u + left), 0 where the relu stopped them.
template <class T>
LAMINA_INLINE Vec<T> piecewise_delta(const Piecewise<T>& job, const T* dy, int64_t dy_row_stride, int64_t row,
                                     int64_t u, int64_t left) {
  const Vec<T> delta = load_up_to(dy + row * dy_row_stride + u, left);
  if (!job.relu) return delta;
  return select(gt(load_up_to(job.y + row * job.y_row_stride + u, left), zero<T>()), delta, zero<T>());
}

template <class T>
void piecewise_backward(const PiecewiseBackward<T>& job) noexcept {
  const Piecewise<T>& forward = job.forward;
  const int64_t stride = padded_columns<T>(forward.units);
  each_stretch(forward, [&](int64_t first, int64_t rows, const BinPlaces<T>& places) {
    for (int64_t r = 0; r < rows; ++r) {
      const int k = places.bin[r];
      Vec<T> steep = zero<T>(), even = zero<T>();
      if (k >= 0)
        each_vector<T>(forward.units, [&](int64_t u, int64_t left) {
          const Vec<T> delta = piecewise_delta(forward, job.dy, job.dy_row_stride, first + r, u, left);
          steep = fma(delta, load(forward.weight + k * stride + u), steep);
          if (forward.slope != nullptr) even = fma(delta, load(forward.slope + u), even);
        });
      const T width = k < 0 ? T(0) : forward.edges[k + 1] - forward.edges[k];
      const T through = width > T(0) ? reduce_add(steep) / width : T(0);
      job.dx[(first + r) * job.dx_row_stride] = through + reduce_add(even);
    }
  });
}

// A weight's gradient is that of its own bin, by shares, and the whole of the rows in bins above.
template <class T>
void piecewise_gradients(const PiecewiseGradients<T>& job) noexcept {
  const Piecewise<T>& forward = job.forward;
  const int64_t stride = padded_columns<T>(forward.units);
  for (int64_t i = 0; i < forward.bins * stride; i += Vec<T>::kLanes) {
    store(job.weight + i, zero<T>());
    store(job.memory + i, zero<T>());
  }
  each_vector<T>(stride, [&](int64_t u, int64_t) {
    if (job.slope != nullptr) store(job.slope + u, zero<T>());
  });
  each_stretch(forward, [&](int64_t first, int64_t rows, const BinPlaces<T>& places) {
    for (int64_t r = 0; r < rows; ++r) {
      const int k = places.bin[r];
      if (k < 0) continue;
      each_vector<T>(forward.units, [&](int64_t u, int64_t left) {
        const Vec<T> delta = piecewise_delta(forward, job.dy, job.dy_row_stride, first + r, u, left);
        T *own = job.weight + k * stride + u, *whole = job.memory + k * stride + u;
        store(own, fma(broadcast<T>(places.share[r]), delta, load(own)));
        store(whole, load(whole) + delta);
        if (job.slope == nullptr) return;
        const Vec<T> x = broadcast<T>(forward.x[(first + r) * forward.x_row_stride]);
        store(job.slope + u, fma(x, delta, load(job.slope + u)));
      });
    }
  });
  each_vector<T>(stride, [&](int64_t u, int64_t) {
    Vec<T> above = zero<T>();
    for (int64_t k = forward.bins - 1; k >= 0; --k) {
      T* own = job.weight + k * stride + u;
      store(own, load(own) + above);
      above = above + load(job.memory + k * stride + u);
    }
    store(job.bias + u, above);
  });
}

template <class T>
LAMINA_INLINE T present_or_zero(T x) {
  return x != x ? T(0) : x;
}

template <class T>
void waves_forward(const Waves<T>& job) noexcept {
  each_vector<T>(job.count, [&](int64_t i, int64_t left) {
    const Vec<T> rate = load_up_to(job.frequencies + i, left) * broadcast<T>(static_cast<T>(kTwoPi));
    const Vec<T> phase = job.phases == nullptr ? zero<T>() : load_up_to(job.phases + i, left);
    for (int64_t r = 0; r < job.rows; ++r) {
      const Vec<T> x = broadcast<T>(present_or_zero(job.x[r * job.x_row_stride]));
      Vec<T> sine, cosine;
      sin_cos(fma(rate, x, phase), sine, cosine);
      T* out = job.waves + r * job.wave_row_stride + i;
      store_up_to(out, cosine, left);
      store_up_to(out + job.count, sine, left);
    }
  });
}

// What reaches the angles of a row's waves [i, i + left).
template <class T, class Job>
LAMINA_INLINE Vec<T> angle_delta(const Job& job, int64_t row, int64_t i, int64_t left) {
  const T* waves = job.forward.waves + row * job.forward.wave_row_stride + i;
  const T* deltas = job.deltas + row * job.delta_row_stride + i;
  const int64_t count = job.forward.count;
  const Vec<T> cosines =
      job.cosines_only ? zero<T>() : load_up_to(waves, left) * load_up_to(deltas + count, left);
  return fnma(load_up_to(waves + count, left), load_up_to(deltas, left), cosines);
}

template <class T>
void waves_backward(const WavesBackward<T>& job) noexcept {
  const Waves<T>& forward = job.forward;
  for (int64_t r = 0; r < forward.rows; ++r) {
    const T x = forward.x[r * forward.x_row_stride];
    Vec<T> sum = zero<T>();
    each_vector<T>(forward.count, [&](int64_t i, int64_t left) {
      const Vec<T> rate = load_up_to(forward.frequencies + i, left) * broadcast<T>(static_cast<T>(kTwoPi));
      sum = fma(rate, angle_delta<T>(job, r, i, left), sum);
    });
    job.dx[r * job.dx_row_stride] = x != x ? T(0) : reduce_add(sum);
  }
}

template <class T>
void waves_gradients(const WavesGradients<T>& job) noexcept {
  const Waves<T>& forward = job.forward;
  each_vector<T>(forward.count, [&](int64_t i, int64_t left) {
    Vec<T> rates = zero<T>(), phases = zero<T>();
    for (int64_t r = 0; r < forward.rows; ++r) {
      const Vec<T> delta = angle_delta<T>(job, r, i, left);
      rates = fma(broadcast<T>(present_or_zero(forward.x[r * forward.x_row_stride])), delta, rates);
      phases = phases + delta;
    }
    store(job.frequencies + i, fma(rates, broadcast<T>(static_cast<T>(kTwoPi)), load(job.frequencies + i)));
    if (job.phases != nullptr) store(job.phases + i, load(job.phases + i) + phases);
  });
}

template <class T>
constexpr void enter_embeddings(KernelTable<T>& table) {
  table.gather_table_rows = &gather_table_rows<T>;
  table.sum_table_rows = &sum_table_rows<T>;
  table.piecewise_forward = &piecewise_forward<T>;
  table.piecewise_backward = &piecewise_backward<T>;
  table.piecewise_gradients = &piecewise_gradients<T>;
  table.waves_forward = &waves_forward<T>;
  table.waves_backward = &waves_backward<T>;
  table.waves_gradients = &waves_gradients<T>;
}

}  // namespace
}  // namespace lamina::kernels
