// Model files: round trip, every damage, and headers that lie under a right checksum.
#include "model_file/model_file.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "base/error.h"
#include "check.h"
#include "model_file/crc64.h"

namespace {

using lamina::Error;
using lamina::ModelFile;
using lamina::TensorType;
using lamina::TensorView;
using Bytes = std::vector<std::byte>;
namespace fs = std::filesystem;

const std::string kRecord =
    R"({"layers":[{"type":"dense","units":2}],"on":true,"shift":-3,"note":"caf\u00e9 \"x\"","n":1e-3})";
const std::vector<float> kWeight{1.5F, -2.0F, std::numeric_limits<float>::denorm_min(), -0.0F, 3e38F, 7.0F};
const std::vector<double> kBias{0.1, -1e300};
const std::vector<std::int64_t> kIndex{-1, std::numeric_limits<std::int64_t>::max()};
const std::vector<std::uint8_t> kFlags{0, 255, 7};
const std::vector<std::uint16_t> kHalf{0x3F80};

std::vector<TensorView> sample_tensors() {
  return {{"layers.0.weight", TensorType::kFloat32, {2, 3}, kWeight.data()},
          {"flags", TensorType::kUint8, {3}, kFlags.data()},
          {"layers.0.bias", TensorType::kFloat64, {2}, kBias.data()},
          {"empty", TensorType::kFloat32, {0, 4}, nullptr},
          {"index", TensorType::kInt64, {2, 1}, kIndex.data()},
          {"scale \xC3\xA9\n", TensorType::kBfloat16, {}, kHalf.data()}};
}

Bytes sample() { return lamina::serialize_model_file(kRecord, sample_tensors()); }

const TensorView* find(const ModelFile& model, const std::string& name) {
  for (const TensorView& tensor : model.tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

bool same_content(const ModelFile& model, const std::vector<TensorView>& expected) {
  if (model.record != kRecord || model.tensors.size() != expected.size()) return false;
  for (const TensorView& tensor : expected) {
    const TensorView* got = find(model, tensor.name);
    if (got == nullptr || got->type != tensor.type || got->shape != tensor.shape) return false;
    if (tensor.byte_count() > 0 && std::memcmp(got->data, tensor.data, tensor.byte_count()) != 0)
      return false;
  }
  return true;
}

// The error's sentence, or an empty string where the bytes were taken; any other exception fails the test.
std::string refusal(std::span<const std::byte> bytes) {
  try {
    (void)lamina::parse_model_file(bytes);
    return {};
  } catch (const Error& error) {
    CHECK(error.kind() == Error::Kind::kFormat);
    return error.what();
  }
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// A file with this header (padded to the payload's alignment), a payload of zeros and the right checksum.
Bytes forge(std::string header, std::size_t payload_bytes) {
  while ((8 + header.size()) % 64 != 0) header += ' ';
  Bytes file(8 + header.size() + payload_bytes);
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, sizeof length);
  std::memcpy(file.data() + 8, header.data(), header.size());
  lamina::stamp_checksum(file);
  return file;
}

std::string opening(const std::string& version = "1", const std::string& record = "{}") {
  return std::string(lamina::kHeaderOpening) + R"(0000000000000000","format_version":")" + version +
         R"(","lamina":")" + record + R"("})";
}

std::string tensor(const std::string& name, const std::string& type, const std::string& shape,
                   const std::string& offsets) {
  return ",\"" + name + R"(":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}";
}

std::string refusal_of_header(const std::string& header, std::size_t payload_bytes) {
  return refusal(forge(header, payload_bytes));
}

std::string refusal_of_tensors(const std::string& tensors, std::size_t payload_bytes) {
  return refusal_of_header(opening() + tensors + "}", payload_bytes);
}

}  // namespace

LAMINA_TEST(the_crc_of_the_standard_check_string_is_the_published_one) {
  lamina::Crc64 crc;
  crc.update(std::as_bytes(std::span("123456789", 9)));
  CHECK(crc.value() == 0x995DC9BBDF1939FAU);
}

LAMINA_TEST(the_crc_does_not_depend_on_how_the_bytes_are_split) {
  const Bytes bytes = sample();
  lamina::Crc64 whole;
  whole.update(bytes);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    lamina::Crc64 parts;
    parts.update(std::span(bytes).first(cut));
    parts.update(std::span(bytes).subspan(cut));
    CHECK(parts.value() == whole.value());
  }
}

LAMINA_TEST(a_model_survives_the_round_trip_bit_for_bit) {
  CHECK(same_content(lamina::parse_model_file(sample()), sample_tensors()) && sample() == sample());
}

LAMINA_TEST(every_tensor_is_aligned_and_the_payload_starts_on_64_bytes) {
  const ModelFile model = lamina::parse_model_file(sample());
  for (const TensorView& view : model.tensors) {
    CHECK(reinterpret_cast<std::uintptr_t>(view.data) % lamina::element_size(view.type) == 0);
  }
  CHECK(reinterpret_cast<std::uintptr_t>(model.tensors.front().data) % 64 == 0);
}

LAMINA_TEST(a_model_outlives_the_bytes_it_came_from_and_its_first_copy) {
  ModelFile copy;
  {
    const Bytes bytes = sample();
    copy = lamina::parse_model_file(bytes);
  }
  CHECK(same_content(copy, sample_tensors()));
}

LAMINA_TEST(a_model_without_tensors_is_legal) {
  CHECK(lamina::parse_model_file(lamina::serialize_model_file("{}", {})).tensors.empty());
}

LAMINA_TEST(a_file_cut_at_any_byte_is_refused) {
  const Bytes bytes = sample();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CHECK(!refusal(std::span(bytes).first(length)).empty());
  }
}

LAMINA_TEST(any_single_changed_byte_is_refused) {
  Bytes bytes = sample();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const std::byte original = bytes[at];
    for (unsigned change = 1; change < 256; ++change) {
      bytes[at] = original ^ static_cast<std::byte>(change);
      CHECK(!refusal(bytes).empty());
    }
    bytes[at] = original;
  }
  CHECK(refusal(bytes).empty());
}

LAMINA_TEST(inserted_removed_and_trailing_bytes_are_refused) {
  const Bytes bytes = sample();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    Bytes longer = bytes;
    longer.insert(longer.begin() + static_cast<std::ptrdiff_t>(at), std::byte{0});
    CHECK(!refusal(longer).empty());
    Bytes shorter = bytes;
    shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(at));
    CHECK(!refusal(shorter).empty());
  }
  Bytes trailing = bytes;
  trailing.push_back(std::byte{0});
  CHECK(!refusal(trailing).empty());
}

LAMINA_TEST(a_newer_version_asks_to_upgrade_whatever_else_has_changed) {
  CHECK(contains(
      refusal_of_header(opening("2") + "}", 0),
      "written by a newer lamina (format 2); this one reads up to 1, of any minor version: upgrade lamina"));
  CHECK(contains(refusal_of_header(std::string(lamina::kHeaderOpening) +
                                       R"(0000000000000000","format_version":"17","new":[1]},"t":5})",
                                   3),
                 "newer lamina (format 17)"));
}

LAMINA_TEST(a_newer_minor_version_is_read_without_the_metadata_that_it_adds) {
  for (const char* version : {"1", "1.0", "1.1"}) CHECK(refusal_of_header(opening(version) + "}", 0).empty());
  const std::string more = R"(0000000000000000","format_version":"1.999","lamina":"{}","made":"by \"x\""}})";
  CHECK(refusal_of_header(std::string(lamina::kHeaderOpening) + more, 0).empty());
}

LAMINA_TEST(a_version_that_is_not_two_numbers_is_refused) {
  for (const char* version :
       {"0", "", "01", "1.", "1.x", "1.01", ".1", "1.1.1", "-1", "99999999999999999999"})
    CHECK(contains(refusal_of_header(opening(version) + "}", 0), "expected format_version as two numbers"));
}

LAMINA_TEST(the_forged_header_of_a_good_file_is_taken) {
  CHECK(refusal_of_tensors(tensor("a", "F32", "[2]", "[0,8]"), 8).empty());
  CHECK(refusal_of_tensors(tensor("b", "F32", "[2]", "[8,16]") + tensor("a", "F64", "[1]", "[0,8]"), 16)
            .empty());
}

LAMINA_TEST(shapes_whose_product_overflows_are_refused) {
  for (const char* shape : {"[4294967296,4294967296]", "[9223372036854775807,2]", "[9223372036854775807]",
                            "[0,9223372036854775807,9223372036854775807]", "[3037000500,3037000500]"}) {
    CHECK(contains(refusal_of_tensors(tensor("a", "F32", shape, "[0,4]"), 4), "too large"));
  }
  // 2^62 elements of 4 bytes wrap to 0 in 64 bits.
  CHECK(contains(refusal_of_tensors(tensor("a", "F32", "[4611686018427387904]", "[0,0]"), 0), "too large"));
}

LAMINA_TEST(overlapping_tensors_are_refused) {
  CHECK(contains(
      refusal_of_tensors(tensor("a", "F32", "[2]", "[0,8]") + tensor("b", "F32", "[2]", "[4,12]"), 12),
      "starts at 4, expected 8"));
  CHECK(!refusal_of_tensors(tensor("a", "F32", "[2]", "[0,8]") + tensor("b", "F32", "[2]", "[0,8]"), 8)
             .empty());
}

LAMINA_TEST(holes_and_uncovered_ends_are_refused) {
  CHECK(!refusal_of_tensors(tensor("a", "F32", "[1]", "[4,8]"), 8).empty());
  CHECK(!refusal_of_tensors(tensor("a", "F32", "[1]", "[0,4]") + tensor("b", "F32", "[1]", "[8,12]"), 12)
             .empty());
  CHECK(
      contains(refusal_of_tensors(tensor("a", "F32", "[1]", "[0,4]"), 8), "cover 4 bytes, the file holds 8"));
  CHECK(
      contains(refusal_of_tensors(tensor("a", "F32", "[2]", "[0,8]"), 4), "cover 8 bytes, the file holds 4"));
}

LAMINA_TEST(offsets_that_do_not_fit_the_shape_are_refused) {
  CHECK(!refusal_of_tensors(tensor("a", "F32", "[2]", "[0,4]"), 4).empty());
  CHECK(!refusal_of_tensors(tensor("a", "F64", "[2]", "[0,8]"), 8).empty());
  CHECK(!refusal_of_tensors(tensor("a", "F32", "[0]", "[4,0]"), 4).empty());
  CHECK(!refusal_of_tensors(tensor("a", "F32", "[1]", "[0]"), 4).empty());
  CHECK(!refusal_of_tensors(tensor("a", "F32", "[1]", "[0,4,8]"), 4).empty());
  CHECK(!refusal_of_tensors(tensor("a", "F32", "[1]", "[0,18446744073709551615]"), 4).empty());
  CHECK(!refusal_of_tensors(tensor("a", "F32", "1", "[0,4]"), 4).empty());
}

LAMINA_TEST(a_tensor_that_starts_between_elements_is_refused) {
  CHECK(
      contains(refusal_of_tensors(tensor("a", "U8", "[1]", "[0,1]") + tensor("b", "F32", "[1]", "[1,5]"), 5),
               "starts between two elements"));
}

LAMINA_TEST(sizes_that_are_not_natural_numbers_are_refused) {
  for (const char* number : {"-1", "1.0", "1e0", "NaN", "Infinity", "null", "true", "\"1\"", "[1]", "{}",
                             "1e400", "99999999999999999999999", "-99999999999999999999999"}) {
    const std::string list = std::string("[") + number + "]";
    CHECK(!refusal_of_tensors(tensor("a", "F32", list, "[0,4]"), 4).empty());
    CHECK(!refusal_of_tensors(tensor("a", "F32", "[1]", "[0," + std::string(number) + "]"), 4).empty());
  }
}

LAMINA_TEST(duplicate_names_and_keys_are_refused) {
  const std::string a = tensor("a", "F32", "[1]", "[0,4]");
  CHECK(contains(refusal_of_tensors(a + tensor("a", "F32", "[1]", "[4,8]"), 8), "are named"));
  CHECK(contains(refusal_of_tensors(a + tensor("\\u0061", "F32", "[1]", "[4,8]"), 8), "are named"));
  CHECK(
      contains(refusal_of_tensors(R"(,"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]})", 4),
               "appears twice"));
  CHECK(contains(refusal_of_tensors(R"(,"__metadata__":{})", 0), "appears twice"));
  CHECK(contains(
      refusal_of_header(std::string(lamina::kHeaderOpening) +
                            R"(0000000000000000","format_version":"1","lamina":"{}","lamina":"{}"}})",
                        0),
      "appears twice"));
  CHECK(contains(refusal_of_header(opening("1", R"({\"a\":1,\"a\":2})") + "}", 0), "appears twice"));
}

LAMINA_TEST(missing_and_unknown_keys_are_refused) {
  CHECK(!refusal_of_tensors(R"(,"a":{"dtype":"F32","shape":[1]})", 4).empty());
  CHECK(!refusal_of_tensors(R"(,"a":{})", 0).empty());
  CHECK(!refusal_of_tensors(R"(,"a":[])", 0).empty());
  CHECK(!refusal_of_tensors(R"(,"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1})", 4).empty());
  CHECK(contains(refusal_of_header(
                     std::string(lamina::kHeaderOpening) + R"(0000000000000000","format_version":"1"}})", 0),
                 "lack a key"));
  CHECK(contains(refusal_of_header(std::string(lamina::kHeaderOpening) +
                                       R"(0000000000000000","format_version":"1","lamina":"{}","pt":"x"}})",
                                   0),
                 "unknown metadata key"));
  CHECK(contains(refusal_of_tensors(tensor("a", "F8_E5M2", "[1]", "[0,1]"), 1), "unknown dtype"));
}

LAMINA_TEST(deep_nesting_is_refused_without_recursion) {
  CHECK(!refusal_of_tensors(",\"a\":" + std::string(3000000, '['), 0).empty());
  std::string deep;
  for (int i = 0; i < 1000000; ++i) deep += R"({\"a\":)";
  CHECK(contains(refusal_of_header(opening("1", deep) + "}", 0), "nested more than 64 deep"));
  CHECK(!refusal_of_tensors(tensor("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4).empty());
}

LAMINA_TEST(text_that_is_not_json_is_refused) {
  CHECK(!refusal_of_header(opening() + "}x", 0).empty());
  CHECK(!refusal_of_header(opening() + std::string("}\0 }", 4), 0).empty());
  CHECK(!refusal_of_header(opening(), 0).empty());
  CHECK(!refusal_of_header(opening() + ",}", 0).empty());
  CHECK(!refusal_of_tensors(tensor("\xFF\xFE", "F32", "[1]", "[0,4]"), 4).empty());
  CHECK(!refusal_of_tensors(tensor("\\ud800", "F32", "[1]", "[0,4]"), 4).empty());
}

LAMINA_TEST(a_record_that_is_not_a_json_object_is_refused) {
  for (const char* record :
       {"", "[]", "1", "null", "{", "{}x", R"({\"a\":NaN})", R"({\"a\":1e999})", "{}\\u0000"}) {
    CHECK(contains(refusal_of_header(opening("1", record) + "}", 0), "its record"));
  }
}

LAMINA_TEST(a_header_length_beyond_the_file_or_16_MB_is_refused) {
  Bytes bytes = sample();
  for (const std::uint64_t length :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{60}, std::uint64_t{bytes.size() - 7},
        std::uint64_t{bytes.size()}, std::uint64_t{1} << 25, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    std::memcpy(bytes.data(), &length, sizeof length);
    lamina::stamp_checksum(bytes);
    CHECK(!refusal(bytes).empty());
  }
}

LAMINA_TEST(a_header_that_does_not_end_on_64_bytes_is_refused) {
  Bytes bytes = forge(opening() + "}", 1);
  std::uint64_t length;
  std::memcpy(&length, bytes.data(), sizeof length);
  ++length;
  std::memcpy(bytes.data(), &length, sizeof length);
  bytes.back() = std::byte{' '};
  lamina::stamp_checksum(bytes);
  CHECK(contains(refusal(bytes), "not padded"));
}

LAMINA_TEST(other_files_are_named_for_what_they_are) {
  const auto other = [](std::string text) {
    const std::uint64_t length = text.size();
    text.insert(0, reinterpret_cast<const char*>(&length), sizeof length);
    return refusal(std::as_bytes(std::span(text)));
  };
  const std::string entry =
      R"("weight":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})" + std::string(80, ' ');
  CHECK(contains(other(R"({"__metadata__":{"format":"pt"},)" + entry), "a safetensors file"));
  CHECK(contains(other("{" + entry), "a safetensors file"));
  CHECK(contains(other(R"({"__metadata__":{"lamina":"{}","format":"lamina"},)" + entry), "rewritten"));
  CHECK(contains(
      refusal(std::as_bytes(std::span("PK\3\4 and so on, for a hundred bytes or more, as a zip archive "
                                      "would be, which is what other libraries save"))),
      "not a lamina model: expected a file saved by lamina"));
  CHECK(contains(refusal({}), "it is empty"));
}

LAMINA_TEST(a_file_is_read_as_its_bytes_are_and_unreadable_paths_are_named) {
  const fs::path path = fs::temp_directory_path() / "lamina_test_model_file";
  lamina::write_model_file(path, kRecord, sample_tensors());
  CHECK(same_content(lamina::read_model_file(path), sample_tensors()));
  const auto failure = [](const fs::path& file) {
    try {
      (void)lamina::read_model_file(file);
    } catch (const Error& error) {
      return std::string(error.kind() == Error::Kind::kIo         ? "io: "
                         : error.kind() == Error::Kind::kNotFound ? "not found: "
                                                                  : "format: ") +
             error.what();
    }
    return std::string("none");
  };
  fs::resize_file(path, 5000);  // longer than what is read to recognise the file
  CHECK(contains(failure(path), "lamina_test_model_file\": damaged or cut off"));
  fs::resize_file(path, 0);
  CHECK(contains(failure(path), "it is empty"));
  fs::remove(path);
  CHECK(failure(path).starts_with("not found: "));
  CHECK(contains(failure(fs::temp_directory_path()), "is a folder"));
}

LAMINA_TEST(unfit_tensors_and_records_are_not_written) {
  const float value = 1.0F;
  const auto write = [&](std::vector<TensorView> tensors) {
    return lamina::serialize_model_file("{}", tensors);
  };
  CHECK_THROWS(write({{"__metadata__", TensorType::kFloat32, {1}, &value}}), Error);
  CHECK_THROWS(write({{"a", TensorType::kFloat32, {1}, &value}, {"a", TensorType::kFloat32, {1}, &value}}),
               Error);
  CHECK_THROWS(write({{"a", TensorType::kFloat32, {-1}, &value}}), Error);
  CHECK_THROWS(write({{"\xFF", TensorType::kFloat32, {1}, &value}}), Error);
  CHECK_THROWS(write({{"a", TensorType::kFloat32, std::vector<std::int64_t>(9, 1), &value}}), Error);
  CHECK_THROWS(write({{"a", TensorType::kFloat64, {std::int64_t{1} << 62}, &value}}), Error);
  CHECK_THROWS(lamina::serialize_model_file("[]", {}), Error);
  CHECK_THROWS(lamina::serialize_model_file("{\"a\":NaN}", {}), Error);
  CHECK_THROWS(lamina::serialize_model_file("{\"a\":\"\xFF\"}", {}), Error);
  CHECK_THROWS(lamina::serialize_model_file("{\"a\":\"" + std::string(17 << 20, 'x') + "\"}", {}), Error);
}

LAMINA_TEST_MAIN
