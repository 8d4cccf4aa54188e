// What the files that describe options of layers share: for them alone.
#pragma once

#include <string>

#include "base/options.h"
#include "layers/layer_options.h"

namespace lamina {

template <class Visitor>
void describe_learning(Visitor& visitor, LearningOptions& o) {
  visitor.boolean("trainable", o.trainable, InJson::kUnlessDefault);
  visitor.number("rate_factor", o.rate_factor, 0.0, kAnyNumber, InJson::kUnlessDefault);
  visitor.number("decay_factor", o.decay_factor, 0.0, kAnyNumber, InJson::kUnlessDefault);
}

[[noreturn]] inline void fail(const std::string& where, const std::string& what) {
  throw Error(Error::Kind::kValue, where + ": " + what);
}

// What no range of a single option tells; specialised before LAMINA_INSTANTIATE_OPTIONS.
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
