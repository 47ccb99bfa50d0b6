/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A program of C that runs a compiled network: the first input's bytes are read
 * from a file, the first output's are written to another.
 *
 *   run model.so INPUT OUTPUT
 */
#include "qcrt/qcrt.h"

#include <stdio.h>
#include <stdlib.h>

static int fail(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 4)
    return fail(argv[0], "expected model.so INPUT OUTPUT");

  QcrtError error;
  QcrtModel *model = NULL;
  QcrtTensorInfo input, output;
  if (qcrtModelLoad(argv[1], NULL, &model, &error) ||
      qcrtProgramInput(model, 0, 0, &input, &error) ||
      qcrtProgramOutput(model, 0, 0, &output, &error))
    return fail(argv[1], error.message);

  /* Tensors lie in memory of the caller, aligned as they ask. */
  void *x = aligned_alloc(64, (input.bytes + 63) / 64 * 64);
  void *y = aligned_alloc(64, (output.bytes + 63) / 64 * 64);
  FILE *file = fopen(argv[2], "rb");
  if (!x || !y || !file || fread(x, 1, input.bytes, file) != input.bytes)
    return fail(argv[2], "is not readable or shorter than the input");
  fclose(file);

  QcrtSession *session = NULL;
  if (qcrtSessionCreate(model, 0, NULL, &session, &error) ||
      qcrtSessionSetInput(session, 0, x, input.bytes, &error) ||
      qcrtSessionSetOutput(session, 0, y, output.bytes, &error) ||
      qcrtSessionRun(session, &error))
    return fail(argv[1], error.message);
  qcrtSessionFree(session);
  qcrtModelFree(model);

  file = fopen(argv[3], "wb");
  if (!file || fwrite(y, 1, output.bytes, file) != output.bytes || fclose(file))
    return fail(argv[3], "cannot be written");
  free(x);
  free(y);
  return 0;
}
