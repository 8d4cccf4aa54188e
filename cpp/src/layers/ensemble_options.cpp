// Describes the options of ensembles.
#include <string>

#include "layers/describe_options.h"

namespace lamina {

namespace {

constexpr int64_t kMostMembers = 1024;

// One of two names, the first for false.
template <class Enum>
auto reads_one_of(const char* first, const char* second) {
  return [=](const JsonReader& from, const char* name, Enum& value) {
    const std::string text = from.text(name);
    if (text != first && text != second)
      from.fail({"expected '", name, "' to be '", first, "' or '", second, "', got '", text, "'"});
    value = static_cast<Enum>(text == second);
  };
}
template <class Enum>
auto writes_one_of(const char* first, const char* second) {
  return [=](Enum value) { return Json(static_cast<bool>(value) ? second : first); };
}

}  // namespace

void describe(OptionVisitor& visitor, EnsembleOptions& o) {
  visitor.integer("k", o.k, 1, kMostMembers);
  visitor.value("adapters", o.adapters, reads_one_of<Adapters>("first", "all"),
                writes_one_of<Adapters>("first", "all"));
  visitor.value("first_scales", o.first_scales, reads_one_of<FirstScales>("signs", "normal"),
                writes_one_of<FirstScales>("signs", "normal"), InJson::kUnlessDefault);
  visitor.value(
      "chunks", o.chunks,
      [](const JsonReader& from, const char* name, std::vector<int64_t>& chunks) {
        if (!from.at(name).is_array())
          from.fail({"expected a list of widths for 'chunks', got ", from.at(name).dump()});
        for (const Json& width : from.at(name).elements()) {
          const Json one = {{name, width}};
          chunks.push_back(
              JsonReader(one, class_name(LayerKind::kEnsemble)).integer(name, std::nullopt, 1, kMostColumns));
        }
      },
      [](const std::vector<int64_t>& chunks) {
        return chunks.empty() ? Json() : Json(Json::Array(chunks.begin(), chunks.end()));
      });
  describe_learning(visitor, o.learning);
  visitor.value(
      "layers", o, [](const JsonReader&, const char*, EnsembleOptions&) {},
      [](const EnsembleOptions&) { return Json(); });
}

template <>
void check_rest(std::string_view where, const EnsembleOptions& o) {
  for (const int64_t width : o.chunks)
    if (width < 1) fail(where, {"expected widths of at least 1 for 'chunks', got ", width});
}

LAMINA_INSTANTIATE_OPTIONS(EnsembleOptions)

}  // namespace lamina
