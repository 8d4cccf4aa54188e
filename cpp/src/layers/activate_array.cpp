// Shares arrays out among threads; what is not aligned passes through scratch, piece by piece.
#include "layers/activate_array.h"

#include <algorithm>
#include <cstring>

#include "base/arena.h"
#include "base/layout.h"
#include "base/thread_pool.h"

namespace lamina {

namespace {

// Elements of a piece that passes through scratch, unless a row is longer.
constexpr int64_t kPiece = 2048;

// [rows, columns] from element `offset` of the arrays on.
struct Piece {
  int64_t offset, rows, columns;
};

bool is_aligned(const void* p) noexcept { return reinterpret_cast<uintptr_t>(p) % kAlignment == 0; }

// A piece of one array as a padded block for the kernels: in place where it can be, else a copy in scratch.
template <class T>
class Block {
 public:
  Block(T* array, const Piece& piece, T* scratch, bool anywhere = false) noexcept
      : user_(array + piece.offset), piece_(piece) {
    in_place_ = (anywhere || is_aligned(user_)) && padded_columns<T>(piece.columns) == piece.columns;
    data_ = in_place_ ? user_ : scratch;
  }
  T* data() const noexcept { return data_; }
  bool in_place() const noexcept { return in_place_; }
  int64_t stride() const noexcept { return padded_columns<T>(piece_.columns); }
  void fill(const T* from) const noexcept {
    for (int64_t i = 0; i < piece_.rows; ++i)
      std::memcpy(data_ + i * stride(), from + i * piece_.columns, bytes());
  }
  void finish() const noexcept {
    for (int64_t i = 0; !in_place_ && i < piece_.rows; ++i)
      std::memcpy(user_ + i * piece_.columns, data_ + i * stride(), bytes());
  }

 private:
  size_t bytes() const noexcept { return static_cast<size_t>(piece_.columns) * sizeof(T); }
  T* user_;
  T* data_;
  Piece piece_;
  bool in_place_;
};

// Calls work(piece, scratch) for every piece of the arrays, of which `out` is written; scratch holds two
// blocks.
template <class T, class Work>
void for_each_piece(const ActivationArrays<T>& arrays, const T* out, int threads, Work work) {
  const int64_t total = arrays.rows * arrays.columns;
  if (total == 0) return;
  // Elementwise, the array is one long row.
  const bool by_row = !arrays.activation.is_elementwise();
  const int64_t columns = by_row ? arrays.columns : std::min(kPiece, total);
  const int64_t rows = by_row ? std::clamp<int64_t>(kPiece / columns, 1, arrays.rows) : 1;
  const int64_t size = rows * columns, pieces = (total + size - 1) / size;
  const int64_t scratch_size = 2 * rows * padded_columns<T>(columns);
  const int team_size = static_cast<int>(std::clamp<int64_t>(pieces / 8, 1, threads));
  AlignedBuffer<T> scratch(team_size * scratch_size);
  run_team(team_size, [&](Team& team) {
    const Team::Range own = team.share(pieces);
    const int64_t end = std::min(own.last * size, total);
    for (int64_t first = own.first * size, count; first < end; first += count) {
      const int64_t left = end - first, whole = left - left % padded_columns<T>(1);
      // Where nothing passes through scratch, one piece takes all that is left but an incomplete vector.
      count = !by_row && is_aligned(out) && whole > 0 ? whole : std::min(size, left);
      const Piece piece = by_row ? Piece{first, count / columns, columns} : Piece{first, 1, count};
      work(piece, scratch.data() + team.index * scratch_size);
    }
  });
}

// What the kernels read from without a copy; the identity has none.
template <class T>
const T* source_for(const Block<T>& block, const ActivationSpec& spec, const T* from) noexcept {
  return block.in_place() && !spec.is_identity() ? from : nullptr;
}

}  // namespace

template <class T>
void activate_array(const ActivationArrays<T>& arrays, const T* x, T* y, T* derivative, int threads) {
  for_each_piece(arrays, y, threads, [&](const Piece& piece, T* scratch) {
    const Block<T> values(y, piece, scratch);
    const T* source = source_for(values, arrays.activation, x + piece.offset);
    if (source == nullptr) values.fill(x + piece.offset);
    const Block<T> slopes(derivative != nullptr ? derivative : y, piece,
                          scratch + piece.rows * values.stride());
    apply_activation(arrays.kernels, arrays.activation, piece.rows, piece.columns, values.data(),
                     values.stride(), derivative != nullptr ? slopes.data() : nullptr, values.stride(),
                     source);
    if (derivative != nullptr) slopes.finish();
    values.finish();
  });
}

template <class T>
void activation_gradient_array(const ActivationArrays<T>& arrays, const T* saved, const T* dy, T* dx,
                               int threads) {
  const ActivationSpec& spec = arrays.activation;
  for_each_piece(arrays, dx, threads, [&](const Piece& piece, T* scratch) {
    const Block<T> delta(dx, piece, scratch);
    const T* source = source_for(delta, spec, dy + piece.offset);
    if (source == nullptr) delta.fill(dy + piece.offset);
    // Only read, but a block may have to be a padded copy.
    const Block<T> kept(const_cast<T*>(saved), piece, scratch + piece.rows * delta.stride(),
                        spec.is_elementwise());
    if (!kept.in_place()) kept.fill(saved + piece.offset);
    if (spec.gradient_source() == kernels::GradientSource::kInput) {
      arrays.kernels.activation_backward_from_z[static_cast<int>(spec.function)](
          {piece.rows, kept.stride(), delta.data(), delta.stride(), kept.data(), kept.stride(),
           static_cast<T>(spec.parameter), source});
    } else {
      apply_activation_backward(arrays.kernels, spec, piece.rows, piece.columns, kept.data(), kept.data(),
                                kept.stride(), delta.data(), delta.stride(), source);
    }
    delta.finish();
  });
}

template void activate_array(const ActivationArrays<float>&, const float*, float*, float*, int);
template void activate_array(const ActivationArrays<double>&, const double*, double*, double*, int);
template void activation_gradient_array(const ActivationArrays<float>&, const float*, const float*, float*,
                                        int);
template void activation_gradient_array(const ActivationArrays<double>&, const double*, const double*,
                                        double*, int);

}  // namespace lamina
