// Strict reading of the JSON records and tensors in which a table's preprocessing is stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/text.h"

namespace lamina {

// A tensor of a model file. `type` is numpy's name of its type; `values` are its numbers where that is
// float64.
struct RecordTensor {
  std::string name;
  std::string type;
  std::vector<std::int64_t> shape;
  const double* values;
};

// The fields of one JSON object, each taken once; done() refuses what is left over. All raise Error kValue in
// a sentence that opens with `where`. The object must outlive it.
class RecordFields {
 public:
  RecordFields(std::string where, const Json& record);
  RecordFields(std::string where, Json&& record) = delete;

  const std::string& where() const noexcept { return where_; }
  // A value of any kind.
  const Json& value(std::string_view name);
  const std::string& text(std::string_view name);
  bool boolean(std::string_view name);
  std::int64_t integer(std::string_view name);
  const Json::Array& list(std::string_view name);
  const Json::Object& object(std::string_view name);
  // A list of different texts.
  std::vector<std::string> texts(std::string_view name);
  // Checks `schema` and `version`, and gives the latter. Of a greater `minor` version than this lamina's,
  // which is 0, done() leaves unknown fields out.
  std::int64_t check_version(std::string_view schema, std::int64_t oldest, std::int64_t newest);
  bool is_newer() const noexcept { return newer_; }
  void done() const;
  [[noreturn]] void fail(TextParts what) const;

 private:
  const Json& take(std::string_view name, bool (Json::*is_kind)() const noexcept, const char* kind);

  std::string where_;
  const Json::Object* members_ = nullptr;
  std::vector<bool> taken_;
  bool newer_ = false;
};

// The tensors whose names begin with a prefix, each taken once. Finding one does not go through all of them:
// a table may have thousands of columns.
class RecordTensors {
 public:
  RecordTensors(std::string where, std::vector<RecordTensor> tensors);

  // A float64 vector of that length with finite values.
  std::span<const double> take(const std::string& name, std::int64_t length);
  // Takes all tensors whose names begin so, under the rest of their names.
  RecordTensors part(const std::string& prefix);
  void done() const;

 private:
  using ByName = std::map<std::string, RecordTensor>;
  RecordTensors(std::string where, ByName tensors) : where_(std::move(where)), left_(std::move(tensors)) {}

  std::string where_;
  ByName left_;
};

}  // namespace lamina
