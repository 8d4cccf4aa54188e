/* predict MODEL INPUTS OUTPUTS: reads float32 rows from a file and writes the model's outputs to another. */
#include <lamina/lamina.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char** arguments) {
  lamina_model* model = NULL;
  FILE* in;
  FILE* out;
  size_t rows = 0, columns;
  float row[64], outputs[64];
  if (count != 4) return 2;
  if (lamina_load(arguments[1], &model) != LAMINA_OK) {
    fprintf(stderr, "%s\n", lamina_error_message());
    return 1;
  }
  columns = lamina_inputs(model);
  in = fopen(arguments[2], "rb");
  out = fopen(arguments[3], "wb");
  if (in == NULL || out == NULL || columns > 64 || lamina_outputs(model) > 64) return 3;
  while (fread(row, sizeof(float), columns, in) == columns) {
    if (lamina_predict(model, row, 1, outputs) != LAMINA_OK) return 4;
    fwrite(outputs, sizeof(float), lamina_outputs(model), out);
    ++rows;
  }
  fclose(in);
  fclose(out);
  lamina_free(model);
  printf("%lu rows by lamina %s\n", (unsigned long)rows, lamina_version());
  return 0;
}
