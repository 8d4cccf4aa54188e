// Prints the time of one training step with Adam, least and a tenth of many epochs on one thread:
// `bench_steps [SECONDS] [NAME] [slow]`, LAMINA_ISA chooses the instruction set; NAME is a part of the line's
// name; `slow` cuts work as for a core of 48 KiB and 2 MiB whose third level is slow.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/caches.h"
#include "base/json.h"
#include "base/random.h"
#include "base/thread_count.h"
#include "kernels/dispatch.h"
#include "training/model.h"

namespace {

using namespace lamina;

struct Workload {
  std::vector<int64_t> widths;
  int64_t batch, steps;  // of an epoch
  const char* activation;
  bool classes;  // cross-entropy in place of the squared error

  std::string name() const {
    std::string text;
    for (const int64_t width : widths) text.append(text.empty() ? "" : "-").append(std::to_string(width));
    return text + " " + activation + ", batch " + std::to_string(batch);
  }
  Json spec() const {
    Json::Array layers;
    for (size_t i = 1; i < widths.size(); ++i)
      layers.push_back(Json{{"kind", "dense"},
                            {"units", widths[i]},
                            {"activation", i + 1 < widths.size() ? activation
                                           : classes             ? "softmax"
                                                                 : "identity"}});
    return {{"inputs", widths.front()}, {"layers", std::move(layers)}};
  }
};

void measure(const Workload& workload, double seconds) {
  using Clock = std::chrono::steady_clock;
  const Execution one_thread{1};
  Model<float> model(workload.spec(), 1, one_thread);
  const LossSpec loss = loss_from_json(Json(workload.classes ? "cross_entropy" : "mse"));
  auto optimizer = model.make_optimizer(optimizer_from_json(Json::parse(R"({"kind":"adam"})")));
  const int64_t rows = workload.batch * workload.steps, inputs = workload.widths.front();
  const int64_t outputs = workload.widths.back();
  std::vector<float> x(static_cast<size_t>(rows * inputs)), y(static_cast<size_t>(rows * outputs));
  std::vector<int32_t> classes(static_cast<size_t>(rows));
  const RandomStream random(7, StreamTag::kUser);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(random.normal(i));
  for (size_t i = 0; i < y.size(); ++i) y[i] = x[i % x.size()];
  for (size_t i = 0; i < classes.size(); ++i)
    classes[i] = static_cast<int32_t>(i % static_cast<size_t>(outputs));
  DataSet<float> data;
  data.inputs = {x.data(), kernels::SourceType::kF32, rows, inputs, 4 * inputs, 4};
  if (workload.classes)
    data.targets.classes = classes.data();
  else
    data.targets = {nullptr, y.data(), outputs, outputs};
  std::vector<double> times;
  EpochRequest request{.batch_size = workload.batch, .shuffle = workload.steps > 1};
  for (const auto end = Clock::now() + std::chrono::duration<double>(seconds); Clock::now() < end;
       ++request.epoch) {
    const auto start = Clock::now();
    model.run_epoch(data, loss, request, optimizer, nullptr, nullptr, [](int64_t) { return false; });
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count() /
                    static_cast<double>(workload.steps));
  }
  std::sort(times.begin(), times.end());
  std::printf("%-42s %10.3f us least %10.3f us tenth\n", workload.name().c_str(), times.front(),
              times[times.size() / 10]);
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1.0;
  if (argc > 3) kernels::set_blocking(kernels::blocking_for({48 << 10, 2 << 20, 105 << 20, true}));
  std::printf("%s\n", kernels::instruction_set());
  for (const Workload& workload :
       {Workload{{8, 32, 32, 1}, 32, 256, "relu", false}, Workload{{4, 32, 16, 4}, 10000, 1, "tanh", false},
        Workload{{4, 32, 16, 4}, 10000, 1, "relu", false}, Workload{{4, 32, 16, 4}, 200, 50, "tanh", false},
        Workload{{30, 128, 128, 2}, 64, 64, "relu", true},
        Workload{{784, 512, 256, 10}, 128, 8, "relu", true},
        Workload{{1024, 2048, 2048, 10}, 512, 1, "relu", true}})
    if (argc <= 2 || std::strstr(workload.name().c_str(), argv[2]) != nullptr) measure(workload, seconds);
}
