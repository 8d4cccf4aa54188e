// Parses a model file's header event by event into a fixed shape, so nothing that is not expected
// is ever stored.
#include "model_file/header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "model_file/in_quotes.h"
#include "model_file/record.h"

namespace lamina {
namespace {

struct TypeName {
  TensorType type;
  std::string_view name;
};

constexpr std::array<TypeName, 6> kTypeNames{{{TensorType::kFloat32, "F32"},
                                              {TensorType::kFloat64, "F64"},
                                              {TensorType::kInt64, "I64"},
                                              {TensorType::kUint8, "U8"},
                                              {TensorType::kFloat16, "F16"},
                                              {TensorType::kBfloat16, "BF16"}}};

std::string_view type_name(TensorType type) {
  for (const TypeName& entry : kTypeNames) {
    if (entry.type == type) return entry.name;
  }
  throw_error(Error::Kind::kValue, {"model file: unknown tensor type"});
}

std::optional<TensorType> type_from_name(std::string_view name) {
  for (const TypeName& entry : kTypeNames) {
    if (entry.name == name) return entry.type;
  }
  return std::nullopt;
}

// Each state admits one kind of event.
class HeaderReader final : public JsonEvents {
 public:
  explicit HeaderReader(bool newer) : newer_(newer) {}

  Header header;
  std::string problem;

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("true or false"); }
  bool negative(std::int64_t) override { return unexpected("a negative number"); }
  bool fraction(double) override { return unexpected("a fraction or too large a number"); }

  bool whole(std::uint64_t value) override {
    constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (value > kLargest) return unexpected("too large a number");
    if (state_ == State::kShape) {
      if (tensor().shape.size() == kHighestRank) return fail({"more than 8 dimensions"});
      tensor().shape.push_back(static_cast<std::int64_t>(value));
      return true;
    }
    if (state_ != State::kOffsets || offset_count_ == 2) return unexpected("a number");
    (offset_count_++ == 0 ? tensor().begin : tensor().end) = value;
    return true;
  }

  bool text(std::string& value) override {
    if (state_ == State::kMetadataValue) {
      if (key_ == "lamina") header.record = std::move(value);
      return enter(State::kMetadata);
    }
    if (state_ != State::kTypeValue) return unexpected("text");
    const std::optional<TensorType> type = type_from_name(value);
    if (!type) return fail({"unknown dtype ", in_quotes(value), ", expected F32, F64, I64, U8, F16 or BF16"});
    tensor().type = *type;
    return enter(State::kTensor);
  }

  bool begin_object() override {
    if (state_ == State::kStart) return enter(State::kRoot);
    if (state_ == State::kMetadataStart) return enter(State::kMetadata);
    if (state_ == State::kTensorStart) return enter(State::kTensor);
    return unexpected("an object");
  }

  bool end_object() override {
    if (state_ == State::kRoot) return enter(State::kEnd);
    if (state_ == State::kMetadata) {
      if (metadata_seen_ == kAllMetadata) return enter(State::kRoot);
      return fail({"its metadata lack a key"});
    }
    if (tensor_seen_ == kAllTensorKeys) return enter(State::kRoot);
    return fail({"needs dtype, shape and data_offsets"});
  }

  bool begin_array() override {
    if (state_ == State::kShapeStart) return enter(State::kShape);
    if (state_ == State::kOffsetsStart) return enter(State::kOffsets);
    return unexpected("a list");
  }

  bool end_array() override {
    if (state_ == State::kOffsets && offset_count_ != 2) return fail({"data_offsets needs two numbers"});
    return enter(State::kTensor);
  }

  bool key(std::string& name) override {
    if (state_ == State::kMetadata) return metadata_key(name);
    if (state_ == State::kTensor) return tensor_key(name);
    if (name == kMetadataKey) {
      if (metadata_seen_ != 0) return fail({"__metadata__ appears twice"});
      return enter(State::kMetadataStart);
    }
    header.tensors.emplace_back().name = name;
    tensor_seen_ = 0;
    offset_count_ = 0;
    return enter(State::kTensorStart);
  }

 private:
  enum class State {
    kStart,
    kRoot,
    kMetadataStart,
    kMetadata,
    kMetadataValue,
    kTensorStart,
    kTensor,
    kTypeValue,
    kShapeStart,
    kShape,
    kOffsetsStart,
    kOffsets,
    kEnd
  };
  static constexpr std::array<std::string_view, 4> kMetadataKeys{"format", "checksum", "format_version",
                                                                 "lamina"};
  static constexpr std::array<std::string_view, 3> kTensorKeys{"dtype", "shape", "data_offsets"};
  static constexpr std::array<State, 3> kTensorStates{State::kTypeValue, State::kShapeStart,
                                                      State::kOffsetsStart};
  static constexpr unsigned kAllMetadata = 0b1111;
  static constexpr unsigned kAllTensorKeys = 0b111;

  HeaderTensor& tensor() { return header.tensors.back(); }

  bool enter(State state) {
    state_ = state;
    return true;
  }

  bool metadata_key(const std::string& name) {
    const auto* found = std::find(kMetadataKeys.begin(), kMetadataKeys.end(), name);
    key_ = name;
    if (found == kMetadataKeys.end())
      return newer_ ? enter(State::kMetadataValue) : fail({"unknown metadata key ", in_quotes(name)});
    const unsigned bit = 1U << (found - kMetadataKeys.begin());
    if ((metadata_seen_ & bit) != 0) return fail({"metadata key ", in_quotes(name), " appears twice"});
    metadata_seen_ |= bit;
    return enter(State::kMetadataValue);
  }

  bool tensor_key(const std::string& name) {
    const auto* found = std::find(kTensorKeys.begin(), kTensorKeys.end(), name);
    if (found == kTensorKeys.end()) return fail({"unknown key ", in_quotes(name)});
    const auto index = static_cast<std::size_t>(found - kTensorKeys.begin());
    if ((tensor_seen_ & (1U << index)) != 0) return fail({in_quotes(name), " appears twice"});
    tensor_seen_ |= 1U << index;
    return enter(kTensorStates[index]);
  }

  bool unexpected(const std::string& what) { return fail({"did not expect ", what}); }

  bool fail(TextParts text) {
    if (header.tensors.empty())
      problem = concat(text);
    else
      problem = concat({"tensor ", in_quotes(tensor().name), ": ", text});
    return false;
  }

  bool newer_;
  State state_ = State::kStart;
  std::string key_;
  unsigned metadata_seen_ = 0;
  unsigned tensor_seen_ = 0;
  int offset_count_ = 0;
};

// Sorts by place and returns what keeps the tensors from covering [0, payload_bytes) exactly, or
// nothing.
std::string order_and_check(std::vector<HeaderTensor>& tensors, std::uint64_t payload_bytes) {
  std::sort(tensors.begin(), tensors.end(), [](const HeaderTensor& a, const HeaderTensor& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::uint64_t expected_begin = 0;
  for (const HeaderTensor& tensor : tensors) {
    const std::string where = concat({"tensor ", in_quotes(tensor.name), ": "});
    std::uint64_t bytes = 0;
    if (!checked_byte_count(tensor.type, tensor.shape, bytes))
      return concat({where, "its shape is too large"});
    if (tensor.begin != expected_begin) {
      return concat({where, "starts at ", tensor.begin, ", expected ", expected_begin});
    }
    if (tensor.end < tensor.begin || tensor.end - tensor.begin != bytes) {
      return concat({where, "its shape needs ", bytes, " bytes, its offsets hold another number"});
    }
    if (tensor.begin % element_size(tensor.type) != 0) return concat({where, "starts between two elements"});
    expected_begin = tensor.end;
  }
  if (expected_begin == payload_bytes) return {};
  return concat({"its tensors cover ", expected_begin, " bytes, the file holds ", payload_bytes});
}

void append_name(std::string& text, const std::string& name) {
  try {
    append_json_text(text, name);
  } catch (const Error&) {
    throw_error(Error::Kind::kValue, {"model file: tensor ", in_quotes(name), ": its name is not UTF-8"});
  }
}

}  // namespace

bool checked_byte_count(TensorType type, std::span<const std::int64_t> shape, std::uint64_t& bytes) noexcept {
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  bool empty = false;
  bytes = element_size(type);
  for (const std::int64_t size : shape) {
    if (size < 0) return false;
    empty = empty || size == 0;
    const auto factor = static_cast<std::uint64_t>(std::max<std::int64_t>(size, 1));
    if (bytes > kLargest / factor) return false;
    bytes *= factor;
  }
  if (empty) bytes = 0;
  return true;
}

std::string format_header(std::string_view record, std::span<const HeaderTensor> tensors,
                          std::uint32_t minor) {
  std::string text(kHeaderOpening);
  text += R"(0000000000000000","format_version":")" + std::to_string(kFormatMajor);
  if (minor > 0) text += concat({".", minor});
  text += R"(","lamina":)";
  append_json_text(text, record);
  text += '}';
  for (const HeaderTensor& tensor : tensors) {
    text += ',';
    append_name(text, tensor.name);
    text += R"(:{"dtype":")";
    text += type_name(tensor.type);
    text += R"(","shape":)" + Json(Json::Array(tensor.shape.begin(), tensor.shape.end())).dump();
    text += R"(,"data_offsets":[)" + std::to_string(tensor.begin) + "," + std::to_string(tensor.end) + "]}";
  }
  text += '}';
  const std::size_t used = (sizeof(std::uint64_t) + text.size()) % kPayloadAlignment;
  text.append((kPayloadAlignment - used) % kPayloadAlignment, ' ');
  return text;
}

Header parse_header(std::string_view text, std::uint64_t payload_bytes, bool newer,
                    const std::string& source) {
  HeaderReader reader(newer);
  std::string problem;
  if (problem = read_json(text, reader); !problem.empty()) {
    // Not JSON.
  } else if (!reader.problem.empty()) {
    problem = reader.problem;
  } else if (const auto name = repeated_name<HeaderTensor>(reader.header.tensors)) {
    problem = "two tensors are named " + in_quotes(*name);
  } else {
    problem = order_and_check(reader.header.tensors, payload_bytes);
  }
  if (problem.empty()) {
    const std::string in_record = record_problem(reader.header.record);
    if (!in_record.empty()) problem = "its record: " + in_record;
  }
  if (!problem.empty()) throw Error(Error::Kind::kFormat, source + ": malformed header: " + problem);
  return std::move(reader.header);
}

}  // namespace lamina
