// Characters of UTF-8 text as Python tells them apart: their number, white space and decimal digits.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lamina {

// The character at `at`, which moves behind it; a byte that begins none counts as one by itself.
char32_t next_character(std::string_view text, std::size_t& at) noexcept;

std::size_t count_characters(std::string_view text) noexcept;

// As str.isspace and \s have it.
bool is_space(char32_t character) noexcept;

bool is_ascii(std::string_view text) noexcept;

inline bool is_ascii_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// The text with the decimal digits of all scripts written as 0 to 9, as float and \d read them.
std::string with_ascii_digits(std::string_view text);

// In single quotes and cut after 40 characters, for a sentence.
std::string shorten(std::string_view text);

}  // namespace lamina
