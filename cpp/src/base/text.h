// Lists of names for error sentences.
#pragma once

#include <string>
#include <vector>

namespace lamina {

// "a, b, c"
inline std::string join(const std::vector<std::string>& parts, const char* separator = ", ") {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}

}  // namespace lamina
