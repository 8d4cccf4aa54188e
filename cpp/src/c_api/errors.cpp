// The last error of each thread, and the names of statuses.
#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <string_view>

#include "c_api/guard.h"

namespace lamina::c {
namespace {

constexpr std::size_t kMostBytes = 2048;
thread_local char message[kMostBytes] = "";

lamina_status status_of(Error::Kind kind) noexcept {
  switch (kind) {
    case Error::Kind::kValue:
    case Error::Kind::kIndex:
      return LAMINA_ERROR_VALUE;
    case Error::Kind::kType:
      return LAMINA_ERROR_TYPE;
    case Error::Kind::kMemory:
      return LAMINA_ERROR_MEMORY;
    case Error::Kind::kIo:
      return LAMINA_ERROR_IO;
    case Error::Kind::kNotFound:
      return LAMINA_ERROR_NOT_FOUND;
    case Error::Kind::kFormat:
      return LAMINA_ERROR_FORMAT;
    case Error::Kind::kNotFinite:
      return LAMINA_ERROR_NOT_FINITE;
    case Error::Kind::kState:
      return LAMINA_ERROR_STATE;
  }
  return LAMINA_ERROR_INTERNAL;
}

// How many bytes of `text` fit in so much room, whole characters of UTF-8 alone.
std::size_t fitting(std::string_view text, std::size_t room) noexcept {
  if (text.size() <= room) return text.size();
  while (room > 0 && (static_cast<unsigned char>(text[room]) & 0xC0U) == 0x80U) --room;
  return room;
}

}  // namespace

void set_message(const char* function, const char* sentence) noexcept {
  std::size_t used = 0;
  const auto add = [&](std::string_view part) {
    const std::size_t count = fitting(part, kMostBytes - 1 - used);
    std::copy_n(part.data(), count, message + used);
    used += count;
  };
  constexpr std::string_view kPrefix = "lamina_";
  const std::string_view name(function), said(sentence);
  const std::string_view operation = name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
  const char behind =
      said.starts_with(operation) && said.size() > operation.size() ? said[operation.size()] : ' ';
  if (behind == ':' || behind == ',') {
    add(kPrefix);
  } else {
    add(name);
    add(": ");
  }
  add(said);
  message[used] = '\0';
}

lamina_status translate_exception(const char* function) noexcept {
  constexpr const char* kOutOfMemory = "out of memory; free some, or use a smaller model or fewer rows";
  try {
    throw;
  } catch (const CallbackError& error) {
    set_message(function, error.what());
    return LAMINA_ERROR_CALLBACK;
  } catch (const Error& error) {
    set_message(function, error.what());
    return status_of(error.kind());
  } catch (const std::bad_alloc&) {
    set_message(function, kOutOfMemory);
    return LAMINA_ERROR_MEMORY;
  } catch (const std::length_error&) {  // of a container
    set_message(function, kOutOfMemory);
    return LAMINA_ERROR_MEMORY;
  } catch (const std::exception& error) {
    set_message(function, error.what());
    return LAMINA_ERROR_INTERNAL;
  } catch (...) {
    set_message(function, "an unknown exception; please report it");
    return LAMINA_ERROR_INTERNAL;
  }
}

}  // namespace lamina::c

extern "C" {

const char* lamina_error_message(void) { return lamina::c::message; }

const char* lamina_status_name(lamina_status status) {
  constexpr const char* kNames[] = {"ok",     "value",      "type",  "memory",   "io",      "not found",
                                    "format", "not finite", "state", "internal", "callback"};
  const int number = lamina::c::number_of(status);
  return number >= 0 && number < static_cast<int>(std::size(kNames)) ? kNames[number] : "unknown";
}
}
