// Sentences made of parts, and lists of names in them.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace lamina {

// A part of a text: text, a character or a whole number. It refers to what it was made of, so that it is for
// the call whose argument it is, and for nothing later.
class TextPart {
 public:
  TextPart(const char* text) noexcept : kind_(Kind::kLiteral), literal_(text) {}
  TextPart(const std::string& text) noexcept : kind_(Kind::kString), string_(&text) {}
  TextPart(const std::string_view& text) noexcept : kind_(Kind::kView), view_(&text) {}
  TextPart(std::same_as<char> auto character) noexcept : kind_(Kind::kCharacter), character_(character) {}
  template <std::integral Number>
    requires(!std::same_as<Number, char> && !std::same_as<Number, bool>)
  TextPart(Number number) noexcept {
    if constexpr (std::signed_integral<Number>) {
      kind_ = Kind::kSigned;
      signed_ = number;
    } else {
      kind_ = Kind::kUnsigned;
      unsigned_ = number;
    }
  }

  // Of parts again.
  TextPart(const std::initializer_list<TextPart>& parts) noexcept : kind_(Kind::kParts), parts_(&parts) {}

  void append_to(std::string& text) const;

 private:
  enum class Kind { kLiteral, kString, kView, kParts, kCharacter, kSigned, kUnsigned };
  Kind kind_;
  union {
    const char* literal_;
    const std::string* string_;
    const std::string_view* view_;
    const std::initializer_list<TextPart>* parts_;
    char character_;
    std::int64_t signed_;
    std::uint64_t unsigned_;
  };
};

// The parts of a sentence: {"expected ", rows, " rows, got ", found}. A call with them takes a few
// instructions a part; one with a sum of strings has a string to make and to destroy, twice over, for each.
using TextParts = std::initializer_list<TextPart>;

std::string concat(TextParts parts);

// "a, b, c"
std::string join(const std::vector<std::string>& parts, std::string_view separator = ", ");

}  // namespace lamina
