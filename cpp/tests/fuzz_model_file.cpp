// libFuzzer target: model files whose checksum the mutator repairs, so that mutants reach the header's
// checks.
//
// Whatever the bytes: no crash, no exception but Error kFormat, and what is taken survives the round trip.
// Run: cmake --preset fuzz && cmake --build --preset fuzz && build/fuzz/cpp/tests/fuzz_model_file
// -max_total_time=60
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "model_file/model_file.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using namespace lamina;

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kFixed = kChecksumEnd - kLengthBytes;  // the header's part that is never mutated alone

std::vector<std::byte> seed_file() {
  const std::vector<double> numbers(16, 0.5);
  const std::vector<TensorView> tensors{{"layers.0.weight", TensorType::kFloat32, {2, 3}, numbers.data()},
                                        {"layers.0.bias", TensorType::kFloat64, {2}, numbers.data()},
                                        {"index", TensorType::kInt64, {1, 1}, numbers.data()},
                                        {"flags", TensorType::kUint8, {0}, numbers.data()}};
  return serialize_model_file(R"({"layers":[{"type":"dense","units":2}],"n":1.5,"ok":[true,null]})", tensors);
}

// Pads the header text to the payload's alignment and puts the parts together; `file` has room.
std::size_t assemble(std::span<const std::byte> header, std::span<const std::byte> payload, std::byte* file) {
  std::size_t length = header.size();
  std::memcpy(file + kLengthBytes, header.data(), header.size());
  while ((kLengthBytes + length) % 64 != 0) file[kLengthBytes + length++] = std::byte{' '};
  const std::uint64_t written = length;
  std::memcpy(file, &written, sizeof written);
  std::memcpy(file + kLengthBytes + length, payload.data(), payload.size());
  return kLengthBytes + length + payload.size();
}

bool same(const ModelFile& a, const ModelFile& b) {
  return a.record == b.record && std::equal(a.tensors.begin(), a.tensors.end(), b.tensors.begin(),
                                            b.tensors.end(), [](const TensorView& x, const TensorView& y) {
                                              return x.name == y.name && x.type == y.type &&
                                                     x.shape == y.shape &&
                                                     std::memcmp(x.data, y.data, x.byte_count()) == 0;
                                            });
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  constexpr std::size_t kRoom = 64;
  std::vector<std::byte> file(reinterpret_cast<std::byte*>(data), reinterpret_cast<std::byte*>(data) + size);
  std::uint64_t header_bytes = 0;
  if (size >= kLengthBytes) std::memcpy(&header_bytes, data, sizeof header_bytes);
  if (size <= kChecksumEnd || header_bytes > size - kLengthBytes || header_bytes <= kFixed)
    file = seed_file();
  std::memcpy(&header_bytes, file.data(), sizeof header_bytes);
  if (max_size < file.size() + 2 * kRoom) return size;

  if (seed % 8 == 0) {  // anything anywhere
    size = LLVMFuzzerMutate(data, size, max_size);
  } else {  // the header's text behind the fixed opening alone; its length follows
    const std::size_t room = max_size - file.size() + header_bytes - kRoom;
    std::vector<std::byte> header(room);
    std::memcpy(header.data(), file.data() + kLengthBytes, header_bytes);
    while (header_bytes > kFixed + 1 && header[header_bytes - 1] == std::byte{' '}) --header_bytes;
    auto* text = reinterpret_cast<std::uint8_t*>(header.data() + kFixed);
    const std::size_t mutated = LLVMFuzzerMutate(text, header_bytes - kFixed, room - kFixed);
    std::uint64_t old_bytes = 0;
    std::memcpy(&old_bytes, file.data(), sizeof old_bytes);
    size = assemble(std::span(header).first(kFixed + mutated),
                    std::span(file).subspan(kLengthBytes + old_bytes), reinterpret_cast<std::byte*>(data));
  }
  if (size >= kChecksumEnd && seed % 16 != 1) stamp_checksum({reinterpret_cast<std::byte*>(data), size});
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ModelFile model;
  try {
    model = parse_model_file(std::as_bytes(std::span(data, size)));
  } catch (const Error& error) {
    if (error.kind() != Error::Kind::kFormat) std::abort();
    return 0;
  }
  if (!same(parse_model_file(serialize_model_file(model.record, model.tensors)), model)) std::abort();
  return 0;
}
