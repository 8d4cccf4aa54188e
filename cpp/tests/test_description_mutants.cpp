// Damages descriptions of networks, losses, optimizers and schedules by the thousand: each is made, or
// refused in a sentence, and a network's own description makes the same network again.
//
// Run: test_description_mutants [MUTANTS [SEED [FIRST]]], 2,000 by default, from mutant number FIRST on.
#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>
#include <numeric>

#include "base/error.h"
#include "base/json.h"
#include "layers/loss.h"
#include "mutations.h"
#include "network/network.h"
#include "optimizers/update_rules.h"
#include "training/schedules.h"

namespace {

using namespace lamina;
using namespace lamina::test;

volatile long current = -1;

enum Kind { kNetwork, kLoss, kOptimizer, kSchedule };

struct Description {
  Kind kind;
  std::string text;
};

std::vector<Description> descriptions() {
  std::vector<Description> all;
  for (const Bytes& file : model_files(LAMINA_TEST_MODELS)) {
    const ModelFile model = parse_model_file(file);
    all.push_back({kNetwork, Json::parse(model.record).at("network").dump()});
  }
  for (const char* text :
       {R"({"kind":"mean_squared_error","reduction":"sum"})",
        R"({"kind":"cross_entropy","label_smoothing":0.1})", R"({"kind":"huber","delta":1.5,"scale":3.0})",
        R"({"kind":"quantile","level":[0.1,0.5,0.9]})", R"({"kind":"focal","gamma":2.0})"})
    all.push_back({kLoss, text});
  for (const char* text :
       {R"({"kind":"sgd","learning_rate":0.1,"momentum":0.9,"nesterov":true})",
        R"({"kind":"adam","learning_rate":0.001,"beta1":0.9,"beta2":0.999,"epsilon":1e-08,"clip_norm":1.0})",
        R"({"kind":"rmsprop","learning_rate":0.01,"rho":0.9,"centered":true})",
        R"({"kind":"muon","learning_rate":0.02,"iterations":5})",
        R"({"kind":"rprop","grow":1.2,"shrink":0.5})"})
    all.push_back({kOptimizer, text});
  for (const char* text :
       {R"({"kind":"cosine","rate":0.1,"length":100,"end":0.001})", R"({"kind":"constant","rate":0.1})",
        R"({"kind":"warm_up","steps":10,"start":0.1,"after":{"kind":"cosine","rate":0.1}})",
        R"({"kind":"step","rate":0.1,"every":3,"factor":0.5,"per":"epoch"})",
        R"({"kind":"reduce_on_plateau","rate":0.1,"factor":0.5,"patience":3,"monitor":"loss","mode":"min"})"})
    all.push_back({kSchedule, text});
  return all;
}

std::int64_t elements_of(const std::vector<Parameter>& parameters) {
  return std::accumulate(parameters.begin(), parameters.end(), std::int64_t{0},
                         [](std::int64_t sum, const Parameter& parameter) {
                           return std::min(sum + std::min(parameter.element_count(), std::int64_t{1} << 40),
                                           std::int64_t{1} << 40);
                         });
}

template <class T>
void make_network(const Json& json) {
  constexpr std::int64_t kSmall = 1 << 16;
  const std::vector<Parameter> parameters = Network<T>::describe_parameters(json);
  if (elements_of(parameters) > kSmall) return;
  const Network<T> network(json, std::uint64_t{1});
  const Network<T> again(network.spec(), std::uint64_t{1});
  const std::span<const T> a(network.weights(), static_cast<std::size_t>(network.flat_size())),
      b(again.weights(), static_cast<std::size_t>(again.flat_size()));
  if (a.size() != b.size() || std::memcmp(a.data(), b.data(), a.size_bytes()) != 0)
    throw std::runtime_error("a network's description makes another network");
}

// Makes what is described.
void make(Kind kind, const std::string& text) {
  const Json json = Json::parse(text);
  switch (kind) {
    case kNetwork:
      make_network<float>(json);
      make_network<double>(json);
      break;
    case kLoss:
      (void)loss_from_json(json);
      break;
    case kOptimizer:
      (void)optimizer_from_json(json);
      break;
    case kSchedule:
      (void)schedule_from_json(json)->to_json();
  }
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
  const std::vector<Description> all = descriptions();
  for (const Description& description : all) {
    try {
      make(description.kind, description.text);
    } catch (const std::exception& error) {
      return std::printf("%s: %s\n", description.text.substr(0, 200).c_str(), error.what()), 1;
    }
  }
  long made = 0, refused = 0, failures = 0;
  double slowest = 0.0;
  for (long number = first; number < first + count; ++number) {
    current = number;
    Random random(seed * 1'000'003 + static_cast<std::uint64_t>(number));
    Description description = all[below(random, all.size())];
    for (std::size_t edits = 1 + below(random, 3); edits > 0 && !description.text.empty(); --edits)
      edit_json(description.text, 0, random);
    const std::clock_t start = std::clock();
    const auto fail = [&](const char* what) {
      std::printf("mutant %ld: %s: %s\n", number, what, description.text.substr(0, 500).c_str());
      ++failures;
    };
    try {
      make(description.kind, description.text);
      ++made;
    } catch (const Error& error) {
      ++refused;
      if (error.kind() != Error::Kind::kValue && error.kind() != Error::Kind::kType &&
          error.kind() != Error::Kind::kMemory)
        fail(error.what());
    } catch (const std::exception& error) {
      fail(error.what());
    }
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    if (seconds > 1.0) fail("took more than a second");
    slowest = std::max(slowest, seconds);
  }
  std::printf("refused: %ld\nmade: %ld\nslowest %.3f s; %ld failed\n", refused, made, slowest, failures);
  return failures == 0 ? 0 : 1;
}
