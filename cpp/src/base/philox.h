// Philox4x32-10 (Salmon et al., SC'11): four random words for any 128-bit counter, in any order.
#pragma once

#include <stdint.h>

#if defined(_MSC_VER)
#define LAMINA_ALWAYS_INLINE __forceinline
#else
#define LAMINA_ALWAYS_INLINE [[gnu::always_inline]] inline
#endif

// Kept free of the standard library and always inlined, so that the files compiled for one
// instruction set may include it without leaving symbols behind.
namespace lamina {

struct PhiloxKey {
  uint32_t word[2];
};

struct PhiloxBlock {
  uint32_t word[4];
};

LAMINA_ALWAYS_INLINE constexpr PhiloxKey philox_key(uint64_t seed) noexcept {
  return {{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)}};
}

// What a random number is for; numbers of different tags are independent. Values stand in no file,
// but changing one changes what a seed gives.
enum class StreamTag : uint32_t {
  kInitialise = 1,  // id: tensor
  kShuffle = 2,     // step: epoch
  kDropout = 3,     // step: training step, id: layer
  kNoise = 5,       // step: training step, id: layer
  kUser = 6,
  kHoldOut = 7,  // step: lots or rows, id: class
};

// The counter of the block that holds elements 4 * block .. 4 * block + 3:
//   word 0: block, low 32 bits        word 1: step, low 32 bits        word 2: id (layer or tensor)
//   word 3: tag in bits 0..7, block's bits 32..43 in bits 8..19, step's bits 32..43 in bits 20..31.
// So distinct (block < 2^44, step < 2^44, id, tag) never share a counter.
LAMINA_ALWAYS_INLINE constexpr PhiloxBlock philox_counter(uint64_t block, uint64_t step, uint32_t id,
                                                          StreamTag tag) noexcept {
  return {{static_cast<uint32_t>(block), static_cast<uint32_t>(step), id,
           static_cast<uint32_t>(tag) | (static_cast<uint32_t>(block >> 32) & 0xfffu) << 8 |
               (static_cast<uint32_t>(step >> 32) & 0xfffu) << 20}};
}

inline constexpr uint32_t kPhiloxMultiplier[2] = {0xd2511f53u, 0xcd9e8d57u};
inline constexpr uint32_t kPhiloxWeyl[2] = {0x9e3779b9u, 0xbb67ae85u};

LAMINA_ALWAYS_INLINE constexpr PhiloxBlock philox(PhiloxKey key, PhiloxBlock counter) noexcept {
  uint32_t c0 = counter.word[0], c1 = counter.word[1], c2 = counter.word[2], c3 = counter.word[3];
  uint32_t k0 = key.word[0], k1 = key.word[1];
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{kPhiloxMultiplier[0]} * c0;
    const uint64_t p1 = uint64_t{kPhiloxMultiplier[1]} * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(p1);
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(p0);
    k0 += kPhiloxWeyl[0];
    k1 += kPhiloxWeyl[1];
  }
  return {{c0, c1, c2, c3}};
}

}  // namespace lamina
