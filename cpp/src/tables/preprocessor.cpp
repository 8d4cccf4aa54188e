// Reads the record of preprocessing and applies it.
#include "tables/preprocessor.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <utility>

#include "base/denormals.h"
#include "base/error.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "tables/column_rows.h"

namespace lamina {
namespace {

constexpr const char* kWhere = "preprocessor";
constexpr std::int64_t kOldest = 2;  // had no embedded categories
constexpr std::int64_t kNewest = 3;
constexpr std::int64_t kRowsPerThread = 16'384;
// Few enough that all columns of them stay in cache.
constexpr std::int64_t kRowsAtOnce = 2'048;
// Some tens of milliseconds between two questions whether to stop.
constexpr std::int64_t kRowsUnasked = std::int64_t{1} << 20;
constexpr std::size_t kShownNames = 8;

// The format of each column that has one.
TextMap<ColumnFormat> read_formats(const Json& record) {
  const std::string where = concat({kWhere, ", formats"});
  RecordFields fields(where, record);
  TextMap<ColumnFormat> formats;
  for (const Json::Member& member : fields.object("numbers")) {
    RecordFields own(concat({where, ", numbers of '", member.key, "'"}), member.value);
    const std::string& decimal = own.text("decimal");
    const std::string& unit = own.text("unit");
    own.done();
    if (decimal != "." && decimal != ",")
      own.fail({"expected a decimal point or comma, got '", decimal, "'"});
    formats[member.key].number = NumberFormat{decimal[0], unit};
  }
  for (const Json::Member& member : fields.object("dates")) {
    if (!member.value.is_text())
      fields.fail({"expected the format of dates of '", member.key, "' to be str"});
    if (formats.contains(member.key))
      fields.fail({"column '", member.key, "' is named for numbers and for dates"});
    formats[member.key].date = DateFormat(member.value.text());
  }
  fields.done();
  return formats;
}

}  // namespace

Preprocessor::Preprocessor(const Json& record, std::vector<RecordTensor> tensors) {
  RecordFields fields(kWhere, record);
  RecordTensors vectors(kWhere, std::move(tensors));
  const bool tells_embedded = fields.check_version("lamina.tabular.preprocessor", kOldest, kNewest) > kOldest;
  missing_ = std::make_shared<const MissingTexts>(fields.texts("missing_values"));
  const TextMap<ColumnFormat> formats = read_formats(fields.value("formats"));
  fields.object("ignored");
  const std::int64_t width = fields.integer("width");
  for (const Json& column : fields.list("columns")) {
    encoders_.push_back(make_column_encoder(encoders_.size(), column, missing_, vectors, tells_embedded));
    ColumnEncoder& encoder = *encoders_.back();
    if (const auto format = formats.find(encoder.name()); format != formats.end())
      encoder.set_format(format->second);
    names_.push_back(encoder.name());
    offsets_.push_back(inputs_);
    inputs_ += encoder.inputs();
    places_.emplace(encoder.name(), static_cast<int>(places_.size()));
  }
  fields.done();
  vectors.done();
  if (encoders_.empty() || places_.size() != encoders_.size())
    fields.fail({"expected at least one column, and none twice"});
  std::int64_t features = 0;
  for (const auto& encoder : encoders_) features += encoder->features();
  if (width != features) fields.fail({"expected width ", features, " of its columns, got ", width});
}

int Preprocessor::find(std::string_view name) const {
  const auto found = places_.find(name);
  return found == places_.end() ? -1 : found->second;
}

std::vector<std::size_t> Preprocessor::places_among(std::span<const std::string_view> names) const {
  std::vector<std::size_t> places(encoders_.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const int place = find(names[i]);
    if (place < 0) continue;
    if (places[static_cast<std::size_t>(place)] != names.size())
      throw_error(Error::Kind::kValue, {"the table has two columns named '", names[i], "'"});
    places[static_cast<std::size_t>(place)] = i;
  }
  std::vector<std::string> absent;
  for (std::size_t place = 0; place < places.size(); ++place)
    if (places[place] == names.size()) absent.push_back(concat({"'", names_[place], "'"}));
  if (absent.empty()) return places;
  const std::size_t more = absent.size() > kShownNames ? absent.size() - kShownNames : 0;
  absent.resize(absent.size() - more);
  throw_error(Error::Kind::kValue,
              {"the table has no column ", join(absent), (more > 0 ? concat({" and ", more, " more"}) : ""),
               ", which the model reads"});
}

Json Preprocessor::layer() const {
  Json::Array columns;
  for (const auto& encoder : encoders_) columns.push_back(encoder->layer_column());
  return {{"kind", "column_encoding"}, {"columns", std::move(columns)}};
}

void Preprocessor::check_cells(std::size_t count) const {
  if (count != encoders_.size())
    throw_error(Error::Kind::kValue, {"expected ", encoders_.size(), " cells in a row, got ", count});
}

void Preprocessor::encode_row(std::span<const Cell> cells, float* out,
                              std::vector<ColumnIssue>& issues) const {
  check_cells(cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const ColumnEncoder& encoder = *encoders_[i];
    const Finding finding = encoder.encode(cells[i], out + offsets_[i]);
    if (finding.kind != Finding::Kind::kNothing)
      issues.push_back({names_[i], finding.kind, 1, encoder.example(cells[i], finding)});
  }
}

void Preprocessor::encode(std::span<const Source> sources, float* out, std::vector<ColumnIssue>& issues,
                          FunctionRef<bool()> stop) const {
  std::vector<ColumnRows> columns;
  columns.reserve(sources.size());
  const std::int64_t rows = sources.empty() ? 0 : row_count(sources[0].column);
  std::exception_ptr error;
  for (const Source& source : sources) {
    if (row_count(source.column) != rows)
      throw_error(Error::Kind::kValue,
                  {"expected columns of one length, got ", rows, " and ", row_count(source.column), " rows"});
    try {
      columns.emplace_back(*encoders_.at(source.place), source.column);
    } catch (const Error&) {
      // Numbers of the columns before may be wrong too, and are to be told first.
      error = std::current_exception();
      break;
    }
  }
  std::vector<ColumnRows::Tally> tallies(columns.size());
  for (std::int64_t begin = 0; begin < rows; begin += kRowsUnasked) {
    if (stop()) return;
    const std::int64_t count = std::min(kRowsUnasked, rows - begin);
    const auto threads =
        static_cast<int>(std::clamp<std::int64_t>(count / kRowsPerThread, 1, get_num_threads()));
    std::vector<std::vector<ColumnRows::Tally>> parts(static_cast<std::size_t>(threads),
                                                      std::vector<ColumnRows::Tally>(columns.size()));
    run_team(threads, [&](Team& team) {
      const KeepDenormals keep;
      std::vector<ColumnRows::Tally>& own = parts[static_cast<std::size_t>(team.index)];
      const Team::Range share = team.share(count);
      for (std::int64_t first = share.first; first < share.last; first += kRowsAtOnce) {
        const std::int64_t last = std::min(first + kRowsAtOnce, share.last);
        for (std::size_t i = 0; i < columns.size(); ++i)
          columns[i].write(begin + first, begin + last,
                           out + (begin + first) * inputs_ + offsets_[sources[i].place], inputs_, own[i]);
      }
    });
    for (const auto& part : parts)
      for (std::size_t i = 0; i < columns.size(); ++i) tallies[i].add(part[i]);
  }
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i].report(tallies[i], issues);
  if (error) std::rethrow_exception(error);
}

}  // namespace lamina
