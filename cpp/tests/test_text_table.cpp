// Text tables: however a text is cut into blocks and divided among threads, the same columns or error.
#include "tables/text_table.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/thread_count.h"
#include "check.h"

namespace {

using lamina::ColumnKind;
using lamina::TextFormat;
using lamina::TextTable;

struct Answer {
  std::string error;
  std::vector<std::string> cells;  // by column, with a mark where a column is late

  bool operator==(const Answer&) const = default;
};

Answer read(const std::string& text, const TextFormat& format, size_t columns, size_t block, size_t part) {
  std::vector<ColumnKind> kinds(columns, ColumnKind::kMissingOrNumber);
  kinds.back() = ColumnKind::kText;
  Answer answer;
  try {
    TextTable table({format, true, kinds, {"x"}, 1, part});
    for (size_t at = 0; at < text.size(); at += block) {
      table.add(std::string_view(text).substr(at, block));
    }
    table.finish();
    for (size_t i = 0; i + 1 < columns; ++i) {
      if (table.is_late(i)) answer.cells.push_back("late");
      for (const double number : table.take_numbers(i)) answer.cells.push_back(std::to_string(number));
    }
    for (const std::int32_t code : table.take_codes(columns - 1)) {
      answer.cells.emplace_back(table.texts(columns - 1)[code]);
    }
  } catch (const lamina::Error& error) {
    answer.error = error.what();
  }
  return answer;
}

LAMINA_TEST(blocks_and_parts_change_nothing) {
  std::mt19937 random(1);
  const std::string_view alphabet = "\"\"\n\n\r,,, \t1.5ex-#\xC2\xA0";
  lamina::set_num_threads(3);
  int tables = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (size_t n = random() % 40; n > 0; --n) text += alphabet[random() % alphabet.size()];
    const TextFormat format{round % 3 == 0 ? ' ' : ',', round % 5 == 0 ? '\0' : '"',
                            round % 2 == 0 ? '#' : '\0'};
    const size_t columns = 1 + random() % 3;
    const Answer whole = read(text, format, columns, 1000, 1000);
    const Answer pieces = read(text, format, columns, 1 + random() % 9, 1 + random() % 5);
    CHECK(pieces == whole);
    tables += whole.error.empty() && !whole.cells.empty();
  }
  CHECK(tables > 1000);
  lamina::set_num_threads(1);
}

LAMINA_TEST(errors_name_the_line) {
  const auto error = [](const std::string& text) { return read(text, {}, 2, 5, 1).error; };
  CHECK(error("1,2\r\n\r\n1,\"\n\"\n1\n") == "line 5: expected 2 cells, got 1");
  CHECK(error("1,2\r1,2,3\r") == "line 2: expected 2 cells, got 3");
  CHECK(error("1,2\n1,\"2") == "line 2: quotes that open in this row are not closed");
  CHECK(error("1,2\n\"1\"2,3\n") == "line 2: expected a separator behind the closing quote of a cell");
  CHECK(error(std::string("1,2\n1,\0", 7)) == "line 2: a byte 0, which no text holds");
}

LAMINA_TEST(a_dictionary_gives_each_text_its_own_code) {
  std::vector<std::string> texts;
  for (int i = 0; i < 100'000; ++i)
    texts.push_back(std::string(static_cast<size_t>(i % 40), 'a') + std::to_string(i / 3));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  lamina::TextDictionary dictionary;
  std::vector<std::int32_t> codes;
  dictionary.append_codes(views, codes);
  dictionary.append_codes(views, codes);
  const auto greatest = *std::max_element(codes.begin(), codes.end());
  CHECK(greatest + 1 == dictionary.size());
  for (size_t i = 0; i < codes.size(); ++i) CHECK(dictionary[codes[i]] == texts[i % texts.size()]);
}

}  // namespace

LAMINA_TEST_MAIN
