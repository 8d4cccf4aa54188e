// Schedules from JSON.
#include <utility>

#include "base/function_ref.h"
#include "base/text.h"
#include "training/schedule_options.h"
#include "training/schedules.h"

namespace lamina {
namespace {

Per per_of(const JsonReader& spec) {
  const std::string given = spec.has("per") ? spec.text("per") : "step";
  if (given != "step" && given != "epoch") spec.fail({"expected per 'step' or 'epoch', got '", given, "'"});
  return given == "step" ? Per::kStep : Per::kEpoch;
}

// What `options` says of them; refuses others, but for `common`.
void read_options(const JsonReader& spec, std::vector<std::string> common,
                  FunctionRef<void(schedules::OptionVisitor&)> options) {
  schedules::OptionReader reader(spec);
  options(reader);
  reader.allow_only(std::move(common));
}

struct CurveKind {
  const char *kind, *name;
  CurveOptions defaults;
};

template <std::size_t... indices>
std::vector<CurveKind> curve_kinds(std::index_sequence<indices...>) {
  return {{std::variant_alternative_t<indices, CurveOptions>::kKind,
           std::variant_alternative_t<indices, CurveOptions>::kName,
           CurveOptions(std::in_place_index<indices>)}...};
}

}  // namespace

std::unique_ptr<Schedule> schedule_from_json(const Json& json) {
  if (json.is_number()) return make_schedule(json.number(), ConstantOptions{});
  const std::string kind = JsonReader(json, "schedule").text("kind");
  if (kind == PlateauOptions::kKind) {
    const JsonReader spec(json, PlateauOptions::kName);
    PlateauOptions options;
    read_options(spec, {"kind", "rate", "per"},
                 [&](schedules::OptionVisitor& visitor) { schedules::visit_options(options, visitor); });
    return make_plateau(spec.number("rate", std::nullopt), options, per_of(spec));
  }
  if (kind == WarmUpOptions::kKind) {
    const JsonReader spec(json, WarmUpOptions::kName);
    WarmUpOptions options;
    read_options(spec, {"kind", "rate", "per", "after"},
                 [&](schedules::OptionVisitor& visitor) { schedules::visit_options(options, visitor); });
    return make_warm_up(schedule_from_json(spec.at("after")), options, per_of(spec));
  }
  std::vector<std::string> kinds;
  for (CurveKind& known : curve_kinds(std::make_index_sequence<std::variant_size_v<CurveOptions>>())) {
    if (kind == known.kind) {
      const JsonReader spec(json, known.name);
      read_options(spec, {"kind", "rate", "per"}, [&](schedules::OptionVisitor& visitor) {
        std::visit([&](auto& options) { schedules::visit_options(options, visitor); }, known.defaults);
      });
      return make_schedule(spec.number("rate", std::nullopt), known.defaults, per_of(spec));
    }
    kinds.emplace_back(known.kind);
  }
  kinds.insert(kinds.end(), {PlateauOptions::kKind, WarmUpOptions::kKind});
  throw_error(Error::Kind::kValue, {"schedule: unknown kind '", kind, "'; expected one of ", join(kinds)});
}

}  // namespace lamina
