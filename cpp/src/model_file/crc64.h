// CRC-64/XZ: the checksum of a model file; any burst of up to 64 changed bits is detected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace lamina {

class Crc64 {
 public:
  void update(std::span<const std::byte> bytes) noexcept;
  std::uint64_t value() const noexcept { return ~state_; }

 private:
  std::uint64_t state_ = ~std::uint64_t{0};
};

}  // namespace lamina
