// Mutants behind a switch: the code as it is, unless the mutant of that number is on. Included before all
// else where tools/mutate.py builds many mutants at once.
#pragma once

#include <cstdlib>
#include <type_traits>

namespace lamina_mutation {

constexpr int kMost = 4096;

struct State {
  int active = 0;  // 0: none
  unsigned char reached[kMost] = {};
  State() noexcept {
    if (const char* text = std::getenv("LAMINA_MUTANT")) active = std::atoi(text);
  }
};

inline State state;

template <int id>
inline bool on() noexcept {
  state.reached[id] = 1;
  return state.active == id;
}

template <int id, class T>
inline T either(T here, T mutant) noexcept {
  return on<id>() ? mutant : here;
}

// An operator of the same precedence on both sides of a tag holds what is left of it.
template <int id>
struct Tag {};
template <int id>
inline constexpr Tag<id> tag{};
template <int id, class A>
struct Left {
  const A& value;
};

#define LAMINA_MUTATION_PAIR(here, mutant)                                      \
  template <int id, class A>                                                    \
  inline Left<id, A> operator here(const A& a, Tag<id>) {                       \
    return {a};                                                                 \
  }                                                                             \
  template <int id, class A, class B>                                           \
  inline auto operator here(Left<id, A> a, const B& b) {                        \
    using Result = decltype(a.value here b);                                    \
    static_assert(std::is_same_v<decltype(a.value mutant b), Result>);          \
    return on<id>() ? static_cast<Result>(a.value mutant b) : (a.value here b); \
  }

LAMINA_MUTATION_PAIR(+, -)
LAMINA_MUTATION_PAIR(-, +)
LAMINA_MUTATION_PAIR(*, /)
LAMINA_MUTATION_PAIR(/, *)
LAMINA_MUTATION_PAIR(<, <=)
LAMINA_MUTATION_PAIR(<=, <)
LAMINA_MUTATION_PAIR(>, >=)
LAMINA_MUTATION_PAIR(>=, >)
LAMINA_MUTATION_PAIR(==, !=)
LAMINA_MUTATION_PAIR(!=, ==)
#undef LAMINA_MUTATION_PAIR

// x += tag += y
template <int id, class T>
inline auto operator+=(Tag<id>, const T& y) {
  return on<id>() ? -y : y;
}
template <int id, class T>
inline auto operator-=(Tag<id>, const T& y) {
  return on<id>() ? -y : y;
}

// tag ->* x in the place of -x, and of !x
template <int id>
struct Minus {};
template <int id>
inline constexpr Minus<id> minus{};
template <int id, class T>
inline T operator->*(Minus<id>, const T& x) {
  return on<id>() ? x : -x;
}
template <int id>
struct Not {};
template <int id>
inline constexpr Not<id> negated{};
template <int id, class T>
inline bool operator->*(Not<id>, const T& x) {
  return on<id>() ? static_cast<bool>(x) : !x;
}

template <int id, class T>
inline T least(const T& a, const T& b) {
  return (b < a) != on<id>() ? b : a;
}
template <int id, class T>
inline T largest(const T& a, const T& b) {
  return (a < b) != on<id>() ? b : a;
}

}  // namespace lamina_mutation

// For the test runner, which calls them through ctypes.
extern "C" {
__attribute__((visibility("default"), used)) inline void lamina_set_mutant(int id) {
  lamina_mutation::state.active = id;
}
__attribute__((visibility("default"), used)) inline unsigned char* lamina_reached_mutants() {
  return lamina_mutation::state.reached;
}
}
