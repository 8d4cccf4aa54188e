// JSON text (RFC 8259), read event by event, and texts in it.
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/number_text.h"
#include "base/text.h"

namespace lamina {
namespace {

// How many bytes at the start of `text` (not empty) are one character of UTF-8, or begin one that the next
// byte breaks; `whole` tells which.
std::size_t character_length(std::string_view text, bool& whole) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xC2 && lead < 0xE0 ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 0;
  whole = false;
  if (length == 0) return 1;
  for (std::size_t i = 1; i < length; ++i) {
    unsigned char least = 0x80, most = 0xBF;
    if (i == 1) {
      if (lead == 0xE0) least = 0xA0;  // not in fewer bytes
      if (lead == 0xED) most = 0x9F;   // no surrogates
      if (lead == 0xF0) least = 0x90;
      if (lead == 0xF4) most = 0x8F;  // not above U+10FFFF
    }
    if (i == text.size() || byte(i) < least || byte(i) > most) return i;
  }
  whole = true;
  return length;
}

// Characters, and the letters behind a backslash that stand for them.
constexpr std::array<std::pair<char, char>, 7> kEscapes = {
    {{'"', '"'}, {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'}, {'\n', 'n'}, {'\r', 'r'}, {'\t', 't'}}};

void append_character(std::string& out, std::string_view character) {
  const char first = character.front();
  for (const auto& [raw, escape] : kEscapes)
    if (first == raw) {
      out += {'\\', escape};
      return;
    }
  constexpr const char* kDigits = "0123456789abcdef";
  const auto code = static_cast<unsigned char>(first);
  if (code < 0x20)
    out += {'\\', 'u', '0', '0', kDigits[code >> 4], kDigits[code & 15]};
  else
    out += character;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&](std::uint32_t bits) { out += static_cast<char>(bits); };
  const auto rest = [&](int shift) { byte(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    byte(0xE0 | code >> 12);
    rest(6);
  } else {
    byte(0xF0 | code >> 18);
    rest(12);
    rest(6);
  }
  rest(0);
}

bool is_plain(char c) noexcept { return c >= 0x20 && c <= 0x7E && c != '"' && c != '\\'; }

// Holds the brackets that are open, so that depth costs no calls. Its functions return false where the text
// is wrong, then `wrong_` is set, and where an event stops the reading.
class TextReader {
 public:
  TextReader(std::string_view text, JsonEvents& events) : text_(text), events_(events) {
    if (text_.starts_with("\xEF\xBB\xBF")) place_ = 3;  // the mark of UTF-8
  }

  std::string read() {
    bool good = true;
    do good = begin_value() && end_values();
    while (good && !open_.empty());
    if (good && peek() != kEnd) wrong();
    if (!wrong_) return {};
    return concat({"not valid JSON at byte ", place_ + 1, " (JSON has no NaN or infinity)"});
  }

 private:
  static constexpr char kEnd = '\0';

  bool wrong() {
    wrong_ = true;
    return false;
  }

  char here() const noexcept { return place_ < text_.size() ? text_[place_] : kEnd; }
  // What is next behind white space.
  char peek() noexcept {
    while (place_ < text_.size() && std::string_view(" \t\n\r").find(text_[place_]) != std::string_view::npos)
      ++place_;
    return here();
  }

  // Up to the end of the next text, number or word, or before the bracket that closes an empty container.
  bool begin_value() {
    for (;;) {
      const char first = peek();
      if (first != '{' && first != '[') return scalar(first);
      ++place_;
      if (!(first == '{' ? events_.begin_object() : events_.begin_array())) return false;
      open_ += first == '{' ? '}' : ']';
      if (peek() == open_.back()) return true;
      if (first == '{' && !key()) return false;
    }
  }

  // What closes behind a value, up to the next one.
  bool end_values() {
    while (!open_.empty()) {
      const char next = peek();
      if (next == ',') {
        ++place_;
        return open_.back() == ']' || key();
      }
      if (next != open_.back()) return wrong();
      ++place_;
      open_.pop_back();
      if (!(next == '}' ? events_.end_object() : events_.end_array())) return false;
    }
    return true;
  }

  bool key() {
    std::string name;
    if (peek() != '"') return wrong();
    if (!characters(name) || !events_.key(name)) return false;
    if (peek() != ':') return wrong();
    ++place_;
    return true;
  }

  bool scalar(char first) {
    std::string text;
    switch (first) {
      case '"':
        return characters(text) && events_.text(text);
      case 't':
        return word("true") && events_.boolean(true);
      case 'f':
        return word("false") && events_.boolean(false);
      case 'n':
        return word("null") && events_.null();
      default:
        return number();
    }
  }

  bool word(std::string_view expected) {
    if (!text_.substr(place_).starts_with(expected)) return wrong();
    place_ += expected.size();
    return true;
  }

  bool digits() {
    const std::size_t first = place_;
    while (here() >= '0' && here() <= '9') ++place_;
    return place_ > first || wrong();
  }

  bool number() {
    const std::size_t first = place_;
    if (here() == '-') ++place_;
    if (here() == '0')
      ++place_;
    else if (!digits())
      return false;
    const std::size_t whole_end = place_;
    if (here() == '.') {
      ++place_;
      if (!digits()) return false;
    }
    if (here() == 'e' || here() == 'E') {
      ++place_;
      if (here() == '+' || here() == '-') ++place_;
      if (!digits()) return false;
    }
    const std::string_view all = text_.substr(first, place_ - first);
    if (place_ == whole_end) {
      std::int64_t negative = 0;
      std::uint64_t whole = 0;
      const char* end = all.data() + all.size();
      if (all.front() == '-') {
        if (std::from_chars(all.data(), end, negative).ec == std::errc()) return events_.negative(negative);
      } else if (std::from_chars(all.data(), end, whole).ec == std::errc()) {
        return events_.whole(whole);
      }
    }
    const double value = parse_decimal(all);
    return std::isfinite(value) ? events_.fraction(value) : wrong();
  }

  // A text in quotes.
  bool characters(std::string& out) {
    ++place_;
    for (;;) {
      const std::size_t first = place_;
      while (place_ < text_.size() && is_plain(text_[place_])) ++place_;
      out += text_.substr(first, place_ - first);
      if (here() == '"') break;
      if (here() == '\\') {
        if (!escape(out)) return false;
        continue;
      }
      if (static_cast<unsigned char>(here()) < 0x20) return wrong();  // and at the end
      bool whole = false;
      const std::size_t length = character_length(text_.substr(place_), whole);
      if (!whole) return wrong();
      out += text_.substr(place_, length);
      place_ += length;
    }
    ++place_;
    return true;
  }

  bool escape(std::string& out) {
    ++place_;
    if (here() == 'u') {
      std::uint32_t code = 0, low = 0;
      if (!code_unit(code)) return false;
      if (code >= 0xD800 && code < 0xDC00) {  // the first half of a character
        if (!word("\\")) return false;
        if (here() != 'u') return wrong();
        if (!code_unit(low)) return false;
        if (low < 0xDC00 || low > 0xDFFF) return wrong();
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else if (code >= 0xDC00 && code <= 0xDFFF) {
        return wrong();
      }
      append_utf8(out, code);
      return true;
    }
    for (const auto& [raw, letter] : kEscapes)
      if (here() == letter) {
        out += raw;
        ++place_;
        return true;
      }
    if (here() != '/') return wrong();
    out += '/';
    ++place_;
    return true;
  }

  // uXXXX
  bool code_unit(std::uint32_t& code) {
    ++place_;
    const std::string_view four = text_.substr(place_, 4);
    const char* end = four.data() + four.size();
    const auto read = std::from_chars(four.data(), end, code, 16);
    // from_chars would take a sign only in signed numbers.
    if (four.size() != 4 || read.ec != std::errc() || read.ptr != end) return wrong();
    place_ += 4;
    return true;
  }

  std::string_view text_;
  JsonEvents& events_;
  std::string open_;  // the brackets that close what is open
  std::size_t place_ = 0;
  bool wrong_ = false;
};

}  // namespace

std::string read_json(std::string_view text, JsonEvents& events) {
  if (text.find('\0') != std::string_view::npos) return "not valid JSON: it holds a zero byte";
  return TextReader(text, events).read();
}

void append_json_text(std::string& out, std::string_view text, bool replaces) {
  out += '"';
  while (!text.empty()) {
    bool whole = false;
    const std::size_t length = character_length(text, whole);
    if (!whole && !replaces) throw_error(Error::Kind::kValue, {"JSON: a text is not UTF-8"});
    append_character(out, whole ? text.substr(0, length) : std::string_view("\xEF\xBF\xBD"));
    text.remove_prefix(length);
  }
  out += '"';
}

}  // namespace lamina
