// A model file: named tensors and one JSON record, as a safetensors file with a checksum over all
// of it.
//
// Layout: 8 bytes little-endian header length; the header, JSON padded with spaces so that the
// payload starts on a multiple of 64; the payload, tensors without gaps. The header opens with
//   {"__metadata__":{"format":"lamina","checksum":"<16 hex
//   digits>","format_version":"1","lamina":"<record>"}
// Checksum: CRC-64/XZ over the whole file with its own digits taken as '0'. These three keys and
// their places hold for every version, so any reader can tell damage from a newer version.
// docs/model_files.md describes the format to the byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lamina {

enum class TensorType : std::uint8_t { kFloat32, kFloat64, kInt64, kUint8, kFloat16, kBfloat16 };

// The version of the format, written as "1" or "1.2". A reader refuses a greater major version; of a greater
// minor version it leaves out what it does not know.
inline constexpr std::uint32_t kFormatMajor = 1, kFormatMinor = 1;

std::size_t element_size(TensorType type) noexcept;
// As numpy has it: "float32".
const char* name_of(TensorType type) noexcept;

struct TensorView {
  std::string name;
  TensorType type;
  std::vector<std::int64_t> shape;
  const void* data;  // row-major; not owned

  std::size_t element_count() const noexcept;
  std::size_t byte_count() const noexcept { return element_count() * element_size(type); }
};

// Tensors point into `storage`, which every copy shares; each is aligned to its element size.
struct ModelFile {
  std::string record;
  std::vector<TensorView> tensors;  // in payload order: larger element types first
  std::shared_ptr<const void> storage;
};

// Tensors with memory of their own, which `storage` keeps; each on 8 bytes.
struct TensorCopies {
  std::vector<TensorView> views;
  std::shared_ptr<const void> storage;
};
TensorCopies copies_of(std::span<const TensorView> tensors);

// Reading believes nothing before the checksum has matched, allocates in proportion to the bytes
// given, and throws Error alone: a SystemError (kNotFound, kIo), kFormat (not a model file, damaged, newer,
// malformed), kMemory.
// `map`: the tensors are pages of the file, which processes share (see OpenFile::map), where the system can.
ModelFile read_model_file(const std::filesystem::path& path, bool map = false);
// The bytes are copied.
ModelFile parse_model_file(std::span<const std::byte> bytes);
// The tensors lie in `bytes` themselves, which must outlive them; copied where they do not start on 8 bytes.
ModelFile view_model_file(std::span<const std::byte> bytes);

// Throws Error kValue where the record is not a JSON object or a tensor has an unfit name or shape.
// Writing replaces `path` in one step (see atomic_write.h). `minor`: the least version that has all that the
// record says; tensors of float16 need 1.
std::vector<std::byte> serialize_model_file(std::string_view record, std::span<const TensorView> tensors,
                                            std::uint32_t minor = 0);
void write_model_file(const std::filesystem::path& path, std::string_view record,
                      std::span<const TensorView> tensors, std::uint32_t minor = 0);

// Puts the right checksum into `file`, which must be at least kChecksumEnd long; fuzzers use it
// too.
inline constexpr std::string_view kHeaderOpening = R"({"__metadata__":{"format":"lamina","checksum":")";
inline constexpr std::size_t kChecksumBegin = 8 + kHeaderOpening.size();
inline constexpr std::size_t kChecksumEnd = kChecksumBegin + 16;
void stamp_checksum(std::span<std::byte> file) noexcept;

}  // namespace lamina
