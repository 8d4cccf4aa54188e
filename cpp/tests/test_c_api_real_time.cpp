// Predictors neither allocate nor lock: this program counts the calls of the C library that would.
#include "c_api_support.h"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LAMINA_COUNTS_CALLS
#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>

namespace {
// Of the thread that asks for it alone.
thread_local bool watched = false;
thread_local long allocated = 0, locked = 0;

void note_allocation() noexcept {
  if (watched) ++allocated;
}

template <class Function>
Function next(const char* name) noexcept {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}
}  // namespace

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t bytes) noexcept {
  note_allocation();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) noexcept {
  note_allocation();
  return __libc_calloc(count, bytes);
}
void* realloc(void* block, std::size_t bytes) noexcept {
  note_allocation();
  return __libc_realloc(block, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  note_allocation();
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** block, std::size_t alignment, std::size_t bytes) noexcept {
  note_allocation();
  *block = __libc_memalign(alignment, bytes);
  return *block != nullptr ? 0 : ENOMEM;
}
void free(void* block) noexcept {
  note_allocation();
  __libc_free(block);
}

#define LAMINA_WATCHED(name, parameters, arguments)         \
  int name parameters noexcept {                            \
    static const auto own = next<int(*) parameters>(#name); \
    if (watched) ++locked;                                  \
    return own arguments;                                   \
  }
LAMINA_WATCHED(pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex))
LAMINA_WATCHED(pthread_mutex_trylock, (pthread_mutex_t * mutex), (mutex))
LAMINA_WATCHED(pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
LAMINA_WATCHED(pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
LAMINA_WATCHED(pthread_rwlock_tryrdlock, (pthread_rwlock_t * lock), (lock))
LAMINA_WATCHED(pthread_cond_signal, (pthread_cond_t * condition), (condition))
LAMINA_WATCHED(pthread_cond_broadcast, (pthread_cond_t * condition), (condition))
}
#endif

namespace {

using namespace lamina::test::c;

#if defined(LAMINA_COUNTS_CALLS)

struct Counts {
  long allocations, locks;
};

template <class Call>
Counts counted(Call call) {
  allocated = locked = 0;
  watched = true;
  const lamina_status status = call();
  watched = false;
  CHECK_OK(status);
  return {allocated, locked};
}

LAMINA_TEST(the_counters_see_what_lamina_predict_does) {
  OwnedModel model;
  CHECK_OK(build(model.out()));
  const Rows rows;
  float y[2];
  const Counts found = counted([&] { return lamina_predict(model, rows.x.data(), 1, y); });
  CHECK(found.allocations > 0 && found.locks > 0);
}

void check_predictor(lamina_network* network, const char* what) {
  for (const lamina_type type : {LAMINA_FLOAT32, LAMINA_FLOAT64}) {
    OwnedModel model;
    OwnedPredictor predictor;
    CHECK_OK(lamina_model_create(network, type, 1, model.out()));
    CHECK_OK(lamina_predictor_create(model, predictor.out()));
    const Rows rows;
    const std::vector<double> wide(rows.x.begin(), rows.x.end());
    std::vector<float> y(kRows * lamina_outputs(model));
    std::vector<double> z(y.size());
    const Counts narrow =
        counted([&] { return lamina_predictor_predict(predictor, rows.x.data(), kRows, y.data()); });
    const Counts other =
        counted([&] { return lamina_predictor_predict_double(predictor, wide.data(), kRows, z.data()); });
    if (narrow.allocations + narrow.locks + other.allocations + other.locks != 0)
      lamina::test::fail(what, type, "a prediction allocates or locks");
  }
}

LAMINA_TEST(predictors_of_every_kind_of_layer_and_width_do_neither) {
  lamina_set_num_threads(4);
  const std::int64_t columns[] = {1, 2}, categories[] = {3, 4};
  const std::vector<std::vector<lamina_option>> layers = {
      {lamina_text("kind", "dense"), lamina_integer("units", 7), lamina_text("activation", "gelu")},
      {lamina_text("kind", "dense"), lamina_integer("units", 7), lamina_text("activation", "softmax")},
      {lamina_text("kind", "dense"), lamina_integer("units", 5000), lamina_text("activation", "relu")},
      {lamina_text("kind", "dense"), lamina_integer("units", 300000)},
      {lamina_text("kind", "batch_norm")},
      {lamina_text("kind", "layer_norm")},
      {lamina_text("kind", "rms_norm")},
      {lamina_text("kind", "normalization")},
      {lamina_text("kind", "prelu")},
      {lamina_text("kind", "scale")},
      {lamina_text("kind", "dropout"), lamina_number("rate", 0.5)},
      {lamina_text("kind", "periodic"), lamina_integers("columns", columns, 2)},
      {lamina_text("kind", "embedding"), lamina_integers("columns", columns, 2),
       lamina_integers("categories", categories, 2), lamina_integer("units", 3)},
  };
  for (const auto& layer : layers) {
    OwnedNetwork network;
    CHECK_OK(lamina_network_create(kInputs, network.out()));
    CHECK_OK(lamina_network_add(network, layer[0].value.text, layer.data() + 1, layer.size() - 1));
    CHECK_OK(lamina_network_add_dense(network, 3, "sigmoid"));
    check_predictor(network, layer[0].value.text);
  }
  for (const char* block : {"residual", "ensemble"}) {
    OwnedNetwork network;
    CHECK_OK(lamina_network_create(kInputs, network.out()));
    CHECK_OK(lamina_network_begin(network, block, nullptr, 0));
    CHECK_OK(lamina_network_add_dense(network, 600, "relu"));
    CHECK_OK(lamina_network_add_dense(network, kInputs, nullptr));
    CHECK_OK(lamina_network_end(network));
    check_predictor(network, block);
  }
}

#else

LAMINA_TEST(calls_are_counted_with_glibc_alone) { CHECK(lamina_num_threads() > 0); }

#endif

}  // namespace

LAMINA_TEST_MAIN
