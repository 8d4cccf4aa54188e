// Prints how long single rows take through a predictor, each call by itself: median, percentiles and worst.
// `bench_real_time [CALLS]`, a million by default; LAMINA_ISA chooses the instruction set.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/json.h"
#include "inference/predictor.h"
#include "kernels/dispatch.h"

namespace {

using namespace lamina;
using Clock = std::chrono::steady_clock;

Json spec_of(const std::vector<int64_t>& widths) {
  Json::Array layers;
  for (size_t i = 1; i < widths.size(); ++i)
    layers.push_back(Json{{"kind", "dense"},
                          {"units", widths[i]},
                          {"activation", i + 1 < widths.size() ? "tanh" : "identity"}});
  return {{"inputs", widths.front()}, {"layers", std::move(layers)}};
}

double nanoseconds(Clock::duration time) { return std::chrono::duration<double, std::nano>(time).count(); }

void print(const std::string& name, std::vector<float>& times) {
  std::sort(times.begin(), times.end());
  std::printf("| %s |", name.c_str());
  const auto calls = static_cast<double>(times.size());
  for (const double share : {0.5, 0.99, 0.999, 0.9999})
    std::printf(" %.0f |", static_cast<double>(times[static_cast<size_t>(share * calls)]));
  std::printf(" %.0f |\n", static_cast<double>(times.back()));
}

void measure(const std::vector<int64_t>& widths, size_t calls) {
  const Network<float> network(spec_of(widths), 1);
  const Predictor<float> predictor(network, network.weights());
  std::vector<float> in(static_cast<size_t>(widths.front()), 0.5F), out(static_cast<size_t>(widths.back()));
  AlignedBuffer<float> workspace(predictor.row_workspace_size());
  std::vector<float> times(calls);
  for (size_t i = 0; i < calls; ++i) {
    const auto start = Clock::now();
    predictor.predict_row(in.data(), out.data(), workspace.data());
    times[i] = static_cast<float>(nanoseconds(Clock::now() - start));
    in.front() = out.front() * 0.5F;
  }
  std::string name;
  for (const int64_t width : widths) name.append(name.empty() ? "" : "-").append(std::to_string(width));
  print(name, times);
}

// What the clock and the machine add: the same without a prediction.
void measure_nothing(size_t calls) {
  std::vector<float> times(calls);
  for (size_t i = 0; i < calls; ++i) {
    const auto start = Clock::now();
    times[i] = static_cast<float>(nanoseconds(Clock::now() - start));
  }
  print("nothing", times);
}

}  // namespace

int main(int argc, char** argv) {
  const size_t calls = argc > 1 ? static_cast<size_t>(std::atoll(argv[1])) : 1'000'000;
  std::printf("%s, ns of a call, tanh\n| network | median | 99 %% | 99.9 %% | 99.99 %% | worst |\n",
              kernels::instruction_set());
  measure_nothing(calls);
  for (const auto& widths :
       std::vector<std::vector<int64_t>>{{16, 16}, {1, 8, 8, 1}, {8, 32, 32, 1}, {64, 128, 128, 8}})
    measure(widths, calls);
}
