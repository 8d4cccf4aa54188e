/* Trains a network with dropout, a residual block, a schedule, validation and metrics, saves it, reads it
 * again, and prints the bits of its figures and predictions: two libraries that print the same compute the
 * same. */
#include <lamina/lamina.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { kRows = 200, kInputs = 2, kOutputs = 2 };

static void print_bits(const char* name, const float* values, size_t count) {
  size_t i;
  printf("%s", name);
  for (i = 0; i < count; ++i) {
    uint32_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    printf(" %08lx", (unsigned long)bits);
  }
  printf("\n");
}

static lamina_status build(lamina_model** model) {
  lamina_network* network = NULL;
  lamina_option dropout[1];
  lamina_status status = lamina_network_create(kInputs, &network);
  dropout[0] = lamina_number("rate", 0.1);
  if (status == LAMINA_OK) status = lamina_network_add_dense(network, 16, "relu");
  if (status == LAMINA_OK) status = lamina_network_add(network, "batch_norm", NULL, 0);
  if (status == LAMINA_OK) status = lamina_network_add(network, "dropout", dropout, 1);
  if (status == LAMINA_OK) status = lamina_network_begin(network, "residual", NULL, 0);
  if (status == LAMINA_OK) status = lamina_network_add_dense(network, 16, "gelu");
  if (status == LAMINA_OK) status = lamina_network_end(network);
  if (status == LAMINA_OK) status = lamina_network_add_dense(network, kOutputs, "softmax");
  if (status == LAMINA_OK) status = lamina_model_create(network, LAMINA_FLOAT32, 42, model);
  lamina_network_free(network);
  return status;
}

static lamina_status train(lamina_model* model, const lamina_data* data) {
  lamina_option rate[1], decay[1];
  lamina_early_stopping stopping = LAMINA_EARLY_STOPPING_INIT;
  lamina_metric accuracy = {{"accuracy", NULL, 0}, NULL, NULL, -1};
  lamina_fit_options options;
  lamina_history* history = NULL;
  lamina_status status;
  size_t epoch;
  rate[0] = lamina_number("rate", 0.01);
  decay[0] = lamina_number("weight_decay", 0.001);
  lamina_fit_options_init(&options, sizeof options);
  options.epochs = 12;
  options.batch_size = 16;
  options.optimizer.kind = "adamw";
  options.optimizer.options = decay;
  options.optimizer.count = 1;
  options.schedule.kind = "cosine";
  options.schedule.options = rate;
  options.schedule.count = 1;
  options.validation_fraction = 0.2;
  options.early_stopping = &stopping;
  options.metrics = &accuracy;
  options.metric_count = 1;
  status = lamina_fit(model, data, &options, &history);
  if (status != LAMINA_OK) return status;
  for (epoch = 0; epoch < lamina_history_epochs(history); ++epoch)
    printf("epoch %a %a\n", lamina_history_figure(history, epoch, "loss"),
           lamina_history_figure(history, epoch, "val_accuracy"));
  lamina_history_free(history);
  return LAMINA_OK;
}

int main(int count, char** arguments) {
  static float x[kRows][kInputs], predicted[kRows][kOutputs];
  static int32_t classes[kRows];
  lamina_data data = LAMINA_DATA_INIT;
  lamina_model* model = NULL;
  lamina_model* read = NULL;
  lamina_status status;
  int i;
  if (count != 2) return 2;
  for (i = 0; i < kRows; ++i) {
    x[i][0] = (float)(i * 37 % 101) / 50.0F - 1.0F;
    x[i][1] = (float)(i * 53 % 89) / 44.0F - 1.0F;
    classes[i] = x[i][0] * x[i][1] > 0.0F;
  }
  data.x = x;
  data.rows = kRows;
  data.classes = classes;
  status = build(&model);
  if (status == LAMINA_OK) status = train(model, &data);
  if (status == LAMINA_OK) status = lamina_save(model, arguments[1]);
  if (status == LAMINA_OK) status = lamina_load(arguments[1], &read);
  if (status == LAMINA_OK) status = lamina_predict(read, &x[0][0], kRows, &predicted[0][0]);
  if (status == LAMINA_OK)
    print_bits("predicted", &predicted[0][0], (size_t)kRows * kOutputs);
  else
    fprintf(stderr, "%s\n", lamina_error_message());
  lamina_free(read);
  lamina_free(model);
  return status == LAMINA_OK ? 0 : 1;
}
