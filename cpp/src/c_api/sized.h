// Structs of a caller who may have been compiled with an older or a newer header: `struct_size` says which.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>

#include "c_api/guard.h"

namespace lamina::c {

// No struct will be larger: beyond it a size was never set.
inline constexpr std::size_t kMostStructBytes = 4096;

// Refuses sizes that no version of the struct has. `name` is the argument's: "options".
inline void check_struct_size(std::size_t size, std::size_t alignment, const char* name) {
  if (size >= 2 * sizeof(std::size_t) && size <= kMostStructBytes && size % alignment == 0) return;
  fail_value({name, "->struct_size is ", size,
              "; expected the size of the struct, as its _INIT macro or _init function sets it"});
}

// What the caller gives; fields beyond his struct have their defaults. A field of a later version may be
// there where it is zero, which is to stand for what this version does.
template <class Struct>
Struct sized_copy(const Struct& given, const Struct& defaults, const char* name) {
  std::size_t size = 0;
  std::memcpy(&size, &given.struct_size, sizeof size);
  check_struct_size(size, alignof(Struct), name);
  const auto* bytes = reinterpret_cast<const unsigned char*>(&given);
  for (std::size_t i = sizeof(Struct); i < size; ++i)
    if (bytes[i] != 0)
      fail_value({name,
                  " sets a field that this version of lamina does not have; update the library, or leave the "
                  "field zero"});
  Struct own = defaults;
  std::memcpy(&own, &given, std::min(size, sizeof(Struct)));
  own.struct_size = sizeof(Struct);
  return own;
}

// Into a struct of the caller's, as far as his reaches; what is beyond this version becomes zero.
template <class Struct>
void sized_store(const Struct& values, std::size_t size, Struct* to) noexcept {
  auto* bytes = reinterpret_cast<unsigned char*>(to);
  std::memcpy(bytes, &values, std::min(size, sizeof(Struct)));
  if (size > sizeof(Struct)) std::memset(bytes + sizeof(Struct), 0, size - sizeof(Struct));
  to->struct_size = size;
}

}  // namespace lamina::c
