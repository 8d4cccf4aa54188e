// Initial values: Glorot & Bengio 2010, He et al. 2015, LeCun et al. 1998, Saxe et al. 2013 (orthogonal).
#include "layers/initializer.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/json_reader.h"
#include "base/random.h"
#include "base/text.h"

namespace lamina {

namespace {

struct Entry {
  const char* name;
  // Variance of a weight: numerator / (fan_in * in + fan_out * out); uniform or normal.
  double numerator, fan_in, fan_out;
  bool uniform;
};

// "uniform" has bound sqrt(3 variance), so both forms of a method have the same variance.
constexpr std::array kFanScaled = {
    Entry{"glorot_uniform", 2, 1, 1, true}, Entry{"glorot_normal", 2, 1, 1, false},
    Entry{"he_uniform", 2, 1, 0, true},     Entry{"he_normal", 2, 1, 0, false},
    Entry{"lecun_uniform", 1, 1, 0, true},  Entry{"lecun_normal", 1, 1, 0, false},
};

const Entry* find_fan_scaled(const std::string& name) {
  for (const Entry& entry : kFanScaled)
    if (name == entry.name) return &entry;
  return nullptr;
}

// `count` values draw(i); empty where `poll` has stopped it. A piece takes about a millisecond.
template <class Draw>
std::vector<double> drawn(int64_t count, Poll poll, Draw draw) {
  constexpr int64_t kPiece = 1 << 16;
  std::vector<double> values(static_cast<size_t>(count));
  for (int64_t first = 0; first < count; first += kPiece) {
    if (first > 0 && poll(first)) return {};
    for (int64_t i = first; i < std::min(first + kPiece, count); ++i)
      values[static_cast<size_t>(i)] = draw(static_cast<uint64_t>(i));
  }
  return values;
}

std::vector<double> normals(int64_t count, double deviation, const RandomStream& stream, Poll poll) {
  return drawn(count, poll, [&](uint64_t i) { return deviation * stream.normal(i); });
}

std::vector<double> uniforms(int64_t count, double bound, const RandomStream& stream, Poll poll) {
  return drawn(count, poll, [&](uint64_t i) { return bound * (2.0 * stream.uniform_double(i) - 1.0); });
}

RandomStream stream_of(uint64_t seed, uint32_t layer_index, uint32_t tensor) {
  return {seed, StreamTag::kInitialise, layer_index * 8 + tensor};
}

// Rows (or columns, where there are more rows) made orthonormal by modified Gram-Schmidt, twice for accuracy.
std::vector<double> orthogonal(int64_t rows, int64_t columns, double gain, const RandomStream& stream,
                               Poll poll) {
  const int64_t count = std::min(rows, columns), length = std::max(rows, columns);
  std::vector<double> basis = normals(count * length, 1.0, stream, poll);
  if (basis.empty()) return {};
  const auto row = [&](int64_t i) { return basis.data() + i * length; };
  const auto dot = [&](const double* a, const double* b) {
    double sum = 0.0;
    for (int64_t k = 0; k < length; ++k) sum += a[k] * b[k];
    return sum;
  };
  constexpr int64_t kPiece = 1 << 20;  // numbers that pass between two looks
  int64_t passed = 0;
  for (int64_t i = 0; i < count; ++i) {
    for (int pass = 0; pass < 2; ++pass)
      for (int64_t j = 0; j < i; ++j) {
        if ((passed += length) > kPiece) {
          passed = 0;
          if (poll(i)) return {};
        }
        const double share = dot(row(i), row(j));
        for (int64_t k = 0; k < length; ++k) row(i)[k] -= share * row(j)[k];
      }
    const double norm = std::sqrt(dot(row(i), row(i)));
    for (int64_t k = 0; k < length; ++k) row(i)[k] /= norm;
  }
  std::vector<double> values(static_cast<size_t>(rows * columns));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      values[static_cast<size_t>(r * columns + c)] = gain * (rows <= columns ? row(r)[c] : row(c)[r]);
  return values;
}

}  // namespace

void check_initializer(const InitializerSpec& spec) {
  const std::vector<std::string> names = initializer_names();
  if (std::find(names.begin(), names.end(), spec.name) == names.end())
    throw_error(Error::Kind::kValue,
                {"initializer: unknown name '", spec.name, "'; expected one of ", join(names)});
  if (!std::isfinite(spec.value) || (spec.name == "normal" && spec.value < 0.0))
    throw_error(Error::Kind::kValue, {"initializer ", spec.name, ": expected a finite ",
                                      (spec.name == "normal" ? "'deviation' of at least 0" : "number"),
                                      ", got ", shown(spec.value)});
}

InitializerSpec initializer_from_json(const Json& json) {
  const Json object = as_object(json);
  const JsonReader spec(object, "initializer");
  InitializerSpec result(spec.text("kind").c_str());
  check_initializer(result);
  if (result.name == "constant") {
    result.value = spec.number("value", std::nullopt);
    spec.allow_only({"kind", "value"});
  } else if (result.name == "orthogonal") {
    result.value = spec.number("gain", result.value);
    spec.allow_only({"kind", "gain"});
  } else if (result.name == "normal") {
    result.value = spec.number("deviation", result.value, 0.0);
    spec.allow_only({"kind", "deviation"});
  } else {
    spec.allow_only({"kind"});
  }
  return result;
}

std::vector<std::string> initializer_names() {
  std::vector<std::string> names = {"zeros", "constant", "normal", "orthogonal"};
  for (const Entry& entry : kFanScaled) names.emplace_back(entry.name);
  return names;
}

Json initializer_to_json(const InitializerSpec& spec) {
  if (spec.name == "constant") return {{"kind", spec.name}, {"value", spec.value}};
  if (spec.name == "orthogonal" && spec.value != 1.0) return {{"kind", spec.name}, {"gain", spec.value}};
  if (spec.name == "normal" && spec.value != 1.0) return {{"kind", spec.name}, {"deviation", spec.value}};
  return spec.name;
}

InitializerSpec default_initializer(const ActivationSpec& activation) {
  using kernels::Activation;
  switch (activation.function) {
    case Activation::kRelu:
    case Activation::kLeakyRelu:
    case Activation::kGelu:
    case Activation::kGeluTanh:
    case Activation::kSilu:
    case Activation::kSoftplus:
    case Activation::kElu:
    case Activation::kCelu:
    case Activation::kMish:
    case Activation::kHardSwish:
    case Activation::kRelu6:
      return {"he_normal", 0.0};
    case Activation::kSelu:
      return {"lecun_normal", 0.0};
    case Activation::kSin:
      return {"he_uniform", 0.0};
    default:
      return {"glorot_uniform", 0.0};
  }
}

std::vector<double> initial_values(const InitializerSpec& spec, int64_t inputs, int64_t outputs,
                                   int64_t count, uint64_t seed, uint32_t layer_index, uint32_t tensor,
                                   Poll poll) {
  if (spec.name == "zeros" || spec.name == "constant")
    return std::vector<double>(static_cast<size_t>(count), spec.value);
  const RandomStream stream = stream_of(seed, layer_index, tensor);
  if (spec.name == "orthogonal") return orthogonal(outputs, count / outputs, spec.value, stream, poll);
  if (spec.name == "normal") return normals(count, spec.value, stream, poll);
  const Entry& entry = *find_fan_scaled(spec.name);
  const double fan =
      entry.fan_in * static_cast<double>(inputs) + entry.fan_out * static_cast<double>(outputs);
  const double variance = entry.numerator / fan;
  if (!entry.uniform) return normals(count, std::sqrt(variance), stream, poll);
  return uniforms(count, std::sqrt(3.0 * variance), stream, poll);
}

std::vector<double> normal_values(int64_t count, double deviation, uint64_t seed, uint32_t layer_index,
                                  uint32_t tensor, Poll poll) {
  return normals(count, deviation, stream_of(seed, layer_index, tensor), poll);
}

std::vector<double> uniform_values(int64_t count, double bound, uint64_t seed, uint32_t layer_index,
                                   uint32_t tensor, Poll poll) {
  return uniforms(count, bound, stream_of(seed, layer_index, tensor), poll);
}

}  // namespace lamina
