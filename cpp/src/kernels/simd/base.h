// What the header of each instruction set starts from: integer types, inlining, and the vector templates.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(_MSC_VER) && !defined(__clang__)
#define LAMINA_INLINE __forceinline
#define LAMINA_NOINLINE __declspec(noinline)
#else
#define LAMINA_INLINE inline __attribute__((always_inline))
#define LAMINA_NOINLINE __attribute__((noinline))
#endif

namespace lamina::kernels {
namespace {

template <class T>
struct Vec;  // kLanes elements of T
template <class T>
struct Mask;  // one truth value a lane
template <class T>
struct Bits;  // the lanes as unsigned integers of the same size

template <class T>
constexpr bool kIsFloat = sizeof(T) == sizeof(float);

// Ahead of a store: takes the line away from other cores at once.
LAMINA_INLINE void prefetch_to_write(const void* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p, 1);
#else
  (void)p;
#endif
}
LAMINA_INLINE void prefetch(const void* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p);
#else
  (void)p;
#endif
}

// Into the second-level cache alone.
LAMINA_INLINE void prefetch_far(const void* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p, 0, 2);
#else
  (void)p;
#endif
}

// 0, 1, ..., N - 1 as a template pack, to unroll by fold expressions.
template <int... I>
struct Indices {};
template <int N, int... I>
struct MakeIndices : MakeIndices<N - 1, N - 1, I...> {};
template <int... I>
struct MakeIndices<0, I...> {
  using Type = Indices<I...>;
};
template <int N>
using IndicesTo = typename MakeIndices<N>::Type;

}  // namespace
}  // namespace lamina::kernels
