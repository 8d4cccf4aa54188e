// Prints nanoseconds of one row through a predictor, least and median of many runs:
// `bench_predictor [ROUNDS]`, LAMINA_ISA chooses the instruction set.
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

Json spec_of(const std::vector<int64_t>& widths) {
  Json::Array layers;
  for (size_t i = 1; i < widths.size(); ++i)
    layers.push_back(Json{{"kind", "dense"},
                          {"units", widths[i]},
                          {"activation", i + 1 < widths.size() ? "relu" : "identity"}});
  return {{"inputs", widths.front()}, {"layers", std::move(layers)}};
}

// Each row's outputs go into the next one's inputs, so that calls do not overlap.
template <class T>
void measure(const std::vector<int64_t>& widths, int rounds) {
  using Clock = std::chrono::steady_clock;
  const Network<T> network(spec_of(widths), 1);
  const Predictor<T> predictor(network, network.weights());
  std::vector<T> in(static_cast<size_t>(widths.front()), T(0.5)), out(static_cast<size_t>(widths.back()));
  const int calls = static_cast<int>(std::max<int64_t>(10, 2'000'000 / (predictor.multiply_adds() + 1000)));
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) {
    const auto start = Clock::now();
    for (int i = 0; i < calls; ++i) {
      predictor.predict_row(in.data(), out.data());
      in.front() = out.front() * T(0.5);
    }
    times.push_back(std::chrono::duration<double, std::nano>(Clock::now() - start).count() / calls);
  }
  std::sort(times.begin(), times.end());
  std::string name;
  for (const int64_t width : widths) name.append(name.empty() ? "" : "-").append(std::to_string(width));
  std::printf("%-20s float%d %10.1f ns least %10.1f ns median\n", name.c_str(),
              static_cast<int>(8 * sizeof(T)), times.front(), times[times.size() / 2]);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 400;
  std::printf("%s\n", kernels::instruction_set());
  for (const auto& widths : std::vector<std::vector<int64_t>>{
           {8, 32, 32, 1}, {30, 128, 128, 2}, {30, 256, 256, 10}, {784, 512, 256, 10}}) {
    measure<float>(widths, rounds);
    measure<double>(widths, rounds);
  }
}
