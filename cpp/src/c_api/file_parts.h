// What a model file holds, on its way into one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "model_file/model_file.h"
#include "network/network.h"

namespace lamina::c {

// Tensors to be written, and the memory of those that are made for it.
class WrittenTensors {
 public:
  void add(std::span<const TensorView> tensors) {
    views_.insert(views_.end(), tensors.begin(), tensors.end());
  }
  // All weights of a network as users see them; `flat`: its own, or a snapshot in its layout.
  template <class T>
  void add_weights(const Network<T>& network, const T* flat, const std::string& prefix) {
    for (const Parameter& parameter : network.parameters()) {
      const auto values =
          std::make_shared<std::vector<T>>(static_cast<std::size_t>(parameter.element_count()));
      unpack_parameter(parameter, flat, values->data());
      made_.push_back(values);
      views_.push_back({prefix + parameter.name, sizeof(T) == 4 ? TensorType::kFloat32 : TensorType::kFloat64,
                        parameter.shape, values->data()});
    }
  }

  const std::vector<TensorView>& views() const noexcept { return views_; }

 private:
  std::vector<TensorView> views_;
  std::vector<std::shared_ptr<const void>> made_;
};

inline std::vector<std::byte> model_bytes(const Json& contents, std::span<const TensorView> tensors) {
  return serialize_model_file(contents.dump(), tensors);
}
inline void save_model(const std::filesystem::path& path, const Json& contents,
                       std::span<const TensorView> tensors) {
  write_model_file(path, contents.dump(), tensors);
}

}  // namespace lamina::c
