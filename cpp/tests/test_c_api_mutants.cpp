// Damages model files by the thousand and loads each through the C interface: no crash, no hang, no memory
// out of proportion, and no silent change where the checksum is not right.
//
// Run: test_c_api_mutants [MUTANTS [SEED [FIRST]]], 2,000 by default, from mutant number FIRST on; with
// LAMINA_SANITIZE=address,undefined in the build a wrong access ends it, after the number was written.
#include <lamina/lamina.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <new>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "model_file/model_file.h"

#if defined(__linux__)
#include <malloc.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

// Memory that the library takes, by new and by mmap.
namespace {

std::atomic<std::size_t> largest{0}, live{0}, peak{0};

void note_size(std::size_t bytes) noexcept {
  std::size_t before = largest;
  while (bytes > before && !largest.compare_exchange_weak(before, bytes)) {
  }
}

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  note_size(bytes);
  void* block = std::aligned_alloc(alignment,
                                   (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment);
#if defined(__linux__)
  if (block != nullptr) {
    const std::size_t now = live += malloc_usable_size(block);
    std::size_t before = peak;
    while (now > before && !peak.compare_exchange_weak(before, now)) {
    }
  }
#endif
  return block;
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
  if (void* block = allocate(bytes, alignment)) return block;
  throw std::bad_alloc();
}

void release(void* block) noexcept {
#if defined(__linux__)
  if (block != nullptr) live -= malloc_usable_size(block);
#endif
  std::free(block);
}

}  // namespace

void* operator new(std::size_t bytes) { return allocate_or_throw(bytes); }
void* operator new(std::size_t bytes, std::align_val_t a) {
  return allocate_or_throw(bytes, static_cast<std::size_t>(a));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate(bytes, alignof(std::max_align_t));
}
void* operator new(std::size_t bytes, std::align_val_t a, const std::nothrow_t&) noexcept {
  return allocate(bytes, static_cast<std::size_t>(a));
}
void operator delete(void* block) noexcept { release(block); }
void operator delete(void* block, std::size_t) noexcept { release(block); }
void operator delete(void* block, std::align_val_t) noexcept { release(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { release(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { release(block); }
void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept { release(block); }

#if defined(__linux__)
extern "C" void* mmap(void* place, std::size_t bytes, int protection, int flags, int file,
                      off_t offset) noexcept {
  note_size(bytes);
  return reinterpret_cast<void*>(syscall(SYS_mmap, place, bytes, protection, flags, file, offset));
}
#endif

namespace {

namespace fs = std::filesystem;
using Random = std::mt19937_64;
using Bytes = std::vector<std::byte>;

// What a mutant's number is, for the handler of a crash.
volatile long current = -1;

std::size_t below(Random& random, std::size_t count) { return count == 0 ? 0 : random() % count; }

std::string text_of(const Bytes& file, std::size_t begin, std::size_t end) {
  return {reinterpret_cast<const char*>(file.data()) + begin, end - begin};
}

std::uint64_t header_bytes(const Bytes& file) {
  std::uint64_t length = 0;
  if (file.size() >= 8) std::memcpy(&length, file.data(), 8);
  return length;
}

// A file of this header, padded, and payload, with the right length.
Bytes assembled(std::string header, std::string payload) {
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
std::vector<Span> numbers_in(const std::string& text, std::size_t from) {
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

std::vector<Span> names_in(const std::string& text, std::size_t from) {
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

const char* const kWild[] = {"-1",
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

// One edit of the header's text that knows what stands there.
void edit_header(std::string& text, Random& random) {
  const std::size_t from = lamina::kChecksumEnd - 8;
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
      const long long value = std::atoll(of(number).c_str()) + (random() % 2 == 0 ? 1 : -1);
      text.replace(number.begin, number.end - number.begin, std::to_string(value));
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
void damage(Bytes& file, std::size_t from, Random& random) {
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

Bytes mutant_of(const Bytes& original, Random& random, bool repair) {
  Bytes file = original;
  const std::uint64_t length = header_bytes(original);
  const std::size_t edits = random() % 2 == 0 ? 1 : 1 + below(random, 4);
  const std::size_t kind = random() % 5;
  if (kind < 3) {  // the header's text alone
    std::string header = text_of(file, 8, 8 + length);
    header.erase(header.find_last_not_of(' ') + 1);
    for (std::size_t i = 0; i < edits; ++i) edit_header(header, random);
    file = assembled(header, text_of(original, 8 + length, original.size()));
  } else {
    // The numbers of tensors alone, or anything.
    for (std::size_t i = 0; i < edits; ++i) damage(file, kind == 3 ? 8 + length : 0, random);
  }
  if (repair && file.size() >= lamina::kChecksumEnd) lamina::stamp_checksum(file);
  return file;
}

enum Outcome { kRefused, kLoaded, kPredicted, kOutcomes };
const char* const kNames[] = {"refused", "loaded, prediction refused", "loaded and predicted"};

// A row of zeros, or of missing values.
lamina_status predict_row(const lamina_model* model) {
  const std::size_t inputs = lamina_inputs(model), outputs = lamina_outputs(model);
  std::vector<double> y(std::max<std::size_t>(outputs, 1));
  if (lamina_is_table(model) != 0) {
    std::vector<lamina_cell> cells(inputs);
    for (std::size_t i = 0; i < inputs; ++i)
      cells[i] = {lamina_input_name(model, i), nullptr, std::numeric_limits<double>::quiet_NaN()};
    return lamina_table_predict(model, cells.data(), inputs, LAMINA_PREDICTIONS, y.data());
  }
  const std::vector<double> x(inputs);
  return lamina_predict_double(model, x.data(), 1, y.data());
}

struct Figures {
  long counts[kOutcomes] = {}, failures = 0;
  double slowest = 0.0, most = 0.0, largest = 0.0;  // seconds; peak and largest block over the file's size
};

void report(long number, const char* what) { std::printf("mutant %ld: %s\n", number, what); }

void run_mutant(long number, const Bytes& original, const Bytes& file, bool repaired, Figures& figures) {
  const auto fail = [&](const char* what) {
    report(number, what);
    ++figures.failures;
  };
  const std::size_t before = live;
  largest = 0;
  peak = before;
  const std::clock_t start = std::clock();
  lamina_model* model = nullptr;
  const lamina_status status = lamina_load_memory(file.data(), file.size(), &model);
  const std::size_t block = largest, most = peak - before;
  Outcome outcome = kRefused;
  if (status == LAMINA_OK) {
    if (!repaired && file != original) fail("a change without a right checksum was not seen");
    const lamina_status predicted = predict_row(model);
    outcome = predicted == LAMINA_OK ? kPredicted : kLoaded;
    lamina_free(model);
  } else if (status != LAMINA_ERROR_FORMAT) {
    fail(lamina_error_message());
  }
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  if (seconds > 1.0) fail("took more than a second");
  // Sentences and tables of names take what a file of a few bytes has not.
  constexpr std::size_t kLeast = 8192;
  if (block > std::max(2 * file.size(), kLeast)) fail("took a block beyond twice the file");
  if (live != before && number >= 0) fail("left memory behind");
  ++figures.counts[outcome];
  figures.slowest = std::max(figures.slowest, seconds);
  const auto size = static_cast<double>(std::max(file.size(), kLeast));
  figures.most = std::max(figures.most, static_cast<double>(most) / size);
  figures.largest = std::max(figures.largest, static_cast<double>(block) / size);
}

std::vector<Bytes> originals() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(LAMINA_TEST_MODELS))
    if (entry.path().extension() == ".lamina") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> files;
  for (const fs::path& path : paths) {
    std::ifstream in(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    const auto bytes = std::as_bytes(std::span(text));
    files.emplace_back(bytes.begin(), bytes.end());
  }
  return files;
}

extern "C" void tell_number(int signal) {
  char text[64];
  const int length = std::snprintf(text, sizeof text, "signal %d in mutant %ld\n", signal, current);
  (void)std::fwrite(text, 1, static_cast<std::size_t>(length), stderr);
  std::_Exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  const long count = argc > 1 ? std::atol(argv[1]) : 2000;
  const auto seed = static_cast<std::uint64_t>(argc > 2 ? std::atol(argv[2]) : 0);
  const long first = argc > 3 ? std::atol(argv[3]) : 0;
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE}) std::signal(signal, tell_number);
  const std::vector<Bytes> files = originals();
  if (files.size() < 10) return std::printf("expected the files of tests/models\n"), 1;
  Figures figures;
  for (const Bytes& file : files) run_mutant(-1, file, file, true, figures);  // statics are there from now on
  if (figures.counts[kPredicted] != static_cast<long>(files.size())) {
    std::printf("a file that is whole does not predict\n");
    return 1;
  }
  figures = {};
  for (long number = first; number < first + count; ++number) {
    current = number;
    Random random(seed * 1'000'003 + static_cast<std::uint64_t>(number));
    const Bytes& original = files[below(random, files.size())];
    const bool repair = number % 2 == 0;
    const Bytes file = mutant_of(original, random, repair);
    run_mutant(number, original, file, repair, figures);
  }
  for (int i = 0; i < kOutcomes; ++i) std::printf("%s: %ld\n", kNames[i], figures.counts[i]);
  std::printf("slowest %.3f s; largest block %.2f, most memory %.1f times the file; %ld failed\n",
              figures.slowest, figures.largest, figures.most, figures.failures);
  return figures.failures == 0 ? 0 : 1;
}
