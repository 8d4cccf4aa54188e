// What a network and a table model have in common: handles, files, sizes.
#pragma once

#include <lamina/cpp/data.hpp>

#include <filesystem>
#include <memory>
#include <string_view>

namespace lamina {
inline namespace v1 {

namespace detail {

struct FreeModel {
  void operator()(lamina_model* model) const noexcept { lamina_free(model); }
};
struct FreeNetwork {
  void operator()(lamina_network* network) const noexcept { lamina_network_free(network); }
};
struct FreePredictor {
  void operator()(lamina_predictor* predictor) const noexcept { lamina_predictor_free(predictor); }
};
struct FreeOptimizer {
  void operator()(lamina_optimizer* optimizer) const noexcept { lamina_optimizer_free(optimizer); }
};

using ModelHandle = std::unique_ptr<lamina_model, FreeModel>;

// lamina.h takes paths in UTF-8.
inline std::string utf8(const std::filesystem::path& path) {
  const std::u8string text = path.u8string();
  return checked_text({text.begin(), text.end()});
}

inline std::string text_of(const char* text) { return text == nullptr ? std::string() : std::string(text); }

}  // namespace detail

struct LoadOptions {
  bool memory_map = false;  // read the file through a memory map
  bool self_test = false;   // predict the rows stored with the model, and refuse it where outputs differ
};

// A model with its weights. A copy has weights of its own; any number of threads may predict with one model.
class Model {
 public:
  [[nodiscard]] std::size_t inputs() const noexcept { return lamina_inputs(handle()); }
  [[nodiscard]] std::size_t outputs() const noexcept { return lamina_outputs(handle()); }
  [[nodiscard]] lamina_type dtype() const noexcept { return lamina_model_type(handle()); }
  // Of input i, or of a table's column; "" where it has none.
  [[nodiscard]] std::string input_name(std::size_t index) const {
    return detail::text_of(lamina_input_name(handle(), index));
  }
  // What the model is made of, as JSON.
  [[nodiscard]] std::string describe() const { return detail::text_of(lamina_describe(handle())); }

  // Replaces the file in one step: after a crash there is the old one or the new one.
  void save(const std::filesystem::path& path) const {
    detail::check(lamina_save(handle(), detail::utf8(path).c_str()));
  }
  // The bytes of such a file.
  [[nodiscard]] std::vector<std::byte> to_bytes() const {
    std::size_t size = 0;
    detail::check(lamina_save_memory(handle(), nullptr, 0, &size));
    std::vector<std::byte> bytes(size);
    detail::check(lamina_save_memory(handle(), bytes.data(), bytes.size(), &size));
    return bytes;
  }

  // For calls of lamina.h; it belongs to this object.
  [[nodiscard]] lamina_model* handle() const noexcept { return handle_.get(); }

 protected:
  explicit Model(detail::ModelHandle handle) noexcept : handle_(std::move(handle)) {}
  Model(const Model& other) : handle_(clone(other)) {}
  Model(Model&&) noexcept = default;
  Model& operator=(const Model& other) {
    if (this != &other) handle_ = clone(other);
    return *this;
  }
  Model& operator=(Model&&) noexcept = default;
  ~Model() = default;

  static detail::ModelHandle read(const std::filesystem::path& path, const LoadOptions& options, bool table) {
    lamina_load_options given = LAMINA_LOAD_OPTIONS_INIT;
    given.memory_map = options.memory_map ? 1 : 0;
    given.self_test = options.self_test ? 1 : 0;
    lamina_model* model = nullptr;
    detail::check(lamina_load_with(detail::utf8(path).c_str(), &given, &model));
    return expect(detail::ModelHandle(model), table, detail::utf8(path));
  }
  static detail::ModelHandle parse(std::span<const std::byte> bytes, bool table) {
    lamina_model* model = nullptr;
    detail::check(lamina_load_memory(bytes.data(), bytes.size(), &model));
    return expect(detail::ModelHandle(model), table, "model bytes");
  }

 private:
  static detail::ModelHandle clone(const Model& other) {
    lamina_model* copy = nullptr;
    detail::check(lamina_clone(other.handle(), &copy));
    return detail::ModelHandle(copy);
  }
  static detail::ModelHandle expect(detail::ModelHandle model, bool table, const std::string& where) {
    if ((lamina_is_table(model.get()) != 0) == table) return model;
    throw Error(LAMINA_ERROR_TYPE, where + (table ? ": expected a table model, got a network; read it with "
                                                    "lamina::Sequential::load"
                                                  : ": expected a network, got a table model; read it with "
                                                    "lamina::Table::load"));
  }

  detail::ModelHandle handle_;
};

}  // namespace v1
}  // namespace lamina
