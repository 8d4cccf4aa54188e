// Text from outside (names, paths) made fit for an error sentence.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace lamina {

// In double quotes, escaped, cut after 120 bytes; always valid UTF-8.
std::string in_quotes(std::string_view text);
std::string path_in_quotes(const std::filesystem::path& path);
// As it is, in UTF-8 where the system's paths are texts.
std::string path_text(const std::filesystem::path& path);

}  // namespace lamina
