// Predictions with a workspace of the caller's make no call of the system: neither memory nor a lock that
// another thread holds could make them wait.
//
// Where the system is Linux, a child process that may make no call at all (seccomp's strict mode) predicts.
// Built by Clang 20 or later with -fsanitize=realtime, the sanitizer watches each call as well, those of the
// C library for memory and locks among them (tests/test_real_time.py).
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "check.h"
#include "inference/predictor.h"
#include "network/workspace.h"

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LAMINA_FORBIDS_CALLS
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#if defined(__clang__) && __clang_major__ >= 20
#define LAMINA_NONBLOCKING [[clang::nonblocking]]
// That the core's own functions are not marked so is what the run finds out.
#pragma clang diagnostic ignored "-Wfunction-effects"
#else
#define LAMINA_NONBLOCKING
#endif

namespace {

using namespace lamina;

const char* const kSpecs[] = {
    R"({"inputs": 8, "layers": [{"kind": "dense", "units": 32, "activation": "relu"},
      {"kind": "dense", "units": 1}]})",
    R"({"inputs": 30, "layers": [{"kind": "normalization"}, {"kind": "dense", "units": 700, "activation": "gelu"},
      {"kind": "batch_norm"}, {"kind": "prelu"}, {"kind": "dense", "units": 700, "activation": "tanh"},
      {"kind": "residual", "layers": [{"kind": "layer_norm"}, {"kind": "dense", "units": 700}, {"kind": "scale"}]},
      {"kind": "rms_norm"}, {"kind": "dense", "units": 10, "activation": "softmax"}]})",
    R"({"inputs": 3, "layers": [{"kind": "embedding", "columns": [0], "categories": [5], "units": 4},
      {"kind": "periodic", "columns": [1]}, {"kind": "ensemble", "k": 4, "layers": [
      {"kind": "dense", "units": 6, "activation": "relu"}, {"kind": "dense", "units": 2}]}]})",
    R"({"inputs": 4, "layers": [{"kind": "dense", "units": 20000, "activation": "sigmoid"},
      {"kind": "dense", "units": 3, "activation": "log_softmax"}]})"};

template <class T>
struct Rows {
  static constexpr int64_t kCount = 5;
  Network<T> network;
  Predictor<T> predictor;
  std::vector<T> in, out, batch_out;
  AlignedBuffer<T> workspace;
  Workspace<T> batch_workspace;

  explicit Rows(const char* spec)
      : network(Json::parse(spec), 1),
        predictor(network, network.weights()),
        in(static_cast<size_t>(kCount * network.inputs()), T(0.5)),
        out(static_cast<size_t>(network.outputs())),
        batch_out(static_cast<size_t>(kCount * network.outputs())),
        workspace(predictor.row_workspace_size()),
        batch_workspace(predictor.make_workspace(kCount)) {}

  void predict() noexcept LAMINA_NONBLOCKING {
    for (int i = 0; i < 100; ++i) {
      predictor.predict_row(in.data(), out.data(), workspace.data());
      predictor.predict(in.data(), kCount, batch_out.data(), batch_workspace);
    }
  }
};

template <class T>
void check(const char* spec) {
  Rows<T> rows(spec);
  rows.predict();
#if defined(LAMINA_FORBIDS_CALLS)
  const std::vector<T> before = rows.batch_out;
  const pid_t child = fork();
  if (child == 0) {
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) syscall(SYS_exit, 2);
    rows.predict();
    syscall(SYS_exit, rows.batch_out == before ? 0 : 3);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    lamina::test::fail(spec, static_cast<int>(sizeof(T)), "a prediction has made a call of the system");
#endif
}

LAMINA_TEST(predictions_make_no_call_of_the_system) {
  for (const char* spec : kSpecs) {
    check<float>(spec);
    check<double>(spec);
  }
}

#if defined(LAMINA_FORBIDS_CALLS)
LAMINA_TEST(a_call_of_the_system_would_be_seen) {
  const pid_t child = fork();
  if (child == 0) {
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) syscall(SYS_exit, 2);
    const AlignedBuffer<float> large(1 << 20);
    syscall(SYS_exit, large.empty() ? 3 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status));
}
#endif

#if defined(__has_feature)
#if __has_feature(realtime_sanitizer)
void take_memory() noexcept LAMINA_NONBLOCKING { delete new volatile int(1); }

LAMINA_TEST(the_sanitizer_is_awake) { take_memory(); }  // which ends the program
#endif
#endif

}  // namespace

LAMINA_TEST_MAIN
