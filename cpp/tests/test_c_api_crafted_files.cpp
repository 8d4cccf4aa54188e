// Model files with a right checksum that ask for too much: what they can take in memory and time is in
// proportion to their size, and what is wrong in them is refused in a sentence.
#include <lamina/lamina.h>

#include <ctime>
#include <string>

#include "base/json.h"
#include "c_api_support.h"
#include "counted_memory.h"
#include "mutations.h"

namespace {

using namespace lamina::test;

struct Stored {
  std::string name, type, shape;
  std::size_t bytes;
};

// A file of these contents (JSON), whose tensors hold zeros, those of float64 ones, with a right checksum.
Bytes file_of(const std::string& contents, const std::vector<Stored>& tensors = {}) {
  std::string header(lamina::kHeaderOpening);
  header += R"(0000000000000000","format_version":"1.1","lamina":)";
  lamina::append_json_text(header, contents);
  header += '}';
  std::size_t end = 0;
  std::string payload;
  for (const Stored& tensor : tensors) {
    header += ",\"" + tensor.name + "\":{\"dtype\":\"" + tensor.type + "\",\"shape\":[" + tensor.shape +
              "],\"data_offsets\":[" + std::to_string(end) + "," + std::to_string(end + tensor.bytes) + "]}";
    end += tensor.bytes;
    constexpr double kOne = 1.0;
    while (tensor.type == "F64" && payload.size() < end)
      payload.append(reinterpret_cast<const char*>(&kOne), sizeof kOne);
    payload.resize(end);
  }
  Bytes file = assembled(header + "}", payload);
  lamina::stamp_checksum(file);
  return file;
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += (i == 0 ? "" : ",") + text;
  return all;
}

std::string contents_of(const std::string& layers, const std::string& inputs = "1",
                        const std::string& more = R"("record":{})") {
  return R"({"network":{"inputs":)" + inputs + R"(,"layers":[)" + layers +
         R"(]},"dtype":"float32","seed":0,"epochs_trained":0,)" + more + "}";
}

const std::string kRelu = R"({"kind":"activation","activation":"relu"})";

struct Loaded {
  lamina_status status;
  std::string sentence;
  double seconds;        // of processor time
  double most, largest;  // memory held at most, and the largest block, over the file's size
};

Loaded load(const Bytes& file, bool self_test = false) {
  // Statics are there from now on.
  lamina_model* model = nullptr;
  (void)lamina_load_memory("", 0, &model);
  const std::string path = c::temporary("lamina_crafted.lamina");
  if (self_test)
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
  lamina_load_options options = LAMINA_LOAD_OPTIONS_INIT;
  options.self_test = 1;
  const std::size_t before = live;
  peak = before;
  largest = 0;
  const std::clock_t start = std::clock();
  const lamina_status status = self_test ? lamina_load_with(path.c_str(), &options, &model)
                                         : lamina_load_memory(file.data(), file.size(), &model);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  const auto size = static_cast<double>(file.size());
  const Loaded loaded{status, status == LAMINA_OK ? "" : lamina_error_message(), seconds,
                      static_cast<double>(peak - before) / size, static_cast<double>(largest) / size};
  lamina_free(model);
  if (self_test) std::filesystem::remove(path);
  return loaded;
}

// It loads, or is refused with this text, in less than a second and so many times the file.
void check(int line, const Bytes& file, const char* sentence, double most, bool self_test = false) {
  const Loaded loaded = load(file, self_test);
  const bool as_expected = *sentence == '\0' ? loaded.status == LAMINA_OK
                                             : loaded.status == LAMINA_ERROR_FORMAT &&
                                                   loaded.sentence.find(sentence) != std::string::npos;
  // Sentences and tables of names take what a file of a few bytes has not.
  const double least = 65536.0 / static_cast<double>(file.size());
  const std::string figures = std::to_string(file.size()) + " bytes: " + std::to_string(loaded.seconds) +
                              " s, held " + std::to_string(loaded.most) + " times the file, " +
                              std::to_string(loaded.largest) + " in one block";
  std::printf("       line %d, %s\n", line, figures.c_str());
  // Large blocks are mapped, and start on a huge page.
  const double slack = static_cast<double>(4 << 20) / static_cast<double>(file.size());
  if (!as_expected || loaded.seconds > 1.0 || loaded.most > std::max(most, least) ||
      loaded.largest > most + slack)
    fail(__FILE__, line,
         std::string(lamina_status_name(loaded.status)) + " '" + loaded.sentence.substr(0, 200) + "', " +
             figures);
}
#define LOADS(file, most) check(__LINE__, file, "", most)
#define REFUSES(file, sentence) check(__LINE__, file, sentence, 60.0)

LAMINA_TEST(layers_without_weights_take_memory_in_proportion_to_the_file) {
  LOADS(file_of(contents_of(repeated(kRelu, 1000))), 40.0);
  LOADS(file_of(contents_of(repeated(R"({"kind":"dropout","rate":0.5})", 20000))), 40.0);
  LOADS(file_of(contents_of(repeated(R"({"kind":"residual","layers":[)" + kRelu + "]}", 5000))), 60.0);
  REFUSES(file_of(contents_of(repeated(R"({"kind":"affine"})", 100000))),
          "expected at most 65536 layers, got 100000");
  REFUSES(file_of(contents_of(repeated(R"({"kind":"residual","layers":[)" + kRelu + "]}", 30000))),
          "expected at most 65536 layers, those within blocks");
}

LAMINA_TEST(names_of_weights_that_are_not_there_take_no_time_out_of_proportion) {
  REFUSES(file_of(contents_of(repeated(R"({"kind":"layer_norm"})", 20000))),
          "weights and description do not agree");
  REFUSES(file_of(contents_of(repeated(R"({"kind":"prelu"})", 40000))),
          "weights and description do not agree");
  std::vector<Stored> tensors;
  for (int i = 0; i < 20000; ++i) tensors.push_back({"layers." + std::to_string(i) + ".scale", "U8", "0", 0});
  REFUSES(file_of(contents_of(repeated(R"({"kind":"layer_norm"})", 20000)), tensors), "expected shape [1]");
}

LAMINA_TEST(sizes_that_the_tensors_do_not_have_are_refused_before_memory_is_taken) {
  const auto dense = [](const std::string& units) { return R"({"kind":"dense","units":)" + units + "}"; };
  REFUSES(file_of(contents_of(dense("16777216"), "16777216")), "weights and description do not agree");
  REFUSES(file_of(contents_of(repeated(dense("16777216"), 1000), "16777216")),
          "more weights than any memory");
  REFUSES(
      file_of(contents_of(
          R"({"kind":"ensemble","k":1024,"layers":[)" + repeated(dense("16777216"), 400) + "]}", "16777216")),
      "more weights than any memory");
  REFUSES(file_of(contents_of(dense("16777217"))), "expected 'units' between 1 and 16777216");
  REFUSES(file_of(contents_of(dense("1e400"))), "not valid JSON");
  REFUSES(file_of(contents_of(dense("-0.0"))), "expected a whole number for 'units', got -0.0");
  REFUSES(file_of(contents_of(dense("NaN"))), "not valid JSON");
  REFUSES(file_of(contents_of(dense("18446744073709551616"))), "expected a whole number for 'units'");
  REFUSES(file_of(contents_of(kRelu, "9223372036854775807")), "expected 'inputs' between 1 and 16777216");
  REFUSES(file_of(contents_of(R"({"kind":"ensemble","k":1000000000,"layers":[)" + dense("1") + "]}")),
          "expected 'k' between 1 and 1024");
  // One column of a million categories of 16 numbers, written down in a few bytes.
  REFUSES(
      file_of(contents_of(R"({"kind":"embedding","columns":[0],"categories":[16777216],"units":16777216})")),
      "weights and description do not agree");
}

LAMINA_TEST(padding_multiplies_the_narrowest_layers_by_sixteen_and_no_more) {
  const std::string one = R"({"kind":"dense","units":1})";
  LOADS(file_of(contents_of(one, "100000"),
                {{"layers.0.weight", "F32", "1,100000", 400000}, {"layers.0.bias", "F32", "1", 4}}),
        18.0);
  LOADS(file_of(contents_of(one, "100000"),
                {{"layers.0.bias", "F32", "1", 4}, {"layers.0.weight", "F16", "1,100000", 200000}}),
        35.0);
  LOADS(file_of(contents_of(R"({"kind":"dense","units":100000})"),
                {{"layers.0.weight", "F32", "100000,1", 400000}, {"layers.0.bias", "F32", "100000", 400000}}),
        18.0);
}

LAMINA_TEST(nesting_is_limited) {
  std::string block = kRelu;
  for (int depth = 0; depth < 16; ++depth) block = R"({"kind":"residual","layers":[)" + block + "]}";
  LOADS(file_of(contents_of(block)), 60.0);
  block = R"({"kind":"residual","layers":[)" + block + "]}";
  REFUSES(file_of(contents_of(block)), "expected blocks nested at most 16 deep");
  for (int depth = 0; depth < 60; ++depth) block = R"({"kind":"residual","layers":[)" + block + "]}";
  REFUSES(file_of(contents_of(block)), "nested more than 64 deep");
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  REFUSES(file_of(contents_of(kRelu, "1", R"("record":{"x":)" + deep + "}")), "nested more than 64 deep");
}

LAMINA_TEST(a_record_of_many_small_values_takes_memory_in_proportion_to_the_file) {
  LOADS(file_of(contents_of(kRelu, "1", R"("record":{"x":[)" + repeated("0", 500000) + "]}")), 60.0);
  LOADS(file_of(contents_of(kRelu, "1", R"("record":{"x":[)" + repeated("[]", 300000) + "]}")), 60.0);
  LOADS(
      file_of(contents_of(kRelu, "300000", R"("record":{},"feature_names":[)" + repeated("0", 300000) + "]")),
      90.0);
}

LAMINA_TEST(what_an_error_quotes_is_cut) {
  const std::string longest(1000000, 'x');
  for (const std::string& layer :
       {R"({"kind":")" + longest + R"("})", R"({"kind":"dropout","rate":0.1,")" + longest + R"(":1})",
        R"({"kind":"dropout","rate":")" + longest + R"("})"})
    REFUSES(file_of(contents_of(layer)), "the description of the network is wrong");
  REFUSES(
      file_of(contents_of(kRelu, "1", R"("record":{},")" + longest + R"(":1)"), {{longest, "U8", "3", 2}}),
      "malformed header");
}

LAMINA_TEST(texts_are_utf8_without_zero_bytes_and_keys_are_not_there_twice) {
  REFUSES(file_of(contents_of(kRelu, "1", R"("record":{},"record":{})")), "appears twice in one object");
  REFUSES(file_of(contents_of(R"({"kind":"activation","kind":"dropout","activation":"relu"})")),
          "appears twice in one object");
  REFUSES(file_of(contents_of(kRelu, "1", R"("record":{"a":"\ud800"})")), "not valid JSON");
  LOADS(file_of(contents_of(kRelu, "1", R"("record":{"a":"\u0000"})")), 60.0);
  LOADS(file_of(contents_of(kRelu, "1", R"("record":{},"feature_names":["a\u0000b"])")), 60.0);
  const Bytes file = file_of(contents_of(kRelu), {{"a b", "U8", "0", 0}});
  for (const int byte : {0x00, 0x80, 0xED, 0xFF}) {
    Bytes other = file;
    const std::string name = "\"a b\"";
    const auto found = std::search(other.begin(), other.end(), name.begin(), name.end(),
                                   [](std::byte a, char b) { return a == static_cast<std::byte>(b); });
    *(found + 2) = static_cast<std::byte>(byte);
    lamina::stamp_checksum(other);
    REFUSES(other, "malformed header");
  }
}

// A table model of so many columns of numbers and so many targets, with one dense layer.
Bytes wide_table(int columns, int targets) {
  std::string encoders, layer_columns, numbers;
  std::vector<Stored> tensors;
  for (int i = 0; i < columns; ++i) {
    const std::string number = std::to_string(i), comma = i == 0 ? "" : ",";
    encoders += comma + R"({"kind":"number","name":"c)" + number + R"(","edges":0,"indicator":false})";
    layer_columns += comma + R"({"kind":"number","edges":[],"limit":1.0,"fill":0.0,"indicator":false})";
    tensors.push_back({"preprocessor." + number + ".edges", "F64", "0", 0});
    tensors.push_back({"preprocessor." + number + ".bounds", "F64", "2", 16});
    tensors.push_back({"preprocessor." + number + ".scaling", "F64", "4", 32});
  }
  for (int i = 0; i < targets; ++i) {
    const std::string number = std::to_string(i);
    numbers += (i == 0 ? "" : ",") + (R"({"name":"t)" + number + R"(","levels":0,"interval":false})");
    tensors.push_back({"target." + number + ".levels", "F64", "0", 0});
    tensors.push_back({"target." + number + ".quantiles", "F64", "0", 0});
    tensors.push_back({"target." + number + ".scaling", "F64", "2", 16});
  }
  const std::string width = std::to_string(columns), outputs = std::to_string(targets);
  const std::string record =
      R"({"schema":"lamina.tabular.model","version":2,"preprocessor":{"schema":"lamina.tabular.preprocessor",)"
      R"("version":2,"missing_values":[""],"formats":{"numbers":{},"dates":{}},"ignored":{},"width":)" +
      width + R"(,"columns":[)" + encoders +
      R"(]},"target":{"schema":"lamina.tabular.target","version":2,"task":"regression","targets":[)" +
      numbers + R"(]},"training":{}})";
  const std::size_t weights = 4 * static_cast<std::size_t>(columns) * static_cast<std::size_t>(targets);
  tensors.push_back({"layers.1.weight", "F32", outputs + "," + width, weights});
  tensors.push_back({"layers.1.bias", "F32", outputs, 4 * static_cast<std::size_t>(targets)});
  return file_of(contents_of(R"({"kind":"column_encoding","columns":[)" + layer_columns +
                                 R"(]},{"kind":"dense","units":)" + outputs + "}",
                             width, R"("record":)" + record),
                 tensors);
}

LAMINA_TEST(columns_and_targets_of_a_table_by_the_thousand_take_time_in_proportion) {
  LOADS(wide_table(5000, 1), 60.0);
  LOADS(wide_table(1, 10000), 60.0);
}

LAMINA_TEST(a_self_test_takes_no_memory_for_outputs_that_it_does_not_store) {
  const std::string wide = contents_of(R"({"kind":"dense","units":20000})", "1",
                                       R"("record":{},"selftest":{"instruction_set":"sse2"})");
  const std::vector<Stored> tensors{{"layers.0.weight", "F32", "20000,1", 80000},
                                    {"layers.0.bias", "F32", "20000", 80000},
                                    {"selftest.inputs", "F32", "20000,1", 80000},
                                    {"selftest.outputs", "F64", "20000,0", 0}};
  check(__LINE__, file_of(wide, tensors), "expected the tensor selftest.outputs of float64, [rows, 20000]",
        60.0, true);
}

}  // namespace

LAMINA_TEST_MAIN
