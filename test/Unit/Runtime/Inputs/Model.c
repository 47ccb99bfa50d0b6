/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A model.so made by hand: what qc-compile writes, small enough to read.
 *
 *   program "main"  (N=1000): y = x * w + b, with w of 4 weights repeated
 *   program "small" (N=10):   the same for 10 elements
 *
 * Each program has two launches, with the product in the arena between them.
 * The weights of "small" are what the preparation, one launch, copied.
 * "main" has a third that writes the number of its parallel indices that each
 * value of i % 8 has, to an integer output.
 */
#include "qcrt/manifest.h"

#include <stddef.h>

static void scale(void *const *arguments, int64_t begin, int64_t end) {
  const float *x = arguments[0], *w = arguments[1];
  float *product = arguments[2];
  for (int64_t i = begin; i < end; ++i)
    product[i] = x[i] * w[i % 4];
}

static void add(void *const *arguments, int64_t begin, int64_t end) {
  const float *product = arguments[0], *b = arguments[1];
  float *y = arguments[2];
  for (int64_t i = begin; i < end; ++i)
    y[i] = product[i] + b[i];
}

static void iota(void *const *arguments, int64_t begin, int64_t end) {
  int32_t *numbers = arguments[0];
  for (int64_t i = begin; i < end; ++i)
    numbers[i] = (int32_t)(i * i);
#ifdef QCRT_TEST_FAULT
  /* One element more than there is room for. */
  numbers[end] = 1;
#endif
}

static void copy(void *const *arguments, int64_t begin, int64_t end) {
  const float *from = arguments[0];
  float *to = arguments[1];
  for (int64_t i = begin; i < end; ++i)
    to[i] = from[i];
}

enum { Large = 1000, Small = 10, Numbers = 8 };

#define STRINGS                                                                \
  "\0qc test\0model\0scale\0add\0iota\0scale_10\0add_10"                       \
  "\0elementwise\0main\0small\0N=1000\0N=10\0x\0scope/b:0\0y"                  \
  "\0numbers\0Mul_0\0Add_1\0Range_2\0copy\0Unpack_3"

/* Positions of the strings in STRINGS. */
enum {
  Empty = 0,
  Producer = 1,
  ModelName = 9,
  Scale = 15,
  Add = 21,
  Iota = 25,
  ScaleSmall = 30,
  AddSmall = 39,
  Elementwise = 46,
  Main = 58,
  SmallName = 63,
  BindLarge = 69,
  BindSmall = 76,
  X = 81,
  B = 83,
  Y = 93,
  NumbersName = 95,
  Mul0 = 103,
  Add1 = 109,
  Range2 = 115,
  Copy = 123,
  Unpack3 = 128
};
QC_STATIC_ASSERT(sizeof STRINGS == 137, "string positions");

typedef struct Manifest {
  QcManifestHeader header;
  QcManifestKernel kernels[6];
  QcManifestParameter parameters[15];
  QcManifestProgram programs[2];
  QcManifestTensor tensors[7];
  int64_t dims[3];
  QcManifestLaunch launches[6];
  QcManifestArgument arguments[15];
  char strings[144];
} Manifest;

#define ARRAY(member, number) {offsetof(Manifest, member), number}
#define READ(bytes) {bytes, 4, QC_ACCESS_READ}
#define WRITE(bytes) {bytes, 4, QC_ACCESS_WRITE}

static const _Alignas(8) Manifest manifest = {
    .header = {.magic = QC_MANIFEST_MAGIC,
               .abi = QC_ABI_VERSION,
               .headerBytes = sizeof(QcManifestHeader),
               .totalBytes = sizeof(Manifest),
               .weightsBytes = 16,
               .target = QC_TARGET_CPU,
               .preparationCount = 1,
               .preparedBytes = 64,
               .firstPreparation = 5,
               .producer = {Producer, 7},
               .model = {ModelName, 5},
               .strings = ARRAY(strings, sizeof STRINGS),
               .kernels = ARRAY(kernels, 6),
               .parameters = ARRAY(parameters, 15),
               .programs = ARRAY(programs, 2),
               .tensors = ARRAY(tensors, 7),
               .dims = ARRAY(dims, 3),
               .launches = ARRAY(launches, 6),
               .arguments = ARRAY(arguments, 15)},
    .kernels =
        {{{Scale, 5}, {Elementwise, 11}, 0, 3, 0, Large, 0, {Empty, 0}},
         {{Add, 3}, {Elementwise, 11}, 3, 3, 0, Large, 0, {Empty, 0}},
         {{Iota, 4}, {Elementwise, 11}, 6, 1, 0, Numbers, 0, {Empty, 0}},
         {{ScaleSmall, 8}, {Elementwise, 11}, 7, 3, 0, Small, 0, {Empty, 0}},
         {{AddSmall, 6}, {Elementwise, 11}, 10, 3, 0, Small, 0, {Empty, 0}},
         {{Copy, 4}, {Elementwise, 11}, 13, 2, 0, 4, 0, {Empty, 0}}},
    .parameters = {READ(4 * Large), READ(16), WRITE(4 * Large), READ(4 * Large),
                   READ(4 * Large), WRITE(4 * Large), WRITE(4 * Numbers),
                   READ(4 * Small), READ(16), WRITE(4 * Small), READ(4 * Small),
                   READ(4 * Small), WRITE(4 * Small), READ(16), WRITE(16)},
    .programs = {{{Main, 4}, {BindLarge, 6}, 4096, 4000, 0, 2, 0, 2, 2, 3, 0},
                 {{SmallName, 5}, {BindSmall, 4}, 64, 40, 4, 6, 3, 2, 1, 2, 0}},
    .tensors = {{{X, 1}, QC_TYPE_FLOAT, 1, 0, 4 * Large, 4, 0},
                {{B, 9}, QC_TYPE_FLOAT, 1, 0, 4 * Large, 4, 0},
                {{Y, 1}, QC_TYPE_FLOAT, 1, 0, 4 * Large, 4, 0},
                {{NumbersName, 7}, QC_TYPE_INT32, 1, 1, 4 * Numbers, 4, 0},
                {{X, 1}, QC_TYPE_FLOAT, 1, 2, 4 * Small, 4, 0},
                {{B, 9}, QC_TYPE_FLOAT, 1, 2, 4 * Small, 4, 0},
                {{Y, 1}, QC_TYPE_FLOAT, 1, 2, 4 * Small, 4, 0}},
    .dims = {Large, Numbers, Small},
    .launches = {{{Mul0, 5}, 0, 0, 3, Large, 100, 128, 0},
                 {{Add1, 5}, 3, 1, 3, Large, 7, 128, 0},
                 {{Range2, 7}, 6, 2, 1, Numbers, 1, 32, 0},
                 {{Mul0, 5}, 7, 3, 3, Small, 1, 32, 0},
                 {{Add1, 5}, 10, 4, 3, Small, 100, 32, 0},
                 {{Unpack3, 8}, 13, 5, 2, 4, 1, 32, 0}},
    .arguments = {{QC_SPACE_INPUT, 0, 0, 4 * Large},
                  {QC_SPACE_WEIGHTS, 0, 0, 16},
                  {QC_SPACE_ARENA, 0, 64, 4 * Large},
                  {QC_SPACE_ARENA, 0, 64, 4 * Large},
                  {QC_SPACE_INPUT, 1, 0, 4 * Large},
                  {QC_SPACE_OUTPUT, 0, 0, 4 * Large},
                  {QC_SPACE_OUTPUT, 1, 0, 4 * Numbers},
                  {QC_SPACE_INPUT, 0, 0, 4 * Small},
                  {QC_SPACE_PREPARED, 0, 32, 16},
                  {QC_SPACE_ARENA, 0, 0, 4 * Small},
                  {QC_SPACE_ARENA, 0, 0, 4 * Small},
                  {QC_SPACE_INPUT, 1, 0, 4 * Small},
                  {QC_SPACE_OUTPUT, 0, 0, 4 * Small},
                  {QC_SPACE_WEIGHTS, 0, 0, 16},
                  {QC_SPACE_PREPARED, 0, 32, 16}},
    .strings = STRINGS,
};

static const _Alignas(QC_ARENA_ALIGNMENT) float weights[4] = {0.5f, -2.0f, 3.0f,
                                                              0.1f};

static const QcKernelFunction kernels[] = {scale, add, iota, scale, add, copy};

/* The best form comes neither first nor last; one needs a CPU that is not. */
static const QcCpuForm forms[] = {
    {"x86-64", QC_CPU_X86_64_V1, kernels, 6},
    {"x86-64-v2", QC_CPU_X86_64_V1 | QC_CPU_X86_64_V2, kernels, 6},
    {"future", QC_CPU_X86_64_V1 | QC_CPU_X86_64_V2 | UINT64_C(1) << 63, kernels,
     6},
    {"x86-64-again", QC_CPU_X86_64_V1, kernels, 6}};

__attribute__((visibility("default"))) const QcArtifact qc_artifact = {
    .magic = QC_ARTIFACT_MAGIC,
    .abi = QC_ABI_VERSION,
    .artifactBytes = sizeof(QcArtifact),
    .manifest = &manifest,
    .manifestBytes = sizeof manifest,
    .weights = weights,
    .weightsBytes = sizeof weights,
    .forms = forms,
    .formCount = 4,
};
