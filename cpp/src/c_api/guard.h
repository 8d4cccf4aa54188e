// What stands around every function of the C interface: exceptions become a status and a sentence.
#pragma once

#include <cstring>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "lamina/lamina.h"

namespace lamina::c {

// Keeps the calling thread's sentence; allocates nothing. A core's sentence that opens with the name of an
// operation ("fit: ...") gets the C function's name ("lamina_fit: ...") in its place, any other goes behind
// it.
void set_message(const char* function, const char* sentence) noexcept;

// To be called where an exception is handled: sets the message and tells the status.
lamina_status translate_exception(const char* function) noexcept;

// Runs the body of the C function of this name.
template <class Body>
lamina_status guarded(const char* function, Body body) noexcept {
  try {
    body();
    return LAMINA_OK;
  } catch (...) {
    return translate_exception(function);
  }
}

// The same for a function that returns a value: `otherwise` where it fails.
template <class Value, class Body>
Value guarded_value(const char* function, Value otherwise, Body body) noexcept {
  try {
    return body();
  } catch (...) {
    translate_exception(function);
    return otherwise;
  }
}

// A function of the caller's said that it failed.
struct CallbackError : Error {
  explicit CallbackError(const std::string& sentence) : Error(Kind::kState, sentence) {}
};

[[noreturn]] inline void fail(Error::Kind kind, TextParts sentence) { throw_error(kind, sentence); }
[[noreturn]] inline void fail_value(TextParts sentence) { fail(Error::Kind::kValue, sentence); }

// `what` is the argument's name, `expected` what it should be: "one that lamina_load gave".
inline void check_given(const void* argument, const char* what, const char* expected) {
  if (argument == nullptr) fail_value({what, " is NULL; expected ", expected});
}

// The number of an enumeration as it came from C, where any int may stand: passed on by reference until here,
// as reading such a one is undefined.
template <class Enumeration>
int number_of(const Enumeration& given) noexcept {
  static_assert(sizeof(Enumeration) == sizeof(int));
  int number = 0;
  std::memcpy(&number, &given, sizeof number);
  return number;
}

}  // namespace lamina::c
