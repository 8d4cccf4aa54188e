// Checks and a test list for the C++ tests: LAMINA_TEST(name) { CHECK(...); } and LAMINA_TEST_MAIN.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

namespace lamina::test {

struct Test {
  const char* name;
  void (*run)();
};

inline std::vector<Test>& tests() {
  static std::vector<Test> list;
  return list;
}

inline int& failure_count() {
  static int count = 0;
  return count;
}

struct Registration {
  Registration(const char* name, void (*run)()) { tests().push_back({name, run}); }
};

inline void fail(const char* file, int line, const std::string& what) {
  std::printf("%s:%d: %s\n", file, line, what.c_str());
  ++failure_count();
}

// True if |got - expected| <= tolerance; NaN never is.
inline bool near(double got, double expected, double tolerance) {
  return std::fabs(got - expected) <= tolerance;
}

// Runs the tests whose name contains argv[1] (all without it); the exit code is 1 if any failed.
inline int run_all(int argc, char** argv) {
  int failed = 0;
  int executed = 0;
  for (const Test& test : tests()) {
    if (argc > 1 && std::strstr(test.name, argv[1]) == nullptr) continue;
    const int before = failure_count();
    try {
      test.run();
    } catch (const std::exception& error) {
      fail(test.name, 0, std::string("unexpected exception: ") + error.what());
    }
    const bool ok = failure_count() == before;
    std::printf("%s %s\n", ok ? "ok    " : "FAILED", test.name);
    failed += ok ? 0 : 1;
    ++executed;
  }
  std::printf("%d passed, %d failed\n", executed - failed, failed);
  return failed > 0 || executed == 0 ? 1 : 0;
}

}  // namespace lamina::test

#define LAMINA_TEST(name)                                                         \
  static void name();                                                             \
  static const ::lamina::test::Registration registration_of_##name{#name, &name}; \
  static void name()

#define CHECK(condition)                                                                 \
  do {                                                                                   \
    if (!(condition)) ::lamina::test::fail(__FILE__, __LINE__, "not true: " #condition); \
  } while (false)

#define CHECK_NEAR(got, expected, tolerance)                                                                \
  do {                                                                                                      \
    const double got_ = static_cast<double>(got);                                                           \
    const double expected_ = static_cast<double>(expected);                                                 \
    if (!::lamina::test::near(got_, expected_, static_cast<double>(tolerance)))                             \
      ::lamina::test::fail(__FILE__, __LINE__,                                                              \
                           #got " is " + std::to_string(got_) + ", expected " + std::to_string(expected_)); \
  } while (false)

#define CHECK_THROWS(expression, type)                                                           \
  do {                                                                                           \
    bool thrown_ = false;                                                                        \
    try {                                                                                        \
      (void)(expression);                                                                        \
    } catch (const type&) {                                                                      \
      thrown_ = true;                                                                            \
    }                                                                                            \
    if (!thrown_) ::lamina::test::fail(__FILE__, __LINE__, #expression " did not throw " #type); \
  } while (false)

#define LAMINA_TEST_MAIN \
  int main(int argc, char** argv) { return ::lamina::test::run_all(argc, argv); }
