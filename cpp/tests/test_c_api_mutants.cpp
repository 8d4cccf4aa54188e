// Damages model files by the thousand and loads each through the C interface: no crash, no hang, no memory
// out of proportion, and no silent change where the checksum is not right. What loads is used: it predicts,
// is saved and read again, runs its self-test through a memory map, and a network learns from a few rows.
//
// Run: test_c_api_mutants [MUTANTS [SEED [FIRST]]], 2,000 by default, from mutant number FIRST on; with
// LAMINA_SANITIZE=address,undefined in the build a wrong access ends it, after the number was written.
#include <lamina/lamina.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <limits>

#include "counted_memory.h"
#include "mutations.h"

namespace {

using namespace lamina::test;

// What a mutant's number is, for the handler of a crash.
volatile long current = -1;

enum Outcome { kRefused, kLoaded, kPredicted, kOutcomes };
const char* const kNames[] = {"refused", "loaded, prediction refused", "loaded and predicted"};

// A row of zeros, or of missing values.
lamina_status predict_row(const lamina_model* model, std::vector<double>& y) {
  const std::size_t inputs = lamina_inputs(model);
  y.resize(std::max<std::size_t>(lamina_outputs(model), 1));
  if (lamina_is_table(model) != 0) {
    std::vector<lamina_cell> cells(inputs);
    for (std::size_t i = 0; i < inputs; ++i)
      cells[i] = {lamina_input_name(model, i), nullptr, std::numeric_limits<double>::quiet_NaN()};
    return lamina_table_predict(model, cells.data(), inputs, LAMINA_PREDICTIONS, y.data());
  }
  const std::vector<double> x(inputs);
  return lamina_predict_double(model, x.data(), 1, y.data());
}

// One epoch of two rows: as classes, else as numbers.
lamina_status learn(lamina_model* model) {
  const std::vector<double> x(2 * lamina_inputs(model)), y(2 * lamina_outputs(model), 0.5);
  const std::int32_t classes[2] = {0, 1};
  lamina_data data = LAMINA_DATA_INIT;
  data.x = x.data();
  data.x_type = data.y_type = LAMINA_FLOAT64;
  data.rows = 2;
  data.classes = classes;
  lamina_fit_options options;
  lamina_status status = lamina_fit_options_init(&options, sizeof options);
  if (status != LAMINA_OK) return status;
  options.epochs = 1;
  status = lamina_fit(model, &data, &options, nullptr);
  if (status == LAMINA_OK) return status;
  data.classes = nullptr;
  data.y = y.data();
  data.y_columns = lamina_outputs(model);
  return lamina_fit(model, &data, &options, nullptr);
}

struct Figures {
  long counts[kOutcomes] = {}, learned = 0, self_tests = 0, failures = 0;
  double slowest = 0.0, most = 0.0, largest = 0.0;  // seconds; peak and largest block over the file's size
};

class Mutant {
 public:
  Mutant(long number, const Bytes& file, Figures& figures)
      : number_(number), file_(file), figures_(figures) {}

  void run(bool changed_silently) {
    const std::size_t before = live;
    largest = 0;
    peak = before;
    const std::clock_t start = std::clock();
    lamina_model* model = nullptr;
    const lamina_status status = lamina_load_memory(file_.data(), file_.size(), &model);
    const std::size_t block = largest, most = peak - before;
    Outcome outcome = kRefused;
    if (status == LAMINA_OK) {
      if (changed_silently) fail("a change without a right checksum was not seen");
      outcome = use(model);
    } else if (status != LAMINA_ERROR_FORMAT) {
      fail(lamina_error_message());
    }
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    if (seconds > 1.0) fail("took more than a second");
    // Sentences and tables of names take what a file of a few bytes has not.
    constexpr std::size_t kLeast = 8192;
    if (block > std::max(2 * file_.size(), kLeast)) fail("took a block beyond twice the file");
    if (live != before && number_ >= 0) fail("left memory behind");
    ++figures_.counts[outcome];
    figures_.slowest = std::max(figures_.slowest, seconds);
    const auto size = static_cast<double>(std::max(file_.size(), kLeast));
    figures_.most = std::max(figures_.most, static_cast<double>(most) / size);
    figures_.largest = std::max(figures_.largest, static_cast<double>(block) / size);
  }

  // By its path, with its self-test: as it loads from memory, but for what the self-test says.
  void run_mapped(const std::filesystem::path& path) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(file_.data()), static_cast<std::streamsize>(file_.size()));
    lamina_model *model = nullptr, *tested = nullptr;
    lamina_load_options options = LAMINA_LOAD_OPTIONS_INIT;
    options.memory_map = 1;
    const lamina_status status = lamina_load_with(path.c_str(), &options, &model);
    options.self_test = 1;
    const lamina_status self_test = lamina_load_with(path.c_str(), &options, &tested);
    std::filesystem::remove(path);
    lamina_model* from_memory = nullptr;
    if (status != lamina_load_memory(file_.data(), file_.size(), &from_memory))
      fail("a memory map gives another status");
    if (self_test == LAMINA_OK) ++figures_.self_tests;
    if (self_test != LAMINA_ERROR_FORMAT && self_test != status) fail(lamina_error_message());
    for (lamina_model* made : {model, tested, from_memory}) lamina_free(made);
  }

 private:
  void fail(const char* what) {
    std::printf("mutant %ld: %s\n", number_, what);
    ++figures_.failures;
  }

  Outcome use(lamina_model* model) {
    std::vector<double> y, again;
    const lamina_status predicted = predict_row(model, y);
    if (predicted == LAMINA_OK) save_and_load(model, y);
    if (lamina_is_table(model) == 0) {
      const lamina_status learned = learn(model);
      if (learned == LAMINA_OK) ++figures_.learned;
      if (learned == LAMINA_ERROR_INTERNAL || learned == LAMINA_ERROR_MEMORY) fail(lamina_error_message());
    }
    lamina_free(model);
    return predicted == LAMINA_OK ? kPredicted : kLoaded;
  }

  void save_and_load(const lamina_model* model, const std::vector<double>& y) {
    std::size_t size = 0;
    if (lamina_save_memory(model, nullptr, 0, &size) != LAMINA_OK) return fail(lamina_error_message());
    Bytes saved(size);
    lamina_model* again = nullptr;
    if (lamina_save_memory(model, saved.data(), size, &size) != LAMINA_OK ||
        lamina_load_memory(saved.data(), size, &again) != LAMINA_OK)
      return fail(lamina_error_message());
    std::vector<double> same;
    if (predict_row(again, same) != LAMINA_OK ||
        std::memcmp(same.data(), y.data(), y.size() * sizeof(double)) != 0)
      fail("predicts something else after it was saved");
    lamina_free(again);
  }

  long number_;
  const Bytes& file_;
  Figures& figures_;
};

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
  const std::vector<Bytes> files = model_files(LAMINA_TEST_MODELS);
  if (files.size() < 10) return std::printf("expected the files of tests/models\n"), 1;
  const std::filesystem::path path = std::filesystem::temp_directory_path() /
                                     ("lamina_mutant_" + std::to_string(seed) + "_" + std::to_string(first));
  Figures figures;
  for (const Bytes& file : files) Mutant(-1, file, figures).run(false);  // statics are there from now on
  if (figures.counts[kPredicted] != static_cast<long>(files.size()) || figures.failures > 0) {
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
    Mutant mutant(number, file, figures);
    mutant.run(!repair && file != original);
    if (number % 8 == 0) mutant.run_mapped(path);
  }
  for (int i = 0; i < kOutcomes; ++i) std::printf("%s: %ld\n", kNames[i], figures.counts[i]);
  std::printf("learned: %ld; passed their self-test: %ld of those tried\n", figures.learned,
              figures.self_tests);
  std::printf("slowest %.3f s; largest block %.2f, most memory %.1f times the file; %ld failed\n",
              figures.slowest, figures.largest, figures.most, figures.failures);
  return figures.failures == 0 ? 0 : 1;
}
