// What the files that describe options of layers share: for them alone.
#pragma once

#include <string_view>

#include "base/options.h"
#include "base/text.h"
#include "layers/layer_options.h"

namespace lamina {

inline constexpr auto read_activation = [](const JsonReader& from, const char* name, auto& value) {
  value = activation_from_json(from.at(name));
};
inline constexpr auto write_activation = [](const ActivationSpec& value) {
  return activation_to_json(value);
};

inline void describe_factor(OptionVisitor& visitor, const char* name, double& factor) {
  visitor.number(name, factor, 0.0, kAnyNumber, InJson::kUnlessDefault);
}

inline void describe_learning(OptionVisitor& visitor, LearningOptions& o) {
  visitor.boolean("trainable", o.trainable, InJson::kUnlessDefault);
  describe_factor(visitor, "rate_factor", o.rate_factor);
  describe_factor(visitor, "decay_factor", o.decay_factor);
}

[[noreturn]] inline void fail(std::string_view where, TextParts what) {
  throw_error(Error::Kind::kValue, {where, ": ", what});
}

// What no range of a single option tells: found by the options' type, before LAMINA_INSTANTIATE_OPTIONS.
template <class Options>
void check_rest(std::string_view, const Options&) {}

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
  const char* where = class_name(Options::kKind);
  check_options<Options>(where, options);
  check_rest(where, options);
}

}  // namespace lamina

#define LAMINA_INSTANTIATE_OPTIONS(Options)        \
  template Options options_from_json(const Json&); \
  template Json options_to_json(const Options&);   \
  template void check_options(const Options&);
