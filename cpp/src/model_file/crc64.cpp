// CRC-64/XZ, sixteen bytes a round through sixteen tables.
#include "model_file/crc64.h"

#include <array>
#include <bit>
#include <cstring>

namespace lamina {
namespace {

constexpr std::size_t kSlices = 16;
constexpr std::uint64_t kReflectedPolynomial = 0xC96C5795D7870F42U;

using Table = std::array<std::uint64_t, 256>;
using Tables = std::array<Table, kSlices>;

// tables[s][b] advances byte b over s further zero bytes, so sixteen look-ups are independent.
Tables make_tables() noexcept {
  Tables tables{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    std::uint64_t value = byte;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value >> 1) ^ ((value & 1) != 0 ? kReflectedPolynomial : 0);
    }
    tables[0][byte] = value;
  }
  for (std::size_t slice = 1; slice < kSlices; ++slice) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint64_t value = tables[slice - 1][byte];
      tables[slice][byte] = (value >> 8) ^ tables[0][value & 0xFF];
    }
  }
  return tables;
}

// Made at first use: 32 KB less in the library.
const Tables& all_tables() noexcept {
  static const Tables made = make_tables();
  return made;
}

std::uint64_t load_word(const std::byte* bytes) noexcept {
  static_assert(std::endian::native == std::endian::little, "model files are read as little-endian");
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

std::uint64_t look_up_word(const Tables& tables, std::uint64_t word, std::size_t last_slice) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    value ^= tables[last_slice - i][(word >> (8 * i)) & 0xFF];
  }
  return value;
}

}  // namespace

void Crc64::update(std::span<const std::byte> bytes) noexcept {
  const Tables& tables = all_tables();
  std::uint64_t state = state_;
  while (bytes.size() >= kSlices) {
    state = look_up_word(tables, load_word(bytes.data()) ^ state, kSlices - 1) ^
            look_up_word(tables, load_word(bytes.data() + 8), kSlices - 9);
    bytes = bytes.subspan(kSlices);
  }
  for (const std::byte byte : bytes) {
    state = (state >> 8) ^ tables[0][(state ^ std::to_integer<std::uint64_t>(byte)) & 0xFF];
  }
  state_ = state;
}

}  // namespace lamina
