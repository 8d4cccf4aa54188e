// Reads numbers with marks.
#include "tables/number_format.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "tables/plain_number.h"
#include "tables/row_scanner.h"
#include "tables/utf8.h"

namespace lamina {
namespace {

constexpr std::string_view kCurrencies[] = {
    "$",   "€",   "£",   "¥",   "₹",   "₽",   "₩",   "₺",   "₴",   "₫",   "฿",   "₱",   "₪",   "₦",   "¢",
    "USD", "EUR", "GBP", "JPY", "CHF", "CNY", "RMB", "INR", "CAD", "AUD", "NZD", "SEK", "NOK", "DKK", "PLN",
    "CZK", "HUF", "RON", "RUB", "TRY", "UAH", "KRW", "BRL", "MXN", "ARS", "CLP", "COP", "ZAR", "SGD", "HKD",
    "THB", "IDR", "MYR", "PHP", "ILS", "AED", "SAR", "US$", "R$",  "kr",  "zł",  "Kč",  "Ft"};
constexpr std::string_view kShares[] = {"%", "‰"};
constexpr std::string_view kComparisons[] = {"<=", ">=", "<", ">", "≤", "≥", "~", "≈", "±"};
// A blank, a no-break, a thin and a narrow no-break one may group digits, as marks may.
constexpr std::string_view kGroupMarks[] = {".", ",", "'", "\u2019", " ", "\u00a0", "\u2009", "\u202f"};

// The parts of a number with marks.
struct MarkedNumber {
  bool about = false;
  std::string sign, inner_sign, before, digits, power, after;
};

// A text that is read from its beginning.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  bool at_end() const noexcept { return rest_.empty(); }
  std::string_view rest() const noexcept { return rest_; }

  template <class Texts>
  std::string_view take_any(const Texts& texts) {
    for (const std::string_view text : texts)
      if (rest_.starts_with(text)) return take(text.size());
    return {};
  }
  std::string_view take(std::size_t count) {
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view take_sign() {
    return !rest_.empty() && (rest_.front() == '+' || rest_.front() == '-') ? take(1) : std::string_view();
  }
  void skip_spaces() {
    for (std::size_t at = 0; !rest_.empty(); at = 0) {
      if (!is_space(next_character(rest_, at))) return;
      rest_.remove_prefix(at);
    }
  }
  std::string_view take_digits() {
    std::size_t count = 0;
    while (count < rest_.size() && is_ascii_digit(rest_[count])) ++count;
    return take(count);
  }

 private:
  std::string_view rest_;
};

// \d(mark?\d)*|[.,]\d+
std::string take_grouped_digits(Reader& reader) {
  std::string digits(reader.take_digits());
  if (digits.empty()) {
    const std::string_view rest = reader.rest();
    if (rest.size() < 2 || (rest[0] != '.' && rest[0] != ',') || !is_ascii_digit(rest[1])) return {};
    return digits.append(reader.take(1)).append(reader.take_digits());
  }
  for (;;) {
    Reader ahead = reader;
    const std::string_view mark = ahead.take_any(kGroupMarks);
    const std::string_view more = ahead.take_digits();
    if (mark.empty() || more.empty()) return digits;
    digits.append(mark).append(more);
    reader = ahead;
  }
}

std::string take_power(Reader& reader) {
  Reader ahead = reader;
  if (ahead.rest().empty() || (ahead.rest().front() != 'e' && ahead.rest().front() != 'E')) return {};
  std::string power(ahead.take(1));
  power.append(ahead.take_sign());
  const std::string_view digits = ahead.take_digits();
  if (digits.empty()) return {};
  reader = ahead;
  return power.append(digits);
}

// Everything from the sign within a currency on, which is read already.
std::optional<MarkedNumber> read_number(MarkedNumber number, Reader reader) {
  reader.skip_spaces();
  number.inner_sign = reader.take_sign();
  number.digits = take_grouped_digits(reader);
  if (number.digits.empty()) return std::nullopt;
  number.power = take_power(reader);
  reader.skip_spaces();
  const auto ends = [](Reader rest) {
    if (rest.rest().starts_with('+')) rest.take(1);
    return rest.at_end();
  };
  for (const std::string_view share : kShares)
    if (Reader rest = reader; !rest.take_any(std::array{share}).empty() && ends(rest)) {
      number.after = share;
      return number;
    }
  for (const std::string_view currency : kCurrencies)
    if (Reader rest = reader; !rest.take_any(std::array{currency}).empty() && ends(rest)) {
      number.after = currency;
      return number;
    }
  if (!ends(reader)) return std::nullopt;
  return number;
}

// The text with hyphens for minus signs.
std::string with_hyphens(std::string_view text) {
  constexpr std::string_view kMinus = "\u2212";
  std::string written;
  for (std::size_t at = 0; at < text.size();) {
    const bool minus = text.substr(at).starts_with(kMinus);
    written.push_back(minus ? '-' : text[at]);
    at += minus ? kMinus.size() : 1;
  }
  return written;
}

// The text before a unit of measure: 170 cm, 3.5kWh. Small letters may follow the number at once, all others
// after a blank.
std::optional<std::string_view> before_unit(std::string_view text, std::string_view unit) {
  if (unit.empty() || !text.ends_with(unit)) return std::nullopt;
  std::string_view number = text.substr(0, text.size() - unit.size());
  const bool joined =
      (unit.front() >= 'a' && unit.front() <= 'z') || unit.starts_with("µ") || unit.starts_with("°");
  const std::string_view stripped = strip(number);
  const bool apart = stripped.data() + stripped.size() < number.data() + number.size();
  if (stripped.empty() || !is_ascii_digit(stripped.back()) || !(apart || joined)) return std::nullopt;
  return stripped;
}

std::optional<MarkedNumber> match(std::string_view given, std::string_view unit) {
  const std::string plain = with_hyphens(with_ascii_digits(given));
  const std::string_view text = before_unit(plain, unit).value_or(plain);
  std::string negative;
  if (text.starts_with('(') && text.ends_with(')') && text.size() > 1)
    negative.append(1, '-').append(strip(text.substr(1, text.size() - 2)));
  MarkedNumber number;
  Reader reader(negative.empty() ? text : negative);
  number.about = !reader.take_any(kComparisons).empty();
  reader.skip_spaces();
  number.sign = reader.take_sign();
  reader.skip_spaces();
  if (const auto found = read_number(number, reader)) return found;
  for (const std::string_view currency : kCurrencies) {
    Reader rest = reader;
    if (rest.take_any(std::array{currency}).empty()) continue;
    number.before = currency;
    if (const auto found = read_number(number, rest)) return found;
  }
  return std::nullopt;
}

bool all_digits(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), is_ascii_digit);
}

// Digits in groups of two or three behind one mark, the last of them of three; or no groups at all.
bool is_grouped(std::string_view digits) {
  Reader reader(digits);
  if (const std::size_t first = reader.take_digits().size(); reader.at_end() || first == 0 || first > 3)
    return first > 0 && reader.at_end();
  const std::string_view mark = reader.take_any(kGroupMarks);
  reader = Reader(digits.substr(digits.size() - reader.rest().size() - mark.size()));
  std::size_t last = 0;
  while (!reader.at_end()) {
    if (mark.empty() || !reader.rest().starts_with(mark)) return false;
    reader.take(mark.size());
    last = reader.take_digits().size();
    if (last < 2 || last > 3) return false;
  }
  return last == 3;
}

// Digits with a decimal point and without groups; empty where they are written otherwise.
std::string plain_digits(std::string_view digits, char decimal) {
  const std::size_t point = digits.find(decimal);
  const std::string_view whole = digits.substr(0, point);
  const std::string_view rest =
      point == std::string_view::npos ? std::string_view() : digits.substr(point + 1);
  if (!all_digits(rest) || (!whole.empty() && !is_grouped(whole))) return {};
  std::string plain;
  for (const char c : whole)
    if (is_ascii_digit(c)) plain += c;
  if (plain.empty()) plain.push_back('0');
  plain.push_back('.');
  return plain.append(rest.empty() ? "0" : rest);
}

}  // namespace

std::optional<double> NumberFormat::parse(std::string_view text) const {
  double value = 0.0;
  const std::optional<MarkedNumber> found = match(text, unit);
  if (!found) {
    const bool read = text.find('_') == std::string_view::npos && parse_float(text, value);
    return read ? std::optional(value) : std::nullopt;
  }
  const std::string digits = plain_digits(found->digits, decimal);
  if (digits.empty() || (!found->sign.empty() && !found->inner_sign.empty())) return std::nullopt;
  parse_float(found->sign + found->inner_sign + digits + found->power, value);
  return value;
}

std::string common_unit(const std::string& column, const std::vector<std::string_view>& texts) {
  struct Found {
    std::string unit;
    std::string_view text;
  };
  std::vector<Found> units;
  for (const std::string_view text : texts) {
    const std::optional<MarkedNumber> found = match(text, {});
    if (!found) continue;
    const std::string digits = plain_digits(found->digits, '.');
    double value = 1.0;
    if (!digits.empty()) parse_float(digits, value);
    if (value == 0.0) continue;
    const std::string& unit = found->before.empty() ? found->after : found->before;
    if (std::none_of(units.begin(), units.end(), [&](const Found& known) { return known.unit == unit; }))
      units.push_back({unit, text});
  }
  const bool percents =
      std::any_of(units.begin(), units.end(), [](const Found& found) { return found.unit == "%"; });
  if (!percents) std::erase_if(units, [](const Found& found) { return found.unit.empty(); });
  if (units.size() > 1)
    throw_error(Error::Kind::kValue,
                {"column '", column, "': ", shorten(units[0].text), " and ", shorten(units[1].text),
                 " are in different units; give them one, or each a column"});
  return units.empty() ? "" : units[0].unit;
}

}  // namespace lamina
