// What the columns of a ColumnEncoding hold.
#pragma once

#include <lamina/cpp/description.hpp>

namespace lamina {
inline namespace v1 {

// One of the encodings below.
using Encoding = detail::Described<detail::EncodingRole>;

// A number as its scaled value and its places among edges.
struct NumberEncoding {
  static constexpr detail::KindOf<detail::EncodingRole> kind{"number"};
  std::vector<double> edges = {};
  detail::Number limit = {}, fill = {};
  detail::Flag indicator = {};
  void describe(detail::Collector& to) const {
    to("edges", edges)("limit", limit)("fill", fill)("indicator", indicator);
  }
};

// A category's code as one 1 among zeros.
struct CategoryEncoding {
  static constexpr detail::KindOf<detail::EncodingRole> kind{"category"};
  detail::Integer count = 0;
  detail::Flag indicator = {};
  void describe(detail::Collector& to) const { to("count", count)("indicator", indicator); }
};

// A category's code as it is, for an Embedding behind.
struct CodeEncoding {
  static constexpr detail::KindOf<detail::EncodingRole> kind{"code"};
  detail::Integer count = 0;
  detail::Flag indicator = {};
  void describe(detail::Collector& to) const { to("count", count)("indicator", indicator); }
};

// Days and the part of the day: two inputs.
struct DateEncoding {
  static constexpr detail::KindOf<detail::EncodingRole> kind{"date"};
  detail::Number center = {}, scale = {}, limit = {}, fill = {};
  detail::Flag indicator = {};
  void describe(detail::Collector& to) const {
    to("center", center)("scale", scale)("limit", limit)("fill", fill)("indicator", indicator);
  }
};

}  // namespace v1
}  // namespace lamina
