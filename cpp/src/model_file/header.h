// The JSON header of a model file: formatting, strict parsing and the check that it covers the
// payload exactly.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model_file/model_file.h"

namespace lamina {

inline constexpr std::size_t kLargestHeader = std::size_t{16} << 20;
inline constexpr std::size_t kHighestRank = 8;
inline constexpr std::size_t kPayloadAlignment = 64;
inline constexpr std::string_view kMetadataKey = "__metadata__";

struct HeaderTensor {
  std::string name;
  TensorType type = TensorType::kFloat32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  // within the payload
  std::uint64_t end = 0;
};

struct Header {
  std::string record;
  std::vector<HeaderTensor> tensors;  // by place in the payload
};

// A name that two of the tensors share, if any.
template <class Tensor>
std::optional<std::string> repeated_name(std::span<const Tensor> tensors) {
  std::vector<std::string_view> names;
  names.reserve(tensors.size());
  for (const Tensor& tensor : tensors) names.emplace_back(tensor.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return std::nullopt;
  return std::string(*twice);
}

// Bytes of a tensor; false where a size is negative or the product leaves 63 bits.
bool checked_byte_count(TensorType type, std::span<const std::int64_t> shape, std::uint64_t& bytes) noexcept;

// The header's text with a checksum of zeros, padded for the payload's alignment.
// Throws Error kValue where a name is not UTF-8; the record is checked JSON.
std::string format_header(std::string_view record, std::span<const HeaderTensor> tensors,
                          std::uint32_t minor);

// Throws Error kFormat, its sentence opening with `source`. `newer`: the file's minor version is, so unknown
// keys of the metadata are left out.
Header parse_header(std::string_view text, std::uint64_t payload_bytes, bool newer,
                    const std::string& source);

}  // namespace lamina
