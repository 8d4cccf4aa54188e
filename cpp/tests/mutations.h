// Damage to model files: to any bytes, and to the text of the header by edits that know where numbers and
// names stand.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "model_file/model_file.h"

namespace lamina::test {

using Random = std::mt19937_64;
using Bytes = std::vector<std::byte>;

inline std::size_t below(Random& random, std::size_t count) { return count == 0 ? 0 : random() % count; }

inline std::string text_of(const Bytes& file, std::size_t begin, std::size_t end) {
  return {reinterpret_cast<const char*>(file.data()) + begin, end - begin};
}

inline std::uint64_t header_bytes(const Bytes& file) {
  std::uint64_t length = 0;
  if (file.size() >= 8) std::memcpy(&length, file.data(), 8);
  return length;
}

// A file of this header, padded, and payload, with the right length.
inline Bytes assembled(std::string header, std::string payload) {
  while ((8 + header.size()) % 64 != 0) header += ' ';
  const std::uint64_t length = header.size();
  Bytes file(8 + header.size() + payload.size());
  std::memcpy(file.data(), &length, 8);
  std::memcpy(file.data() + 8, header.data(), header.size());
  std::memcpy(file.data() + 8 + header.size(), payload.data(), payload.size());
  return file;
}

struct Span {
  std::size_t begin, end;
};

// The numbers, or the quoted texts, of a header's text from `from` on.
inline std::vector<Span> numbers_in(const std::string& text, std::size_t from) {
  std::vector<Span> found;
  for (std::size_t at = from; at < text.size(); ++at) {
    const std::size_t begin = at;
    while (at < text.size() && std::strchr("0123456789.eE+-", text[at]) != nullptr) ++at;
    const bool number = at > begin && std::any_of(text.begin() + static_cast<std::ptrdiff_t>(begin),
                                                  text.begin() + static_cast<std::ptrdiff_t>(at),
                                                  [](char c) { return c >= '0' && c <= '9'; });
    if (number) found.push_back({begin, at});
  }
  return found;
}

inline std::vector<Span> names_in(const std::string& text, std::size_t from) {
  std::vector<Span> found;
  std::size_t begin = text.find('"', from);
  while (begin != std::string::npos) {
    const std::size_t end = text.find('"', begin + 1);
    if (end == std::string::npos) break;
    std::size_t last = end;
    while (last > begin + 1 && text[last - 1] == '\\') --last;
    if (last > begin + 1) found.push_back({begin + 1, last});
    begin = end;  // the quote that ends one may begin the next
  }
  return found;
}

inline constexpr const char* kWild[] = {"-1",
                                        "0",
                                        "1",
                                        "2",
                                        "3",
                                        "16777216",
                                        "16777217",
                                        "4294967296",
                                        "9223372036854775807",
                                        "18446744073709551615",
                                        "1e400",
                                        "1e30",
                                        "-0.0",
                                        "1e-320",
                                        "NaN",
                                        "null",
                                        "true",
                                        "[]",
                                        "{}",
                                        "\\\"x\\\""};

// One edit of JSON text from `from` on that knows what stands there.
inline void edit_json(std::string& text, std::size_t from, Random& random) {
  const std::vector<Span> numbers = numbers_in(text, from), names = names_in(text, from);
  const auto pick = [&](const std::vector<Span>& spans) {
    return spans.empty() ? Span{from, from} : spans[below(random, spans.size())];
  };
  const auto of = [&](Span span) { return text.substr(span.begin, span.end - span.begin); };
  const Span number = pick(numbers), other = pick(numbers), name = pick(names), second = pick(names);
  switch (random() % 9) {
    case 0:
      text.replace(number.begin, number.end - number.begin, kWild[below(random, std::size(kWild))]);
      break;
    case 1: {  // one more, or one less
      const auto value = static_cast<std::uint64_t>(std::atoll(of(number).c_str()));
      const std::uint64_t other_value = random() % 2 == 0 ? value + 1 : value - 1;
      text.replace(number.begin, number.end - number.begin,
                   std::to_string(static_cast<std::int64_t>(other_value)));
      break;
    }
    case 2:
      text.replace(number.begin, number.end - number.begin, of(other));
      break;
    case 3:
      text.replace(name.begin, name.end - name.begin, of(second));
      break;
    case 4:  // a character of a name
      if (name.end > name.begin) text[name.begin + below(random, name.end - name.begin)] ^= 1;
      break;
    case 5:  // a piece less
      text.erase(from + below(random, text.size() - from), 1 + below(random, 24));
      break;
    case 6: {  // a piece twice
      const std::size_t at = from + below(random, text.size() - from);
      text.insert(at, text.substr(at, 1 + below(random, 60)));
      break;
    }
    case 7: {  // another number in each place where this one stands
      const std::string old = of(number), fresh = kWild[below(random, 8)];
      if (old.empty()) break;
      for (std::size_t at = text.find(old, from); at != std::string::npos && at < text.size();
           at = text.find(old, at + fresh.size()))
        text.replace(at, old.size(), fresh);
      break;
    }
    default:
      text[from + below(random, text.size() - from)] = static_cast<char>(random() % 256);
  }
}

// Anywhere from `from` on.
inline void damage(Bytes& file, std::size_t from, Random& random) {
  from = std::min(from, file.size() - 1);
  const auto somewhere = [&] { return from + below(random, file.size() - from); };
  const std::size_t at = somewhere(), other = somewhere();
  const std::size_t length = std::min(1 + below(random, 64), file.size() - std::max(at, other));
  const auto place = file.begin() + static_cast<std::ptrdiff_t>(at);
  switch (random() % 7) {
    case 0:
      for (std::size_t flips = 1 + below(random, 8); flips > 0; --flips)
        file[somewhere()] ^= static_cast<std::byte>(1U << random() % 8);
      break;
    case 1:
      file.resize(std::max<std::size_t>(at, 1));
      break;
    case 2:
      file.insert(place, 1 + below(random, 64), static_cast<std::byte>(random()));
      break;
    case 3:
      file.erase(place, place + static_cast<std::ptrdiff_t>(std::min(length, file.size() - 1)));
      break;
    case 4:  // two blocks change places
      std::swap_ranges(place, place + static_cast<std::ptrdiff_t>(length),
                       file.begin() + static_cast<std::ptrdiff_t>(other));
      break;
    case 5:
      std::fill_n(place, length, random() % 2 == 0 ? std::byte{0} : std::byte{0xFF});
      break;
    default: {  // a number of another kind: huge, tiny, infinite, none
      const std::uint64_t values[] = {0x7F800000U, 0x7FC00000U, 0x7F7FFFFFU, 1, 0x7FF0000000000000U, ~0ULL};
      std::memcpy(&*place, &values[below(random, std::size(values))],
                  std::min<std::size_t>(8, file.size() - at));
    }
  }
}

inline Bytes mutant_of(const Bytes& original, Random& random, bool repair) {
  Bytes file = original;
  const std::uint64_t length = header_bytes(original);
  const std::size_t edits = random() % 2 == 0 ? 1 : 1 + below(random, 4);
  const std::size_t kind = random() % 5;
  if (kind < 3) {  // the header's text alone
    std::string header = text_of(file, 8, 8 + length);
    header.erase(header.find_last_not_of(' ') + 1);
    for (std::size_t i = 0; i < edits; ++i) edit_json(header, kChecksumEnd - 8, random);
    file = assembled(header, text_of(original, 8 + length, original.size()));
  } else {
    // The numbers of tensors alone, or anything.
    for (std::size_t i = 0; i < edits; ++i) damage(file, kind == 3 ? 8 + length : 0, random);
  }
  if (repair && file.size() >= kChecksumEnd) stamp_checksum(file);
  return file;
}

// The files of a folder and of those within, by name.
inline std::vector<Bytes> model_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".lamina") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> files;
  for (const std::filesystem::path& path : paths) {
    std::ifstream in(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    const auto bytes = std::as_bytes(std::span(text));
    files.emplace_back(bytes.begin(), bytes.end());
  }
  return files;
}

}  // namespace lamina::test
