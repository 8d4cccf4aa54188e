// The distinct texts of a column, numbered in the order of their first appearance.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace lamina {

class TextDictionary {
 public:
  // Appends the code of each text to `codes`; new texts are copied. Throws Error kValue beyond 2^31 - 1.
  void append_codes(const std::vector<std::string_view>& texts, std::vector<std::int32_t>& codes);

  std::int32_t size() const noexcept { return static_cast<std::int32_t>(entries_.size()); }
  std::string_view operator[](std::int32_t code) const { return entries_[static_cast<size_t>(code)]; }

  // Frees what only append_codes needs.
  void seal() { slots_ = {}; }

 private:
  struct Slot {
    std::int32_t code = -1;
    std::uint32_t hash = 0;
  };

  std::int32_t probable_code(std::uint32_t hash) const;
  std::int32_t code(std::string_view text, std::uint32_t hash);
  void grow();
  std::string_view keep(std::string_view text);

  std::vector<Slot> slots_;  // a power of two of them, at most half full
  std::vector<std::string_view> entries_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;
  size_t free_bytes_ = 0;
};

}  // namespace lamina
