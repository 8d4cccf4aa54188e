// Schedules from JSON.
#include <utility>

#include "training/schedule_options.h"
#include "training/schedules.h"

namespace lamina {
namespace {

Per per_of(const JsonReader& spec) {
  const std::string given = spec.has("per") ? spec.text("per") : "step";
  if (given != "step" && given != "epoch") spec.fail("expected per 'step' or 'epoch', got '" + given + "'");
  return given == "step" ? Per::kStep : Per::kEpoch;
}

template <class Options>
Options options_of(const JsonReader& spec, std::vector<std::string> common) {
  Options options;
  schedules::OptionReader reader(spec);
  schedules::visit_options(options, reader);
  reader.allow_only(std::move(common));
  return options;
}

// The curve of this kind; null where there is none.
template <std::size_t index = 0>
std::unique_ptr<Schedule> curve_of(const std::string& kind, const Json& json) {
  if constexpr (index < std::variant_size_v<CurveOptions>) {
    using Options = std::variant_alternative_t<index, CurveOptions>;
    if (kind != Options::kKind) return curve_of<index + 1>(kind, json);
    const JsonReader spec(json, Options::kName);
    return make_schedule(spec.number("rate", std::nullopt),
                         options_of<Options>(spec, {"kind", "rate", "per"}), per_of(spec));
  } else {
    return nullptr;
  }
}

template <std::size_t... indices>
std::vector<std::string> curve_kinds(std::index_sequence<indices...>) {
  return {std::variant_alternative_t<indices, CurveOptions>::kKind...};
}

}  // namespace

std::unique_ptr<Schedule> schedule_from_json(const Json& json) {
  if (json.is_number()) return make_schedule(json.number(), ConstantOptions{});
  const std::string kind = JsonReader(json, "schedule").text("kind");
  if (kind == PlateauOptions::kKind) {
    const JsonReader spec(json, PlateauOptions::kName);
    return make_plateau(spec.number("rate", std::nullopt),
                        options_of<PlateauOptions>(spec, {"kind", "rate", "per"}), per_of(spec));
  }
  if (kind == WarmUpOptions::kKind) {
    const JsonReader spec(json, WarmUpOptions::kName);
    const auto options = options_of<WarmUpOptions>(spec, {"kind", "rate", "per", "after"});
    return make_warm_up(schedule_from_json(spec.at("after")), options, per_of(spec));
  }
  if (std::unique_ptr<Schedule> curve = curve_of(kind, json)) return curve;
  std::vector<std::string> kinds = curve_kinds(std::make_index_sequence<std::variant_size_v<CurveOptions>>());
  kinds.insert(kinds.end(), {PlateauOptions::kKind, WarmUpOptions::kKind});
  throw Error(Error::Kind::kValue, "schedule: unknown kind '" + kind + "'; expected one of " + join(kinds));
}

}  // namespace lamina
