// The columns of a CSV table for tests of table models.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model_io/table_model.h"
#include "tables/row_scanner.h"
#include "tables/text_table.h"

namespace lamina::test {

// The columns of a CSV table: numbers where all cells are, else text.
struct CsvTable {
  std::vector<std::string> names;
  std::vector<std::vector<double>> numbers;
  std::vector<std::vector<std::int32_t>> codes;
  std::unique_ptr<TextTable> table;
  std::vector<NamedColumn> columns;

  explicit CsvTable(const std::string& text) {
    std::deque<std::string> unescaped;
    RowScanner scanner({}, text.data(), text.data() + text.size(), true, unescaped);
    scanner.next(text.data() + text.size());
    for (const std::string_view cell : scanner.cells()) names.emplace_back(cell);
    TextTableOptions options;
    options.kinds.assign(names.size(), ColumnKind::kNumber);
    const std::string_view rows =
        std::string_view(text).substr(static_cast<std::size_t>(scanner.position() - text.data()));
    for (bool again = true; again;) {
      table = std::make_unique<TextTable>(options);
      table->add(rows);
      table->finish();
      again = false;
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (!table->is_late(i)) continue;
        options.kinds[i] = ColumnKind::kText;
        again = true;
      }
    }
    numbers.resize(names.size());
    codes.resize(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (options.kinds[i] == ColumnKind::kNumber) {
        numbers[i] = table->take_numbers(i);
        columns.push_back({names[i], NumberColumn{numbers[i].data(), NumberType::kF64, 8, table->rows()}});
        continue;
      }
      codes[i] = table->take_codes(i);
      TextColumn column{codes[i].data(), table->rows(), {}};
      for (std::int32_t code = 0; code < table->texts(i).size(); ++code)
        column.texts.emplace_back(table->texts(i)[code]);
      columns.push_back({names[i], column});
    }
  }
};

}  // namespace lamina::test
