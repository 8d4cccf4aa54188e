// How the numbers of a column are written: with grouped thousands, a currency, percent or a unit of measure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lamina {

struct NumberFormat {
  char decimal = '.';  // or a comma; the other one groups thousands
  std::string unit;    // that the numbers bear; may be empty

  // The number that a text writes, with or without marks; <0.5 is 0.5 and (1,234) is -1234.
  std::optional<double> parse(std::string_view text) const;
};

// The one currency or percent sign among the texts of a column, or none. Throws Error kValue where there are
// two, or percents beside plain numbers.
std::string common_unit(const std::string& column, const std::vector<std::string_view>& texts);

}  // namespace lamina
