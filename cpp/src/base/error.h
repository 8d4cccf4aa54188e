// The one exception type of the core; surfaces translate its kind.
#pragma once

#include <cerrno>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "base/text.h"

namespace lamina {

class Error : public std::runtime_error {
 public:
  enum class Kind { kValue, kType, kIndex, kMemory, kIo, kNotFound, kFormat, kNotFinite, kState };

  Error(Kind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

  Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

// Raises Error, out of line: a sentence is put together only where it is needed.
[[noreturn]] void throw_error(Error::Kind kind, TextParts sentence);

// A refusal of the operating system, or one that stands for it: `code` is an errno, `reason` says it in
// words.
class SystemError : public Error {
 public:
  SystemError(int code, std::string_view before, std::string_view reason);
  SystemError(const std::error_code& error, std::string_view before);

  int code() const noexcept { return code_; }
  // The end of what().
  std::string_view reason() const noexcept {
    const std::string_view sentence = what();
    return sentence.substr(sentence.size() - reason_length_);
  }

 private:
  // By the errno that a system's own number stands for, whose text is no matter of the system's language.
  SystemError(const std::error_condition& condition, std::string_view before);

  int code_;
  std::size_t reason_length_;
};

}  // namespace lamina
