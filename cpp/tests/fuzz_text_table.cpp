// libFuzzer target: text tables and JSON text. The first bytes choose how the rest is read.
//
// Whatever the bytes: no crash, no exception but Error kFormat (kValue of JSON), the same columns however the
// text is cut into blocks and parts, and JSON that is taken survives the round trip.
// Run: cmake --preset fuzz && cmake --build --preset fuzz && build/fuzz/cpp/tests/fuzz_text_table
// -max_total_time=60
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/thread_count.h"
#include "tables/text_table.h"

namespace {

using namespace lamina;

struct Answer {
  std::string error;
  std::vector<std::uint64_t> numbers;  // their bits, behind whether the column is late
  std::vector<std::string> texts;

  bool operator==(const Answer&) const = default;
};

Answer read(std::string_view text, const TextFormat& format, size_t columns, size_t block, size_t part) {
  std::vector<ColumnKind> kinds(columns, ColumnKind::kMissingOrNumber);
  kinds.back() = ColumnKind::kText;
  Answer answer;
  try {
    TextTable table({format, true, kinds, {"x"}, 1, part});
    for (size_t at = 0; at < text.size(); at += block) table.add(text.substr(at, block));
    table.finish();
    for (size_t i = 0; i + 1 < columns; ++i) {
      answer.numbers.push_back(table.is_late(i));
      for (const double number : table.take_numbers(i))
        answer.numbers.push_back(std::bit_cast<std::uint64_t>(number));
    }
    for (const std::int32_t code : table.take_codes(columns - 1))
      answer.texts.emplace_back(table.texts(columns - 1)[code]);
  } catch (const Error& error) {
    if (error.kind() != Error::Kind::kFormat) std::abort();
    answer.error = error.what();
  }
  return answer;
}

void check_json(std::string_view text) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Error& error) {
    if (error.kind() != Error::Kind::kValue) std::abort();
    return;
  }
  if (!(Json::parse(json.dump()) == json)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);
  check_json(text);
  set_num_threads(3);
  const TextFormat format{", ;\t"[data[0] % 4], data[0] % 8 < 4 ? '"' : '\0', data[0] % 16 < 8 ? '\0' : '#'};
  const size_t columns = 1 + data[1] % 4;
  Answer whole = read(text, format, columns, size, size);
  Answer pieces = read(text, format, columns, 1 + data[2] % 16, 1 + data[2] / 16);
  // A byte 0 is found before the other faults of its block.
  if (text.find('\0') != text.npos && !whole.error.empty() && !pieces.error.empty()) whole = pieces = {};
  if (!(pieces == whole)) std::abort();
  return 0;
}
