// The distinct texts of a column in a hash table of their codes.
#include "tables/text_dictionary.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace lamina {
namespace {

constexpr size_t kBlockBytes = size_t{1} << 16;
constexpr size_t kGroup = 256;

void prefetch([[maybe_unused]] const void* place) {
#if defined(__GNUC__)
  __builtin_prefetch(place);
#endif
}

// One multiplication would leave texts of digits, which differ in few bits of each byte, in clusters.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 32)) * 0xE9846AF9B1A615D;
  x = (x ^ (x >> 32)) * 0xE9846AF9B1A615D;
  return x ^ (x >> 28);
}

template <class Word>
Word load(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof(Word));
  return word;
}

// The up to 8 bytes of a short text in a word, some of them twice.
std::uint64_t short_word(const char* at, size_t size) {
  if (size >= 4) return load<std::uint32_t>(at) | std::uint64_t{load<std::uint32_t>(at + size - 4)} << 32;
  if (size == 0) return 0;
  const auto byte = [at](size_t i) { return std::uint64_t{static_cast<unsigned char>(at[i])}; };
  return byte(0) | byte(size / 2) << 8 | byte(size - 1) << 16;
}

std::uint32_t hash_of(std::string_view text) {
  const char* const begin = text.data();
  std::uint64_t hash = text.size();
  if (text.size() <= 8)
    return static_cast<std::uint32_t>(mix(hash << 56 ^ short_word(begin, text.size())) >> 32);
  for (size_t i = 0; i + 8 < text.size(); i += 8) hash = mix(hash ^ load<std::uint64_t>(begin + i));
  return static_cast<std::uint32_t>(mix(hash ^ load<std::uint64_t>(begin + text.size() - 8)) >> 32);
}

// As ==, without a call for each text.
bool equal(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  if (a.size() <= 8) return short_word(a.data(), a.size()) == short_word(b.data(), b.size());
  size_t i = 0;
  for (; i + 8 < a.size(); i += 8) {
    if (load<std::uint64_t>(a.data() + i) != load<std::uint64_t>(b.data() + i)) return false;
  }
  const size_t last = a.size() - 8;
  return load<std::uint64_t>(a.data() + last) == load<std::uint64_t>(b.data() + last);
}

}  // namespace

// Looking up a text waits for memory three times: for its slot, its entry and its bytes. These waits are
// shared by a group of texts.
void TextDictionary::append_codes(const std::vector<std::string_view>& texts,
                                  std::vector<std::int32_t>& codes) {
  if (slots_.empty()) grow();
  std::array<std::uint32_t, kGroup> hashes;
  std::array<std::int32_t, kGroup> found;
  for (size_t first = 0; first < texts.size(); first += kGroup) {
    const size_t count = std::min(kGroup, texts.size() - first);
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = hash_of(texts[first + i]);
      prefetch(&slots_[hashes[i] & (slots_.size() - 1)]);
    }
    for (size_t i = 0; i < count; ++i) {
      found[i] = probable_code(hashes[i]);
      if (found[i] >= 0) prefetch(&entries_[static_cast<size_t>(found[i])]);
    }
    for (size_t i = 0; i < count; ++i) {
      if (found[i] >= 0) prefetch((*this)[found[i]].data());
    }
    for (size_t i = 0; i < count; ++i) {
      const std::string_view text = texts[first + i];
      const bool known = found[i] >= 0 && equal((*this)[found[i]], text);
      codes.push_back(known ? found[i] : code(text, hashes[i]));
    }
  }
}

// The code of the first text with this hash; -1 where there is none.
std::int32_t TextDictionary::probable_code(std::uint32_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t place = hash & mask;
  while (slots_[place].code >= 0 && slots_[place].hash != hash) place = (place + 1) & mask;
  return slots_[place].code;
}

std::int32_t TextDictionary::code(std::string_view text, std::uint32_t hash) {
  if (2 * (entries_.size() + 1) > slots_.size()) grow();
  const size_t mask = slots_.size() - 1;
  size_t place = hash & mask;
  for (; slots_[place].code >= 0; place = (place + 1) & mask) {
    const Slot& slot = slots_[place];
    if (slot.hash == hash && equal((*this)[slot.code], text)) return slot.code;
  }
  if (entries_.size() >= static_cast<size_t>(std::numeric_limits<std::int32_t>::max())) {
    throw_error(Error::Kind::kValue, {"a column has more than 2,147,483,647 different texts"});
  }
  const auto added = static_cast<std::int32_t>(entries_.size());
  entries_.push_back(keep(text));
  slots_[place] = {added, hash};
  return added;
}

void TextDictionary::grow() {
  std::vector<Slot> larger(std::max<size_t>(16, 2 * slots_.size()));
  const size_t mask = larger.size() - 1;
  for (const Slot& slot : slots_) {
    if (slot.code < 0) continue;
    size_t place = slot.hash & mask;
    while (larger[place].code >= 0) place = (place + 1) & mask;
    larger[place] = slot;
  }
  slots_ = std::move(larger);
}

std::string_view TextDictionary::keep(std::string_view text) {
  if (text.empty()) return {};
  if (text.size() > free_bytes_) {
    const size_t bytes = std::max(kBlockBytes, text.size());
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
    free_ = blocks_.back().get();
    free_bytes_ = bytes;
  }
  char* const place = free_;
  std::memcpy(place, text.data(), text.size());
  free_ += text.size();
  free_bytes_ -= text.size();
  return {place, text.size()};
}

}  // namespace lamina
