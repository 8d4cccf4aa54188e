// Checks the fields and tensors of a record as they are taken.
#include "tables/record.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace lamina {
namespace {

const char* kind_of(const Json& value) noexcept {
  if (value.is_null()) return "null";
  if (value.is_boolean()) return "bool";
  if (value.is_integer()) return "int";
  if (value.is_number()) return "float";
  if (value.is_text()) return "str";
  return value.is_array() ? "list" : "dict";
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += concat({(i == 0 ? "" : ", "), shape[i]});
  return text + (shape.size() == 1 ? ",)" : ")");
}

[[noreturn]] void fail_at(std::string_view where, TextParts what) {
  throw_error(Error::Kind::kValue, {where, ": ", what});
}

}  // namespace

RecordFields::RecordFields(std::string where, const Json& record) : where_(std::move(where)) {
  if (!record.is_object()) fail({"expected a JSON object, got ", kind_of(record)});
  members_ = &record.members();
  taken_.resize(members_->size());
}

const Json& RecordFields::value(std::string_view name) {
  const auto found = std::find_if(members_->begin(), members_->end(),
                                  [&](const Json::Member& member) { return member.key == name; });
  if (found == members_->end()) fail({"field '", name, "' is missing"});
  taken_[static_cast<std::size_t>(found - members_->begin())] = true;
  return found->value;
}

const Json& RecordFields::take(std::string_view name, bool (Json::*is_kind)() const noexcept,
                               const char* kind) {
  const Json& found = value(name);
  if (!(found.*is_kind)()) fail({"expected field '", name, "' to be ", kind, ", got ", kind_of(found)});
  return found;
}

const std::string& RecordFields::text(std::string_view name) {
  return take(name, &Json::is_text, "str").text();
}
bool RecordFields::boolean(std::string_view name) { return take(name, &Json::is_boolean, "bool").boolean(); }
std::int64_t RecordFields::integer(std::string_view name) {
  return take(name, &Json::is_integer, "int").integer();
}
const Json::Array& RecordFields::list(std::string_view name) {
  return take(name, &Json::is_array, "list").elements();
}
const Json::Object& RecordFields::object(std::string_view name) {
  return take(name, &Json::is_object, "dict").members();
}

std::vector<std::string> RecordFields::texts(std::string_view name) {
  std::vector<std::string> texts;
  for (const Json& element : list(name)) {
    if (!element.is_text()) fail({"expected field '", name, "' to hold texts only"});
    texts.push_back(element.text());
  }
  std::vector<std::string> sorted = texts;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    fail({"field '", name, "' holds a text twice"});
  return texts;
}

std::int64_t RecordFields::check_version(std::string_view schema, std::int64_t oldest, std::int64_t newest) {
  const std::string& found = text("schema");
  if (found != schema) fail({"expected schema '", schema, "', got '", found, "'"});
  const std::int64_t version = integer("version");
  const std::string range = concat({oldest, " to ", newest});
  const std::string written = concat({"version ", version});
  if (version > newest) fail({written, " is newer than this lamina reads (", range, "); update lamina"});
  if (version < 1) fail({"expected a version from ", range, ", got ", version});
  if (version < oldest)
    fail({written, " is older than this lamina reads (", range, "); train the model again"});
  const auto has_minor = [](const Json::Member& member) { return member.key == "minor"; };
  if (std::any_of(members_->begin(), members_->end(), has_minor)) {
    const std::int64_t minor = integer("minor");
    if (minor < 0) fail({"expected field 'minor' of at least 0, got ", minor});
    newer_ = minor > 0;
  }
  return version;
}

void RecordFields::done() const {
  if (newer_) return;
  for (std::size_t i = 0; i < taken_.size(); ++i)
    if (!taken_[i]) fail({"unknown field '", (*members_)[i].key, "'"});
}

void RecordFields::fail(TextParts what) const { fail_at(where_, what); }

RecordTensors::RecordTensors(std::string where, std::vector<RecordTensor> tensors)
    : where_(std::move(where)) {
  for (RecordTensor& tensor : tensors) {
    const std::string name = tensor.name;
    left_.insert_or_assign(name, std::move(tensor));
  }
}

std::span<const double> RecordTensors::take(const std::string& name, std::int64_t length) {
  const auto found = left_.extract(name);
  if (found.empty()) fail_at(where_, {"tensor '", name, "' is missing"});
  const RecordTensor& tensor = found.mapped();
  if (tensor.type != "float64" || tensor.shape.size() != 1 || tensor.shape[0] != length)
    fail_at(where_, {"expected tensor '", name, "' to be float64 of shape (", length, ",), got ", tensor.type,
                     " of shape ", shape_text(tensor.shape)});
  const std::span<const double> values(tensor.values, static_cast<std::size_t>(length));
  if (!std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); }))
    fail_at(where_, {"tensor '", name, "' holds a value that is not finite"});
  return values;
}

RecordTensors RecordTensors::part(const std::string& prefix) {
  ByName own;
  for (auto next = left_.lower_bound(prefix); next != left_.end() && next->first.starts_with(prefix);) {
    auto tensor = left_.extract(next++);
    tensor.key().erase(0, prefix.size());
    own.insert(own.end(), std::move(tensor));
  }
  return {concat({where_, ", tensors '", prefix, "'"}), std::move(own)};
}

void RecordTensors::done() const {
  if (!left_.empty()) fail_at(where_, {"unknown tensor '", left_.begin()->first, "'"});
}

}  // namespace lamina
