/* lamina's C interface: load, build, train, predict and save dense neural networks. C99, and C++ as it is.
 *
 * Every function that can fail returns a status: LAMINA_OK, or what kind of error it was, with a sentence in
 * lamina_error_message(). A call that failed has changed nothing, outputs and handles are as before it; what
 * lamina_fit leaves is said there. No exception crosses this interface. Handles are NULL or what a
 * *_create or *_load function gave; each has a *_free, which takes NULL. Texts are UTF-8 and end with a zero
 * byte; those that are returned belong to the handle that they were asked of, and live as long. Arrays of
 * rows are row-major and contiguous unless a stride says otherwise.
 *
 * Threads: any number of them may predict with one model at once, also while another trains it; they read
 * the weights of the last epoch. One thread trains a model at a time: a second one gets LAMINA_ERROR_STATE.
 * Any other handle is one thread's at a time, but for a lamina_predictor, which any number share. */
#ifndef LAMINA_LAMINA_H
#define LAMINA_LAMINA_H

#include <stddef.h>
#include <stdint.h>

#if defined(LAMINA_STATIC)
#define LAMINA_API
#elif defined(_WIN32)
#if defined(LAMINA_BUILDS_LIBRARY)
#define LAMINA_API __declspec(dllexport)
#else
#define LAMINA_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define LAMINA_API __attribute__((visibility("default")))
#else
#define LAMINA_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Errors and the library ---- */

typedef enum lamina_status {
  LAMINA_OK = 0,
  LAMINA_ERROR_VALUE = 1,      /* an argument has a value that it cannot have; NULL among them */
  LAMINA_ERROR_TYPE = 2,       /* an argument is of a kind that does not fit, such as a table model here */
  LAMINA_ERROR_MEMORY = 3,     /* out of memory */
  LAMINA_ERROR_IO = 4,         /* a file could not be read or written */
  LAMINA_ERROR_NOT_FOUND = 5,  /* there is no such file */
  LAMINA_ERROR_FORMAT = 6,     /* not a model file, damaged, or of a newer major version */
  LAMINA_ERROR_NOT_FINITE = 7, /* a loss, weight or gradient became NaN or infinite */
  LAMINA_ERROR_STATE = 8,      /* not now: another thread trains this model, or nothing was computed yet */
  LAMINA_ERROR_INTERNAL = 9,   /* a fault of lamina's own, or an exception of a callback's */
  LAMINA_ERROR_CALLBACK = 10   /* a function of the caller's said that it failed */
} lamina_status;

/* What the last error of the calling thread was, until its next; "" before the first. Never NULL. */
LAMINA_API const char* lamina_error_message(void);
/* "ok", "value", "type", ...; "unknown" for any other number. */
LAMINA_API const char* lamina_status_name(lamina_status status);

/* The library's version, such as "0.1.0", and its number: major * 1000000 + minor * 1000 + patch. */
LAMINA_API const char* lamina_version(void);
LAMINA_API int lamina_version_number(void);
/* The instruction set of the kernels in use: "avx512", "avx2", "sse2", "neon" or "portable". */
LAMINA_API const char* lamina_instruction_set(void);

/* On how many threads work runs at most, 1 to 1024; at first one a processor that this process may use. How
 * many of them a step or a prediction takes is found by trying. Results do not depend on it. */
LAMINA_API lamina_status lamina_set_num_threads(int threads);
LAMINA_API int lamina_num_threads(void);

typedef enum lamina_type { LAMINA_FLOAT32 = 0, LAMINA_FLOAT64 = 1 } lamina_type;

/* ---- Options by name ---- */

/* Layers, losses, optimizers, schedules and metrics are made from their name and options by name, which are
 * those of the Python classes, with the same defaults:
 *
 *   lamina_option options[] = {lamina_integer("units", 64), lamina_text("activation", "relu")};
 *   lamina_network_add(network, "dense", options, 2);
 *
 * An option that is left out has its default; an unknown one is an error that lists what there is. */
typedef enum lamina_option_kind {
  LAMINA_OPTION_BOOLEAN = 0,
  LAMINA_OPTION_INTEGER = 1,
  LAMINA_OPTION_NUMBER = 2,
  LAMINA_OPTION_TEXT = 3,
  LAMINA_OPTION_INTEGERS = 4, /* an array */
  LAMINA_OPTION_NUMBERS = 5,  /* an array */
  LAMINA_OPTION_OPTIONS = 6,  /* options within: an activation with its parameter, {"kind", ...} */
  LAMINA_OPTION_LIST = 7,     /* an array, each element an option without a name */
  LAMINA_OPTION_FUNCTION = 8  /* of a loss of kind "custom" */
} lamina_option_kind;

typedef struct lamina_option {
  const char* name;
  lamina_option_kind kind;
  union {
    int boolean;
    int64_t integer;
    double number;
    const char* text;
    const int64_t* integers;
    const double* numbers;
    const struct lamina_option* options; /* of OPTIONS and LIST */
    const struct lamina_loss_function* function;
  } value;
  size_t count; /* of the array that `value` points to; else 0 */
} lamina_option;

static inline lamina_option lamina_option_of(const char* name, lamina_option_kind kind, size_t count) {
  lamina_option option;
  option.name = name;
  option.kind = kind;
  option.value.integer = 0;
  option.count = count;
  return option;
}
static inline lamina_option lamina_boolean(const char* name, int value) {
  lamina_option option = lamina_option_of(name, LAMINA_OPTION_BOOLEAN, 0);
  option.value.boolean = value;
  return option;
}
static inline lamina_option lamina_integer(const char* name, int64_t value) {
  lamina_option option = lamina_option_of(name, LAMINA_OPTION_INTEGER, 0);
  option.value.integer = value;
  return option;
}
static inline lamina_option lamina_number(const char* name, double value) {
  lamina_option option = lamina_option_of(name, LAMINA_OPTION_NUMBER, 0);
  option.value.number = value;
  return option;
}
static inline lamina_option lamina_text(const char* name, const char* value) {
  lamina_option option = lamina_option_of(name, LAMINA_OPTION_TEXT, 0);
  option.value.text = value;
  return option;
}
static inline lamina_option lamina_integers(const char* name, const int64_t* values, size_t count) {
  lamina_option option = lamina_option_of(name, LAMINA_OPTION_INTEGERS, count);
  option.value.integers = values;
  return option;
}
static inline lamina_option lamina_numbers(const char* name, const double* values, size_t count) {
  lamina_option option = lamina_option_of(name, LAMINA_OPTION_NUMBERS, count);
  option.value.numbers = values;
  return option;
}
static inline lamina_option lamina_options(const char* name, const lamina_option* options, size_t count) {
  lamina_option option = lamina_option_of(name, LAMINA_OPTION_OPTIONS, count);
  option.value.options = options;
  return option;
}
static inline lamina_option lamina_list(const char* name, const lamina_option* elements, size_t count) {
  lamina_option option = lamina_option_of(name, LAMINA_OPTION_LIST, count);
  option.value.options = elements;
  return option;
}
static inline lamina_option lamina_function(const char* name, const struct lamina_loss_function* value) {
  lamina_option option = lamina_option_of(name, LAMINA_OPTION_FUNCTION, 0);
  option.value.function = value;
  return option;
}

/* A thing by its name, with options; {NULL, NULL, 0} where it is left out. */
typedef struct lamina_description {
  const char* kind;
  const lamina_option* options;
  size_t count;
} lamina_description;

/* ---- Models ---- */

/* A network with its weights, or a table model: encoders of a table's columns, networks, and the decoding of
 * their outputs. */
typedef struct lamina_model lamina_model;

/* From a file that lamina wrote, in any language. Everything is checked before anything is built. */
LAMINA_API lamina_status lamina_load(const char* path, lamina_model** model);
/* From `size` bytes of such a file, which are not needed afterwards. */
LAMINA_API lamina_status lamina_load_memory(const void* data, size_t size, lamina_model** model);

typedef struct lamina_load_options {
  size_t struct_size;
  int memory_map; /* 1: read the file through a memory map */
  int self_test;  /* 1: predict the rows stored with the model, and refuse it where outputs differ */
} lamina_load_options;
#define LAMINA_LOAD_OPTIONS_INIT {sizeof(lamina_load_options), 0, 0}
/* `options` may be NULL. */
LAMINA_API lamina_status lamina_load_with(const char* path, const lamina_load_options* options,
                                          lamina_model** model);

/* Replaces the file in one step: after a crash there is the old one or the new one. */
LAMINA_API lamina_status lamina_save(const lamina_model* model, const char* path);
/* How a file holds the weights of a network of float32; 16 bits halve the file, which reads as float32. */
typedef enum lamina_storage {
  LAMINA_STORAGE_OWN = 0, /* as they are */
  LAMINA_STORAGE_FLOAT16 = 1,
  LAMINA_STORAGE_BFLOAT16 = 2
} lamina_storage;

/* Rows of a self-test are stored with the model's outputs, for lamina_load_options.self_test: x[rows, inputs]
 * of a network, or columns of a table model. */
typedef struct lamina_save_options {
  size_t struct_size;
  lamina_storage storage;
  lamina_type self_test_type;
  const void* self_test_x;
  const struct lamina_column* self_test_columns;
  size_t self_test_column_count;
  size_t self_test_rows; /* 0: no self-test */
} lamina_save_options;
#define LAMINA_SAVE_OPTIONS_INIT \
  {sizeof(lamina_save_options), LAMINA_STORAGE_OWN, LAMINA_FLOAT32, NULL, NULL, 0, 0}
/* `options` may be NULL. */
LAMINA_API lamina_status lamina_save_with(const lamina_model* model, const char* path,
                                          const lamina_save_options* options);
/* The bytes of such a file into `data`, which holds `capacity`; `size` receives how many they are. With
 * `data` NULL only `size` is set. */
LAMINA_API lamina_status lamina_save_memory(const lamina_model* model, void* data, size_t capacity,
                                            size_t* size);
LAMINA_API lamina_status lamina_clone(const lamina_model* model, lamina_model** copy);
LAMINA_API void lamina_free(lamina_model* model);

/* Numbers in a row of lamina_predict, or columns of a table model; 0 for NULL. */
LAMINA_API size_t lamina_inputs(const lamina_model* model);
/* Numbers in a row of predictions: probabilities of each class, or predicted numbers; 0 for NULL. */
LAMINA_API size_t lamina_outputs(const lamina_model* model);
/* Networks that an ensemble trains as one, whose outputs lamina_forward gives in training: [rows, members,
 * outputs]; 1 elsewhere. */
LAMINA_API size_t lamina_members(const lamina_model* model);
LAMINA_API lamina_type lamina_model_type(const lamina_model* model);
LAMINA_API int lamina_is_table(const lamina_model* model);
/* The name of input i, or of a table's column; NULL where there is none. */
LAMINA_API const char* lamina_input_name(const lamina_model* model, size_t index);
/* What the model is made of, as JSON. */
LAMINA_API const char* lamina_describe(const lamina_model* model);

/* x[rows, inputs] -> y[rows, outputs], with the bits of Python's Sequential.predict. */
LAMINA_API lamina_status lamina_predict(const lamina_model* model, const float* x, size_t rows, float* y);
LAMINA_API lamina_status lamina_predict_double(const lamina_model* model, const double* x, size_t rows,
                                               double* y);

/* Compressed sparse rows (CSR), as scipy's csr_matrix has them: row r stores values[indptr[r]] to
 * values[indptr[r + 1] - 1], whose columns, in ascending order, each once, are at the same places of
 * `indices`; everything else is 0. A first dense layer reads what is stored alone; the bits are those of the
 * same rows in full. Everything is checked before it is used. */
typedef struct lamina_sparse_rows {
  size_t struct_size;
  const void* values; /* [stored], of `type` */
  lamina_type type;
  size_t stored;
  const void* indices; /* [stored] */
  const void* indptr;  /* [rows + 1], from 0 to at most `stored` */
  int wide_indices;    /* 1: indices and indptr are int64_t; 0: int32_t */
} lamina_sparse_rows;
#define LAMINA_SPARSE_ROWS_INIT {sizeof(lamina_sparse_rows), NULL, LAMINA_FLOAT32, 0, NULL, NULL, 0}

/* y[rows, outputs] of `y_type`, with the bits of Python's Sequential.predict of such a matrix. */
LAMINA_API lamina_status lamina_predict_sparse(const lamina_model* model, const lamina_sparse_rows* x,
                                               size_t rows, lamina_type y_type, void* y);

/* ---- Predictors: the lowest latency ---- */

/* An immutable copy of a network, folded, for single rows. Predictions neither allocate nor lock, and any
 * number of threads may share one predictor; they agree with lamina_predict up to rounding. */
typedef struct lamina_predictor lamina_predictor;

LAMINA_API lamina_status lamina_predictor_create(const lamina_model* model, lamina_predictor** predictor);
LAMINA_API void lamina_predictor_free(lamina_predictor* predictor);
/* x[rows, inputs] -> y[rows, outputs], row by row. */
LAMINA_API lamina_status lamina_predictor_predict(const lamina_predictor* predictor, const float* x,
                                                  size_t rows, float* y);
LAMINA_API lamina_status lamina_predictor_predict_double(const lamina_predictor* predictor, const double* x,
                                                         size_t rows, double* y);

/* ---- Table models ---- */

/* A cell by its column's name. With `text` NULL it is `number`, in which NaN is a missing value. Dates are
 * texts in the form that the model was trained on, or ISO 8601. */
typedef struct lamina_cell {
  const char* column;
  const char* text;
  double number;
} lamina_cell;

/* A whole column: numbers[rows], or texts[rows] with NULL for missing values; the other is NULL. */
typedef struct lamina_column {
  const char* name;
  const double* numbers;
  const char* const* texts;
} lamina_column;

typedef enum lamina_table_output {
  LAMINA_PREDICTIONS = 0,   /* probabilities of the classes, or the numbers in their units: [rows, outputs] */
  LAMINA_CLASS_INDICES = 1, /* [rows, 1]; see lamina_class_name */
  LAMINA_QUANTILES = 2,     /* [rows, levels of all targets], where the model was trained for them */
  LAMINA_INTERVALS = 3      /* [rows, targets, 2]: lower and upper ends, where it was */
} lamina_table_output;

/* Numbers in a row of this kind of output; 0, with a message, where the model has none. */
LAMINA_API size_t lamina_table_outputs(const lamina_model* model, lamina_table_output kind);
/* One row, its cells in any order; columns that the model does not read are passed over, and one that it
 * reads must be there. */
LAMINA_API lamina_status lamina_table_predict(const lamina_model* model, const lamina_cell* cells,
                                              size_t count, lamina_table_output kind, double* outputs);
/* Many rows, by columns. */
LAMINA_API lamina_status lamina_table_predict_columns(const lamina_model* model, const lamina_column* columns,
                                                      size_t count, size_t rows, lamina_table_output kind,
                                                      double* outputs);
/* Classes that the target has; 0 where it is a number. */
LAMINA_API size_t lamina_classes(const lamina_model* model);
LAMINA_API const char* lamina_class_name(const lamina_model* model, size_t index);

/* ---- Building a network ---- */

typedef struct lamina_network lamina_network;

/* Layers for rows of `inputs` numbers. */
LAMINA_API lamina_status lamina_network_create(size_t inputs, lamina_network** network);
LAMINA_API void lamina_network_free(lamina_network* network);
/* A dense layer; `activation` NULL is none. */
LAMINA_API lamina_status lamina_network_add_dense(lamina_network* network, size_t units,
                                                  const char* activation);
/* Any layer: "dense", "activation", "dropout", "batch_norm", "layer_norm", ... */
LAMINA_API lamina_status lamina_network_add(lamina_network* network, const char* kind,
                                            const lamina_option* options, size_t count);
/* A layer that holds layers, "residual" or "ensemble": those added until lamina_network_end are within. */
LAMINA_API lamina_status lamina_network_begin(lamina_network* network, const char* kind,
                                              const lamina_option* options, size_t count);
LAMINA_API lamina_status lamina_network_end(lamina_network* network);
/* The same seed gives the same first weights as lamina.Sequential(..., seed=seed) in Python. */
LAMINA_API lamina_status lamina_model_create(const lamina_network* network, lamina_type type, uint64_t seed,
                                             lamina_model** model);

/* ---- Weights ---- */

typedef struct lamina_parameter {
  size_t struct_size;
  const char* name; /* "layers.0.weight" */
  size_t dimensions;
  size_t shape[4]; /* a dense weight is [outputs, inputs], as in PyTorch */
  size_t elements;
  int trainable;
} lamina_parameter;
#define LAMINA_PARAMETER_INIT {sizeof(lamina_parameter), NULL, 0, {0, 0, 0, 0}, 0, 0}

LAMINA_API size_t lamina_parameters(const lamina_model* model);
LAMINA_API lamina_status lamina_parameter_info(const lamina_model* model, size_t index,
                                               lamina_parameter* info);
/* `values` are of the model's type. */
LAMINA_API lamina_status lamina_get_parameter(const lamina_model* model, size_t index, void* values);
LAMINA_API lamina_status lamina_set_parameter(lamina_model* model, size_t index, const void* values);

/* ---- Training ---- */

/* Rows with their targets, in the caller's memory for the length of a call. */
typedef struct lamina_data {
  size_t struct_size;
  const void* x; /* [rows, inputs] */
  lamina_type x_type;
  size_t rows;
  size_t x_stride;        /* bytes from a row to the next; 0: contiguous */
  const int32_t* classes; /* [rows] from 0, for losses of classes; else NULL */
  const void* y;          /* [rows, y_columns], for other losses; else NULL */
  lamina_type y_type;
  size_t y_columns;
  const double* weights;              /* of the rows, at least 0; NULL: all 1 */
  const lamina_sparse_rows* sparse_x; /* in place of x, which is NULL */
} lamina_data;
#define LAMINA_DATA_INIT \
  {sizeof(lamina_data), NULL, LAMINA_FLOAT32, 0, 0, NULL, NULL, LAMINA_FLOAT32, 0, NULL, NULL}

/* What a loss of the caller's is asked: its value for the outputs of some rows, and for training its
 * gradient. Of an ensemble in training each row comes once for each member. */
typedef struct lamina_loss_batch {
  size_t struct_size;
  lamina_type type; /* of outputs, y and gradient: the model's */
  size_t rows, outputs_columns;
  const void* outputs;    /* [rows, outputs_columns] */
  const int32_t* classes; /* [rows], where the data have classes; else NULL */
  const void* y;          /* [rows, y_columns], where they have values, as many as they like; else NULL */
  size_t y_columns;
  void* gradient; /* [rows, outputs_columns], to be filled: of the value with respect to the outputs. NULL
                     where the value alone is asked for */
} lamina_loss_batch;

/* A loss of the caller's, such as the mean over the rows of a batch; the layers' penalties are added to it.
 * Wherever a loss is taken:
 *
 *   lamina_loss_function own = {sizeof own, squared_error, NULL};
 *   lamina_option custom[] = {lamina_function("function", &own)};
 *   lamina_description loss = {"custom", custom, 1};
 *
 * It sets `value` and every element of the gradient, and returns 0; anything else ends the call with
 * LAMINA_ERROR_CALLBACK, and a value or gradient that is not finite with LAMINA_ERROR_NOT_FINITE: the weights
 * are then those of the last whole step. It runs on the thread that called, may predict with the model, but
 * not train it or pass rows forward. Rows have no weights; it may apply its own. */
typedef struct lamina_loss_function {
  size_t struct_size;
  int (*function)(const lamina_loss_batch* batch, double* value, void* user);
  void* user;
} lamina_loss_function;

/* Keeps its state (momenta) from one fit or step to the next. */
typedef struct lamina_optimizer lamina_optimizer;

/* "sgd", "adam", "adamw", "rmsprop", ... for this model. */
LAMINA_API lamina_status lamina_optimizer_create(const lamina_model* model, const char* kind,
                                                 const lamina_option* options, size_t count,
                                                 lamina_optimizer** optimizer);
LAMINA_API void lamina_optimizer_free(lamina_optimizer* optimizer);
LAMINA_API lamina_status lamina_optimizer_set_learning_rate(lamina_optimizer* optimizer, double rate);
LAMINA_API double lamina_optimizer_learning_rate(const lamina_optimizer* optimizer);
/* Its state, to be kept with a saved model: the steps taken, and for each parameter so many arrays in that
 * parameter's shape and type (momenta, squares). An optimizer of the same options that takes them over goes
 * on as this one would, to the bit. */
LAMINA_API size_t lamina_optimizer_states(const lamina_optimizer* optimizer);
LAMINA_API int64_t lamina_optimizer_steps(const lamina_optimizer* optimizer);
LAMINA_API lamina_status lamina_optimizer_set_steps(lamina_optimizer* optimizer, int64_t steps);
LAMINA_API lamina_status lamina_optimizer_get_state(lamina_optimizer* optimizer, size_t state,
                                                    size_t parameter, void* values);
LAMINA_API lamina_status lamina_optimizer_set_state(lamina_optimizer* optimizer, size_t state,
                                                    size_t parameter, const void* values);

/* The fit in hand, as callbacks see it. */
typedef struct lamina_fit_state lamina_fit_state;

/* A figure of an epoch: "loss", "val_loss", "learning_rate", metrics. NaN where there is none of that name.
 */
LAMINA_API double lamina_fit_figure(const lamina_fit_state* fit, const char* name);
/* Ends training after the epoch in hand; the history gives the reason. */
LAMINA_API void lamina_fit_stop(lamina_fit_state* fit, const char* reason);

/* Functions of the caller's, each of which may be NULL; `user` is passed on. Epochs and steps count from 0.
 * They run on the thread that called lamina_fit, and may predict with the model, but not change it. One that
 * returns other than 0 ends training after the epoch in hand. */
typedef struct lamina_observer {
  size_t struct_size;
  void* user;
  int (*on_fit_begin)(lamina_fit_state* fit, void* user);
  int (*on_epoch_begin)(lamina_fit_state* fit, size_t epoch, void* user);
  int (*on_step_end)(lamina_fit_state* fit, size_t epoch, size_t step, double loss, void* user);
  int (*on_epoch_end)(lamina_fit_state* fit, size_t epoch, void* user);
  int (*on_fit_end)(lamina_fit_state* fit, void* user);
  /* About every 20 ms in all long work; other than 0 breaks the epoch in hand off. */
  int (*on_poll)(lamina_fit_state* fit, void* user);
} lamina_observer;
#define LAMINA_OBSERVER_INIT {sizeof(lamina_observer), NULL, NULL, NULL, NULL, NULL, NULL, NULL}

/* A metric of the caller's over targets [rows, target columns] and outputs [rows, outputs]; `weights` may be
 * NULL. */
typedef double (*lamina_metric_function)(const double* targets, size_t target_columns, const double* outputs,
                                         size_t outputs_columns, size_t rows, const double* weights,
                                         void* user);
typedef struct lamina_metric {
  lamina_description metric;       /* "accuracy", "roc_auc", ...; with `function` the name alone */
  lamina_metric_function function; /* NULL: lamina's own */
  void* user;
  int greater_is_better; /* of a function: 1, 0, or -1 where it is not known */
} lamina_metric;

typedef struct lamina_early_stopping {
  size_t struct_size;
  const char* monitor;      /* NULL: "val_loss" where there are validation rows, else "loss" */
  size_t patience;          /* epochs without improvement that are tolerated */
  double min_delta;         /* smallest change that counts as improvement */
  int greater_is_better;    /* 1, 0, or -1: known for losses and lamina's metrics */
  int restore_best_weights; /* 1: the best epoch's weights are put back at the end */
  int keep_last;            /* 1: of epochs of the same best figure the last one is the best */
} lamina_early_stopping;
#define LAMINA_EARLY_STOPPING_INIT {sizeof(lamina_early_stopping), NULL, 10, 0.0, -1, 1, 0}

/* In place of a seed: the one that the model was made with. */
#define LAMINA_MODEL_SEED UINT64_MAX

typedef struct lamina_class_weight {
  double label;
  double weight;
} lamina_class_weight;

typedef struct lamina_fit_options {
  size_t struct_size;
  lamina_description loss;           /* by default "cross_entropy" after softmax, "binary_cross_entropy" after
                                        sigmoid, else "mean_squared_error" */
  lamina_description optimizer;      /* by default "adam"; its state ends with the fit */
  lamina_optimizer* optimizer_state; /* in place of `optimizer`: goes on from its state and keeps it */
  size_t epochs, batch_size;
  size_t accumulate; /* batches whose mean gradient makes one update */
  int shuffle;       /* a new order of rows each epoch */
  uint64_t seed;     /* of shuffling, dropout and rows held back; LAMINA_MODEL_SEED: the model's own */
  const lamina_data* validation;
  double validation_fraction; /* of rows held back where there is no `validation`; 0: none */
  lamina_description schedule, decay_schedule, noise_schedule; /* of learning rate, weight decay, dropout */
  lamina_description average;                                  /* "weight_average" */
  const lamina_metric* metrics;
  size_t metric_count;
  const lamina_class_weight* class_weights;
  size_t class_weight_count;
  int balanced_classes;                        /* such weights that each class has the same sum */
  const lamina_early_stopping* early_stopping; /* NULL: none */
  double target_loss;                          /* stops at this training loss; NaN: none */
  double time_limit;                           /* seconds; 0: none */
  const lamina_observer* observers;
  size_t observer_count;
  /* In place of a shuffle: sets order[rows] to the numbers of the rows of an epoch, each once, and returns 0;
   * anything else ends the fit with LAMINA_ERROR_CALLBACK. NULL: none. */
  int (*row_order)(size_t epoch, int64_t* order, size_t rows, void* user);
  void* row_order_user;
} lamina_fit_options;
/* 10 epochs of shuffled batches of 32 rows: lamina_fit_options_init(&options, sizeof options). */
LAMINA_API lamina_status lamina_fit_options_init(lamina_fit_options* options, size_t struct_size);

typedef struct lamina_history lamina_history;

LAMINA_API void lamina_history_free(lamina_history* history);
/* Epochs that ended. */
LAMINA_API size_t lamina_history_epochs(const lamina_history* history);
/* NaN where there is no such figure. */
LAMINA_API double lamina_history_figure(const lamina_history* history, size_t epoch, const char* name);
/* The names of an epoch's figures, from index 0 on: "loss", metrics, "val_loss", ...; NULL where they end. */
LAMINA_API const char* lamina_history_figure_name(const lamina_history* history, size_t index);
LAMINA_API double lamina_history_seconds(const lamina_history* history, size_t epoch);
/* Why training ended before its last epoch; "" where it did not. */
LAMINA_API const char* lamina_history_stop_reason(const lamina_history* history);
/* Whose weights early stopping put back; -1: none. */
LAMINA_API int64_t lamina_history_best_epoch(const lamina_history* history);

/* Trains from data that it checks first. The same seed, data and options give the same weights to the last
 * bit as Python's Sequential.fit, for any number of threads, on one instruction set. `options` NULL is the
 * default; `history` may be NULL. Data and options are checked before a weight changes. Where it fails later
 * (LAMINA_ERROR_NOT_FINITE, LAMINA_ERROR_MEMORY) the weights are those of the last step whose loss was
 * finite, with early stopping those of the best epoch; the model can be used and trained on. */
LAMINA_API lamina_status lamina_fit(lamina_model* model, const lamina_data* data,
                                    const lamina_fit_options* options, lamina_history** history);

/* Mean loss over all rows, without penalties. */
LAMINA_API lamina_status lamina_evaluate(const lamina_model* model, const lamina_data* data,
                                         lamina_description loss, double* value);

typedef struct lamina_evaluate_options {
  size_t struct_size;
  lamina_description loss;
  const lamina_metric* metrics; /* any of lamina's, also those that give arrays, and functions */
  size_t metric_count;
} lamina_evaluate_options;
#define LAMINA_EVALUATE_OPTIONS_INIT {sizeof(lamina_evaluate_options), {NULL, NULL, 0}, NULL, 0}

/* The loss and metrics of an evaluation. */
typedef struct lamina_evaluation lamina_evaluation;
typedef struct lamina_figure {
  size_t struct_size;
  const char* name;     /* "loss", "accuracy", ...; NULL is no figure's */
  const double* values; /* [elements]; the evaluation's */
  size_t elements;
  size_t dimensions; /* 0: one number */
  size_t shape[2];   /* of "confusion_matrix": [classes, classes] */
} lamina_figure;
#define LAMINA_FIGURE_INIT {sizeof(lamina_figure), NULL, NULL, 0, 0, {0, 0}}

/* As Python's Sequential.evaluate; `options` NULL is the loss alone. */
LAMINA_API lamina_status lamina_evaluate_with(const lamina_model* model, const lamina_data* data,
                                              const lamina_evaluate_options* options,
                                              lamina_evaluation** evaluation);
LAMINA_API void lamina_evaluation_free(lamina_evaluation* evaluation);
/* How many figures there are; "loss" is the first. */
LAMINA_API size_t lamina_evaluation_figures(const lamina_evaluation* evaluation);
LAMINA_API lamina_status lamina_evaluation_figure(const lamina_evaluation* evaluation, size_t index,
                                                  lamina_figure* figure);
/* One number by its name; NaN where there is none of that name, or an array. */
LAMINA_API double lamina_evaluation_value(const lamina_evaluation* evaluation, const char* name);

/* ---- Steps and gradients ---- */

/* One update from a batch; `loss_value` (or NULL) receives its loss before it. `seed` is that of dropout. */
LAMINA_API lamina_status lamina_train_step(lamina_model* model, const lamina_data* batch,
                                           lamina_description loss, lamina_optimizer* optimizer,
                                           uint64_t seed, double* loss_value);
/* The loss, and its gradients with respect to the parameters, which lamina_get_gradient reads. */
LAMINA_API lamina_status lamina_value_and_gradient(lamina_model* model, const lamina_data* batch,
                                                   lamina_description loss, uint64_t seed, int accumulate,
                                                   double* loss_value);
/* Forward and backward apart, for losses of the caller's: `y`[rows, outputs], in training
 * [rows, lamina_members, outputs], and `output_gradient` of the same shape are of the model's type;
 * `input_gradient`[rows, inputs] may be NULL. */
LAMINA_API lamina_status lamina_forward(lamina_model* model, const void* x, lamina_type x_type, size_t rows,
                                        int training, uint64_t seed, uint64_t step, void* y);
LAMINA_API lamina_status lamina_backward(lamina_model* model, const void* output_gradient, size_t rows,
                                         int accumulate, void* input_gradient);
LAMINA_API lamina_status lamina_get_gradient(const lamina_model* model, size_t index, void* values);
LAMINA_API lamina_status lamina_apply_gradients(lamina_model* model, lamina_optimizer* optimizer);
/* Derivatives of the outputs with respect to the inputs, as in prediction: jacobian[rows, outputs, inputs] of
 * the model's type. */
LAMINA_API lamina_status lamina_jacobian(lamina_model* model, const void* x, lamina_type x_type, size_t rows,
                                         void* jacobian);

#ifdef __cplusplus
}
#endif

#endif /* LAMINA_LAMINA_H */
