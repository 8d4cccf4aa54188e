// Text from outside made fit for an error sentence, by JSON's escapes.
#include "model_file/in_quotes.h"

#include "base/json.h"
#include "base/text.h"

namespace lamina {
namespace {

std::string escaped(std::string_view text) {
  std::string quoted;
  append_json_text(quoted, text, true);
  return quoted;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 120;
  return text.size() <= kLongest ? escaped(text) : concat({escaped(text.substr(0, kLongest)), "..."});
}

std::string path_in_quotes(const std::filesystem::path& path) { return escaped(path_text(path)); }

std::string path_text(const std::filesystem::path& path) {
  const std::u8string text = path.u8string();
  return {text.begin(), text.end()};
}

}  // namespace lamina
