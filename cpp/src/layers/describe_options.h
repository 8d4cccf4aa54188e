// What the files that describe options of layers share: for them alone.
#pragma once

#include <string>

#include "base/options.h"
#include "layers/layer_options.h"

namespace lamina {

inline constexpr auto read_activation = [](const JsonReader& from, const char* name, auto& value) {
  value = activation_from_json(from.at(name));
};
inline constexpr auto write_activation = [](const ActivationSpec& value) {
  return activation_to_json(value);
};

template <class Visitor>
void describe_factor(Visitor& visitor, const char* name, double& factor) {
  visitor.number(name, factor, 0.0, kAnyNumber, InJson::kUnlessDefault);
}

template <class Visitor>
void describe_learning(Visitor& visitor, LearningOptions& o) {
  visitor.boolean("trainable", o.trainable, InJson::kUnlessDefault);
  describe_factor(visitor, "rate_factor", o.rate_factor);
  describe_factor(visitor, "decay_factor", o.decay_factor);
}

[[noreturn]] inline void fail(const std::string& where, const std::string& what) {
  throw Error(Error::Kind::kValue, where + ": " + what);
}

// What no range of a single option tells: found by the options' type, before LAMINA_INSTANTIATE_OPTIONS.
template <class Options>
void check_rest(const std::string&, const Options&) {}

template <class Options>
Options options_from_json(const Json& json) {
  return read_options<Options>(json, class_name(Options::kKind));
}

template <class Options>
Json options_to_json(const Options& options) {
  return write_options<Options>(kind_name(Options::kKind), options);
}

template <class Options>
void check_options(const Options& options) {
  const std::string where = class_name(Options::kKind);
  check_options<Options>(where, options);
  check_rest(where, options);
}

}  // namespace lamina

#define LAMINA_INSTANTIATE_OPTIONS(Options)        \
  template Options options_from_json(const Json&); \
  template Json options_to_json(const Options&);   \
  template void check_options(const Options&);
