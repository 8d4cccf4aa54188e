// The one exception type of the core; surfaces translate its kind.
#pragma once

#include <cerrno>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace lamina {

class Error : public std::runtime_error {
 public:
  enum class Kind { kValue, kType, kIndex, kMemory, kIo, kNotFound, kFormat, kNotFinite, kState };

  Error(Kind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

  Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

// A refusal of the operating system, or one that stands for it: `code` is an errno, `reason` says it in
// words.
class SystemError : public Error {
 public:
  SystemError(int code, const std::string& before, const std::string& reason)
      : Error(code == ENOENT ? Kind::kNotFound : Kind::kIo, before + ": " + reason),
        code_(code),
        reason_length_(reason.size()) {}
  SystemError(const std::error_code& error, const std::string& before)
      : SystemError(error.default_error_condition(), before) {}

  int code() const noexcept { return code_; }
  // The end of what().
  std::string_view reason() const noexcept {
    const std::string_view sentence = what();
    return sentence.substr(sentence.size() - reason_length_);
  }

 private:
  // By the errno that a system's own number stands for, whose text is no matter of the system's language.
  SystemError(const std::error_condition& condition, const std::string& before)
      : SystemError(condition.category() == std::generic_category() ? condition.value() : EIO, before,
                    condition.message()) {}

  int code_;
  std::size_t reason_length_;
};

}  // namespace lamina
