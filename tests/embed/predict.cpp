// predict MODEL INPUTS OUTPUTS: as predict.c, in C++ and all rows in one call.
#include <lamina/lamina.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <vector>

namespace {

std::vector<char> bytes_of(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return 2;
  lamina_model* loaded = nullptr;
  if (lamina_load(arguments[1], &loaded) != LAMINA_OK) {
    std::cerr << lamina_error_message() << '\n';
    return 1;
  }
  const std::unique_ptr<lamina_model, decltype(&lamina_free)> model(loaded, &lamina_free);
  const std::vector<char> bytes = bytes_of(arguments[2]);
  std::vector<float> inputs(bytes.size() / sizeof(float));
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(inputs.data()));
  const std::size_t rows = inputs.size() / lamina_inputs(loaded);
  std::vector<float> outputs(rows * lamina_outputs(loaded));
  if (lamina_predict(loaded, inputs.data(), rows, outputs.data()) != LAMINA_OK) return 4;
  std::ofstream(arguments[3], std::ios::binary)
      .write(reinterpret_cast<const char*>(outputs.data()),
             static_cast<std::streamsize>(outputs.size() * sizeof(float)));
  std::cout << rows << " rows by lamina " << lamina_version() << '\n';
}
