// Sentences out of their parts.
#include "base/text.h"

namespace lamina {

void TextPart::append_to(std::string& text) const {
  switch (kind_) {
    case Kind::kLiteral:
      text += literal_;
      break;
    case Kind::kString:
      text += *string_;
      break;
    case Kind::kView:
      text += *view_;
      break;
    case Kind::kParts:
      for (const TextPart& part : *parts_) part.append_to(text);
      break;
    case Kind::kCharacter:
      text += character_;
      break;
    case Kind::kSigned:
      text += std::to_string(signed_);
      break;
    case Kind::kUnsigned:
      text += std::to_string(unsigned_);
      break;
  }
}

std::string concat(TextParts parts) {
  std::string text;
  TextPart(parts).append_to(text);
  return text;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += separator;
    text += part;
  }
  return text;
}

}  // namespace lamina
