/* Watches one sensor, and learns on the device what is normal: a network predicts the next reading from the
 * last eight, and a reading that is further off than those it learned from is an alarm. C99 and lamina alone.
 *
 *   monitor                              all of the below in one go, with a simulated sensor
 *   monitor simulate > normal.txt        4,000 readings, one a line
 *   monitor train sensor.lamina < normal.txt
 *   monitor watch sensor.lamina < new.txt
 */
#include <lamina/lamina.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
enum { WINDOW = 8, MOST = 100000 };
static float readings[MOST];
static double errors[MOST];

static void fail(const char* what, const char* which) {
  fprintf(stderr, "monitor: %s%s\n", what, which);
  exit(1);
}

static void check(lamina_status status) {
  if (status != LAMINA_OK) fail("", lamina_error_message());
}

/* A machine that turns: two tones that beat, and noise. From `broken` on its bearing knocks once a turn. */
static size_t simulate(size_t count, size_t broken, uint64_t seed) {
  size_t i, k;
  for (i = 0; i < count; ++i) {
    double noise = -6.0, turn = (double)i / 25.0;
    for (k = 0; k < 12; ++k) {
      seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
      noise += (double)(seed >> 11) / 9007199254740992.0;
    }
    readings[i] =
        (float)(sin(6.28318530718 * turn) + 0.5 * sin(6.28318530718 * 1.7 * turn + 1.0) + 0.02 * noise);
    if (i >= broken && i % 25 == 0) readings[i] += 0.4f;
  }
  return count;
}

static size_t read_all(FILE* in) {
  size_t count = 0;
  while (count < MOST && fscanf(in, "%f", &readings[count]) == 1) ++count;
  if (count < MOST && !feof(in)) fail("expected one number a line, got another line", "");
  return count;
}

static int by_size(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

/* How far reading i is from the one predicted from those before it; allocates nothing. */
static double error_of(const lamina_predictor* predictor, size_t i) {
  float expected;
  check(lamina_predictor_predict(predictor, readings + i - WINDOW, 1, &expected));
  return fabs((double)readings[i] - (double)expected);
}

static FILE* open_alarm(const char* path, const char* mode) {
  char name[1024];
  FILE* file;
  snprintf(name, sizeof name, "%s.alarm", path);
  file = fopen(name, mode);
  if (file == NULL) fail("cannot open ", name);
  return file;
}

/* The rows overlap: row i is the eight readings from i on, and its target the one after them. */
static void train(size_t count, const char* path) {
  const lamina_option rate[] = {lamina_number("learning_rate", 0.003)};
  const lamina_description adam = {"adam", rate, 1};
  lamina_network* network = NULL;
  lamina_model* model = NULL;
  lamina_predictor* predictor = NULL;
  lamina_history* history = NULL;
  lamina_data data = LAMINA_DATA_INIT;
  lamina_fit_options options;
  FILE* file;
  size_t i;
  data.x = readings;
  data.x_stride = sizeof readings[0];
  data.rows = count > WINDOW ? count - WINDOW : 0;
  data.y = readings + WINDOW;
  data.y_columns = 1;
  check(lamina_network_create(WINDOW, &network));
  check(lamina_network_add_dense(network, 16, "tanh"));
  check(lamina_network_add_dense(network, 1, NULL));
  check(lamina_model_create(network, LAMINA_FLOAT32, 1, &model));
  check(lamina_fit_options_init(&options, sizeof options));
  options.epochs = 40;
  options.optimizer = adam;
  check(lamina_fit(model, &data, &options, &history));
  printf("trained on %lu readings: mean squared error %.2g\n", (unsigned long)data.rows,
         lamina_history_figure(history, lamina_history_epochs(history) - 1, "loss"));
  check(lamina_save(model, path));
  check(lamina_predictor_create(model, &predictor));
  for (i = WINDOW; i < count; ++i) errors[i - WINDOW] = error_of(predictor, i);
  qsort(errors, data.rows, sizeof errors[0], by_size);
  file = open_alarm(path, "w");
  fprintf(file, "%.17g\n", 1.5 * errors[data.rows - 1 - data.rows / 1000]);
  fclose(file);
  lamina_history_free(history);
  lamina_predictor_free(predictor);
  lamina_network_free(network);
  lamina_free(model);
}

static void watch(size_t count, const char* path) {
  lamina_model* model = NULL;
  lamina_predictor* predictor = NULL;
  FILE* file = open_alarm(path, "r");
  size_t i, alarms = 0;
  double alarm = 0.0;
  if (fscanf(file, "%lf", &alarm) != 1) fail("no number in the alarm file of ", path);
  fclose(file);
  check(lamina_load(path, &model));
  check(lamina_predictor_create(model, &predictor));
  for (i = WINDOW; i < count; ++i) {
    const double error = error_of(predictor, i);
    if (error > alarm && alarms++ < 3)
      printf("reading %lu: off by %.3f, alarm above %.3f\n", (unsigned long)i, error, alarm);
  }
  printf("%lu alarms in %lu readings\n", (unsigned long)alarms, (unsigned long)count);
  lamina_predictor_free(predictor);
  lamina_free(model);
}

int main(int count, char** arguments) {
  const char* command = count > 1 ? arguments[1] : "";
  size_t i, found;
  if (strcmp(command, "simulate") == 0) {
    found = simulate(4000, 4000, 7);
    for (i = 0; i < found; ++i) printf("%.9g\n", (double)readings[i]);
  } else if (strcmp(command, "train") == 0 && count > 2) {
    train(read_all(stdin), arguments[2]);
  } else if (strcmp(command, "watch") == 0 && count > 2) {
    watch(read_all(stdin), arguments[2]);
  } else {
    train(simulate(4000, 4000, 1), "sensor.lamina");
    puts("new readings:");
    watch(simulate(4000, 4000, 2), "sensor.lamina");
    puts("new readings, with a bearing that knocks from reading 3000 on:");
    watch(simulate(4000, 3000, 3), "sensor.lamina");
  }
  return 0;
}
