// The one exception of lamina's C++ interface, and what the library says of itself.
//
// Everything of this interface is in an inline namespace, lamina::v1, whose name is part of every symbol: the
// library's own C++ code is in namespace lamina too, and a program may link it statically, or hold code that
// was compiled with another version of these headers. So the one's Error is never taken for the other's.
#pragma once

#include <lamina/lamina.h>

#include <stdexcept>
#include <string>

namespace lamina {
inline namespace v1 {

// What lamina refused, in a sentence: where, what was expected, what came.
class Error : public std::runtime_error {
 public:
  Error(lamina_status status, const std::string& message) : std::runtime_error(message), status_(status) {}
  [[nodiscard]] lamina_status status() const noexcept { return status_; }

 private:
  lamina_status status_;
};

namespace detail {

inline void check(lamina_status status) {
  if (status != LAMINA_OK) throw Error(status, lamina_error_message());
}

[[noreturn]] inline void refuse(const std::string& message) { throw Error(LAMINA_ERROR_VALUE, message); }

// Texts of the C interface end with a zero byte: one within would cut the rest off without a word.
inline const std::string& checked_text(const std::string& text) {
  if (text.find('\0') != std::string::npos)
    refuse("expected a text without zero bytes, got one with " + std::to_string(text.size()) + " bytes");
  return text;
}

}  // namespace detail

[[nodiscard]] inline const char* version() noexcept { return lamina_version(); }
// "avx512", "avx2", "sse2", "neon" or "portable".
[[nodiscard]] inline const char* instruction_set() noexcept { return lamina_instruction_set(); }
[[nodiscard]] inline int num_threads() noexcept { return lamina_num_threads(); }
// On how many threads long work runs, 1 to 1024; results do not depend on it.
inline void set_num_threads(int threads) { detail::check(lamina_set_num_threads(threads)); }

}  // namespace v1
}  // namespace lamina
