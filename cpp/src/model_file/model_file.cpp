// Reads and writes model files: recognise, checksum, header, then views into one owned buffer.
#include "model_file/model_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <numeric>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "model_file/atomic_write.h"
#include "model_file/crc64.h"
#include "model_file/file_bytes.h"
#include "model_file/header.h"
#include "model_file/in_quotes.h"
#include "model_file/record.h"

namespace lamina {
namespace {

namespace fs = std::filesystem;
using Kind = Error::Kind;

constexpr std::size_t kLengthBytes = sizeof(std::uint64_t);
constexpr std::size_t kRecogniseBytes = 4096;  // enough to tell what a file is before reading all of it
constexpr const char* kInMemory = "model data";
constexpr std::string_view kVersionOpening = R"(","format_version":")";

std::string_view as_text(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint64_t header_length(std::span<const std::byte> bytes) noexcept {
  std::uint64_t length;
  std::memcpy(&length, bytes.data(), sizeof length);
  return length;
}

std::array<char, 16> checksum_digits(std::span<const std::byte> file) noexcept {
  std::array<std::byte, 16> zeros;
  zeros.fill(std::byte{'0'});
  Crc64 crc;
  crc.update(file.first(kChecksumBegin));
  crc.update(zeros);
  crc.update(file.subspan(kChecksumEnd));
  std::array<char, 16> digits;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    digits[i] = "0123456789abcdef"[(crc.value() >> (60 - 4 * i)) & 0xF];
  }
  return digits;
}

[[noreturn]] void refuse(std::string_view source, TextParts sentence) {
  throw_error(Kind::kFormat, {source, ": ", sentence});
}

// Throws unless `head`, the file's first bytes, opens as a model file does and can hold the header
// it announces.
void recognise(std::span<const std::byte> head, std::uint64_t file_bytes, const std::string& source) {
  const std::string size_text = concat({file_bytes, " bytes"});
  if (file_bytes == 0) refuse(source, {"not a lamina model: it is empty"});
  if (head.size() < kChecksumEnd) refuse(source, {"not a lamina model, or cut off: it has only ", size_text});
  const std::string_view text = as_text(head.subspan(kLengthBytes));
  if (!text.starts_with(kHeaderOpening)) {
    if (text.find(R"("format":"lamina")") != std::string_view::npos) {
      refuse(source, {"not a lamina model as lamina writes it: another program has rewritten its header; "
                      "take the original file"});
    }
    if (text.starts_with('{') && text.find("\"data_offsets\"") != std::string_view::npos) {
      refuse(source, {"not a lamina model: a safetensors file that holds tensors but no network; "
                      "build the network "
                      "and set its parameters from these tensors"});
    }
    refuse(source, {"not a lamina model: expected a file saved by lamina, got other data"});
  }
  const std::uint64_t length = header_length(head);
  if (length > kLargestHeader) refuse(source, {"damaged: its header length is beyond 16 MB"});
  if (length > file_bytes - kLengthBytes) {
    refuse(source, {"damaged or cut off: its header needs ", length, " bytes, the file has ", size_text});
  }
  if (length < kChecksumEnd - kLengthBytes) refuse(source, {"damaged: its header ends within the checksum"});
}

// A whole number without leading zeros at the start of `text`, which is taken off; nothing where there is
// none.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  const std::string_view digits = text.substr(0, text.find_first_not_of("0123456789"));
  if (digits.empty() || digits.size() > 9 || (digits.size() > 1 && digits.front() == '0'))
    return std::nullopt;
  text.remove_prefix(digits.size());
  return static_cast<std::uint32_t>(std::stoul(std::string(digits)));
}

// Refuses a newer major version, and says whether the minor version is newer.
bool check_version(std::string_view header, const std::string& source) {
  header.remove_prefix(kChecksumEnd - kLengthBytes);
  if (!header.starts_with(kVersionOpening)) refuse(source, {"malformed header: expected format_version"});
  header.remove_prefix(kVersionOpening.size());
  const std::string_view written = header.substr(0, header.find('"'));
  const std::optional<std::uint32_t> major = take_number(header);
  std::optional<std::uint32_t> minor = 0;
  if (header.starts_with('.')) {
    header.remove_prefix(1);
    minor = take_number(header);
  }
  if (!major || *major == 0 || !minor || !header.starts_with('"'))
    refuse(source, {"malformed header: expected format_version as two numbers such as 1.2, got ",
                    in_quotes(written)});
  if (*major > kFormatMajor) {
    refuse(source, {"written by a newer lamina (format ", written, "); this one reads up to ", kFormatMajor,
                    ", of any minor version: upgrade lamina"});
  }
  return *minor > kFormatMinor;
}

void check_checksum(std::span<const std::byte> bytes, const std::string& source) {
  const std::array<char, 16> digits = checksum_digits(bytes);
  const std::string_view expected(digits.data(), digits.size());
  const std::string_view found = as_text(bytes.subspan(kChecksumBegin, digits.size()));
  if (found == expected) return;
  refuse(source, {"damaged or cut off: the checksum over its ", bytes.size(), " bytes is ", expected,
                  ", the file says ", in_quotes(found), "; copy or download it again"});
}

ModelFile parse_checked(FileBytes file, const std::string& source) {
  const std::span<const std::byte> bytes = file.bytes;
  const std::string_view header_text = as_text(bytes.subspan(kLengthBytes, header_length(bytes)));
  const bool newer = check_version(header_text, source);
  const std::span<const std::byte> payload = bytes.subspan(kLengthBytes + header_text.size());
  if ((bytes.size() - payload.size()) % kPayloadAlignment != 0)
    refuse(source, {"malformed header: not padded to 64"});
  Header header = parse_header(header_text, payload.size(), newer, source);

  ModelFile model{std::move(header.record), {}, std::move(file.owner)};
  model.tensors.reserve(header.tensors.size());
  for (HeaderTensor& tensor : header.tensors) {
    model.tensors.push_back(
        {std::move(tensor.name), tensor.type, std::move(tensor.shape), payload.data() + tensor.begin});
  }
  return model;
}

ModelFile parse(FileBytes file, const std::string& source) {
  const std::size_t size = file.bytes.size();
  recognise(file.bytes.first(std::min(size, kRecogniseBytes)), size, source);
  check_checksum(file.bytes, source);
  try {
    return parse_checked(std::move(file), source);
  } catch (const std::bad_alloc&) {
    throw_error(Kind::kMemory, {source, ": not enough memory for its ", size, " bytes"});
  }
}

// Larger element types first, so that each tensor is aligned; the caller's order within a type's
// size.
std::vector<std::size_t> payload_order(std::span<const TensorView> tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return element_size(tensors[a].type) > element_size(tensors[b].type);
  });
  return order;
}

std::vector<HeaderTensor> place(std::span<const TensorView> tensors, std::span<const std::size_t> order) {
  std::vector<HeaderTensor> placed;
  placed.reserve(tensors.size());
  std::uint64_t end = 0;
  for (const std::size_t index : order) {
    const TensorView& tensor = tensors[index];
    const std::string where = concat({"model file: tensor ", in_quotes(tensor.name), ": "});
    std::uint64_t bytes = 0;
    if (tensor.name == kMetadataKey) throw_error(Kind::kValue, {where, "this name is reserved"});
    if (tensor.shape.size() > kHighestRank) throw_error(Kind::kValue, {where, "more than 8 dimensions"});
    if (!checked_byte_count(tensor.type, tensor.shape, bytes))
      throw_error(Kind::kValue, {where, "unfit shape"});
    placed.push_back({tensor.name, tensor.type, tensor.shape, end, end + bytes});
    end += bytes;
  }
  return placed;
}

}  // namespace

std::size_t element_size(TensorType type) noexcept {
  switch (type) {
    case TensorType::kFloat64:
    case TensorType::kInt64:
      return 8;
    case TensorType::kFloat32:
      return 4;
    case TensorType::kFloat16:
    case TensorType::kBfloat16:
      return 2;
    case TensorType::kUint8:
      break;
  }
  return 1;
}

const char* name_of(TensorType type) noexcept {
  constexpr std::array kNames{"float32", "float64", "int64", "uint8", "float16", "bfloat16"};
  return kNames[static_cast<std::size_t>(type)];
}

TensorCopies copies_of(std::span<const TensorView> tensors) {
  const auto room = [](const TensorView& tensor) { return (tensor.byte_count() + 7) / 8 * 8; };
  std::size_t size = 0;
  for (const TensorView& tensor : tensors) size += room(tensor);
  NewBytes memory = new_bytes(size, "tensors of a model file");
  std::vector<TensorView> views(tensors.begin(), tensors.end());
  std::byte* next = memory.bytes.data();
  for (TensorView& view : views) {
    if (view.byte_count() > 0) std::memcpy(next, view.data, view.byte_count());
    view.data = next;
    next += room(view);
  }
  return {std::move(views), std::move(memory.owner)};
}

std::size_t TensorView::element_count() const noexcept {
  return std::accumulate(
      shape.begin(), shape.end(), std::size_t{1},
      [](std::size_t count, std::int64_t size) { return count * static_cast<std::size_t>(size); });
}

void stamp_checksum(std::span<std::byte> file) noexcept {
  const std::array<char, 16> digits = checksum_digits(file);
  std::memcpy(file.data() + kChecksumBegin, digits.data(), digits.size());
}

ModelFile parse_model_file(std::span<const std::byte> bytes) {
  recognise(bytes.first(std::min(bytes.size(), kRecogniseBytes)), bytes.size(), kInMemory);
  NewBytes copy = new_bytes(bytes.size(), kInMemory);
  std::memcpy(copy.bytes.data(), bytes.data(), bytes.size());
  return parse({copy.bytes, std::move(copy.owner)}, kInMemory);
}

ModelFile view_model_file(std::span<const std::byte> bytes) {
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % kLengthBytes != 0) return parse_model_file(bytes);
  return parse({bytes, nullptr}, kInMemory);
}

ModelFile read_model_file(const fs::path& path, bool map) {
  const std::string source = concat({"model file ", path_in_quotes(path)});
  OpenFile file(path, source);
  // What is no model is refused by its first bytes, before memory is taken for all of it.
  std::array<std::byte, kRecogniseBytes> head;
  const std::span<std::byte> start = std::span(head).first(std::min<std::size_t>(file.size(), head.size()));
  file.read(start);
  recognise(start, file.size(), source);
  return parse(map ? file.map() : file.read_all(), source);
}

std::vector<std::byte> serialize_model_file(std::string_view record, std::span<const TensorView> tensors,
                                            std::uint32_t minor) {
  const std::string problem = record_problem(record);
  if (!problem.empty()) throw_error(Kind::kValue, {"model file: the record: ", problem});
  if (const auto name = repeated_name(tensors))
    throw_error(Kind::kValue, {"model file: two tensors are named ", in_quotes(*name)});
  const std::vector<std::size_t> order = payload_order(tensors);
  const std::vector<HeaderTensor> placed = place(tensors, order);
  const std::string header = format_header(record, placed, minor);
  if (header.size() > kLargestHeader) {
    throw_error(Kind::kValue, {"model file: the record and the tensors' names need ", header.size(),
                               " bytes, at most 16 MB fit; put long tables into tensors"});
  }
  const std::uint64_t length = header.size();
  const std::uint64_t payload_bytes = placed.empty() ? 0 : placed.back().end;
  std::vector<std::byte> file(kLengthBytes + header.size() + payload_bytes);
  std::memcpy(file.data(), &length, sizeof length);
  std::memcpy(file.data() + kLengthBytes, header.data(), header.size());
  std::byte* payload = file.data() + kLengthBytes + header.size();
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t bytes = placed[i].end - placed[i].begin;
    if (bytes > 0) std::memcpy(payload + placed[i].begin, tensors[order[i]].data, bytes);
  }
  stamp_checksum(file);
  return file;
}

void write_model_file(const fs::path& path, std::string_view record, std::span<const TensorView> tensors,
                      std::uint32_t minor) {
  write_file_atomically(path, serialize_model_file(record, tensors, minor));
}

}  // namespace lamina
