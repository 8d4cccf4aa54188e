// Predictors: single rows without an allocation or a lock.
#include "c_api/handles.h"
#include "c_api/row_predictor.h"

namespace lamina::c {
namespace {

template <class Number>
void predict(const lamina_predictor* predictor, const Number* x, size_t rows, Number* y) {
  constexpr auto type = sizeof(Number) == 4 ? LAMINA_FLOAT32 : LAMINA_FLOAT64;
  check_given(predictor, "predictor", "one that lamina_predictor_create gave");
  std::visit(
      [&](const auto& own) {
        const ArraySource source = source_of(x, type, rows, 0, own->inputs(), "x");
        check_results(y, rows, own->outputs(), sizeof(Number), "y");
        own->predict(source, y);
      },
      predictor->predictor);
}

}  // namespace
}  // namespace lamina::c

using namespace lamina;
using namespace lamina::c;

extern "C" {

lamina_status lamina_predictor_create(const lamina_model* model, lamina_predictor** predictor) {
  return guarded(__func__, [&] {
    const TrainableNetwork& network = network_of(model);
    check_given(predictor, "predictor", "where the predictor is to go");
    network.visit([&]<class T>(const Model<T>& own) {
      own.read([&](const Network<T>& layers, const T* weights) {
        *predictor = new lamina_predictor{std::make_unique<const RowPredictor<T>>(layers, weights)};
      });
    });
  });
}

void lamina_predictor_free(lamina_predictor* predictor) { delete predictor; }

lamina_status lamina_predictor_predict(const lamina_predictor* predictor, const float* x, size_t rows,
                                       float* y) {
  return guarded(__func__, [&] { predict(predictor, x, rows, y); });
}

lamina_status lamina_predictor_predict_double(const lamina_predictor* predictor, const double* x, size_t rows,
                                              double* y) {
  return guarded(__func__, [&] { predict(predictor, x, rows, y); });
}
}
