// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Source of kernels.ptx, which is what LLVM makes of it:
//   clang++-22 -x cuda --cuda-device-only --cuda-gpu-arch=sm_80 -nocudainc
//     -nocudalib -O2 -ffp-contract=off -S -o kernels.ptx kernels.cu
// CompiledTest.cpp holds the same functions for the host.
#define GLOBAL extern "C" __attribute__((global))
#define DEVICE __attribute__((device))
#define SHARED __attribute__((shared))
#define NOINLINE __attribute__((noinline))

typedef signed char int8;
typedef unsigned char uint8;
typedef float float4 __attribute__((ext_vector_type(4)));

DEVICE static int threadNumber() {
  return __nvvm_read_ptx_sreg_ctaid_x() * __nvvm_read_ptx_sreg_ntid_x() +
         __nvvm_read_ptx_sreg_tid_x();
}

/// 3x3 convolution of bytes with requantization, as qc's integer kernels do it.
GLOBAL void convolve(const uint8 *input, const int8 *weights, const int *bias,
                     uint8 *output, int width, int height, float scale) {
  int i = threadNumber();
  if (i >= width * height)
    return;
  int y = i / width, x = i % width;
  int sum = bias[0];
  for (int dy = -1; dy <= 1; ++dy)
    for (int dx = -1; dx <= 1; ++dx) {
      int yy = y + dy, xx = x + dx;
      if (yy >= 0 && yy < height && xx >= 0 && xx < width)
        sum += (input[yy * width + xx] - 7) * weights[(dy + 1) * 3 + dx + 1];
    }
  float scaled = __builtin_roundevenf(sum * scale) + 7.0f;
  scaled = scaled < 0.0f ? 0.0f : scaled > 255.0f ? 255.0f : scaled;
  output[i] = (uint8)scaled;
}

/// Sum of a block through shared memory.
GLOBAL void blockSum(const float *input, float *output) {
  SHARED static float tile[256];
  int t = __nvvm_read_ptx_sreg_tid_x();
  tile[t] = input[threadNumber()];
  __nvvm_bar_sync(0);
  for (int step = 128; step > 0; step /= 2) {
    if (t < step)
      tile[t] += tile[t + step];
    __nvvm_bar_sync(0);
  }
  if (t == 0)
    output[__nvvm_read_ptx_sreg_ctaid_x()] = tile[0];
}

/// A private array indexed at run time, and a table of constants.
DEVICE static const int order[8] = {3, 1, 4, 1, 5, 2, 6, 0};
GLOBAL void scratch(const int *input, int *output) {
  int i = threadNumber();
  int values[8];
  for (int j = 0; j < 8; ++j)
    values[j] = input[i * 8 + j];
  for (int j = 0; j < 8; ++j)
    for (int k = 0; k + 1 < 8 - j; ++k)
      if (values[k] > values[k + 1]) {
        int swap = values[k];
        values[k] = values[k + 1];
        values[k + 1] = swap;
      }
  for (int j = 0; j < 8; ++j)
    output[i * 8 + j] = values[order[j]] + values[input[i * 8 + j] & 7];
}

/// Calls, recursion, structures by value.
struct Pair {
  long long sum;
  int count;
};
DEVICE NOINLINE Pair collatz(Pair pair, int value) {
  pair.sum += value;
  pair.count++;
  if (value <= 1)
    return pair;
  return collatz(pair, value % 2 ? 3 * value + 1 : value / 2);
}
GLOBAL void walk(const int *input, long long *output) {
  int i = threadNumber();
  Pair start = {0, 0};
  Pair end = collatz(start, input[i]);
  output[i] = end.sum * 1000 + end.count;
}

/// A switch, 64-bit and unsigned arithmetic, conversions.
GLOBAL void mix(const long long *input, double *output) {
  int i = threadNumber();
  long long value = input[i];
  unsigned long long bits = value;
  double result;
  switch (i & 7) {
  case 0:
    result = (double)(value / 1000);
    break;
  case 1:
    result = (double)(bits % 1000003);
    break;
  case 2:
    result = (float)value;
    break;
  case 3:
    result = (double)(int)(value >> 7) * 0.5;
    break;
  case 4:
    result = (double)((bits << 13) ^ (bits >> 51));
    break;
  case 5:
    result = __builtin_popcountll(bits) + __builtin_clzll(bits | 1) * 0.25;
    break;
  case 6:
    result = (double)(short)value + (unsigned char)(value >> 8);
    break;
  default:
    result = __builtin_fabs((double)value) / 3.0;
    break;
  }
  output[i] = result;
}

/// f16 storage with f32 arithmetic, and f16 arithmetic.
GLOBAL void halves(const _Float16 *input, _Float16 *output) {
  int i = threadNumber();
  _Float16 x = input[2 * i], y = input[2 * i + 1];
  output[2 * i] = x * y + x;
  output[2 * i + 1] = (_Float16)((float)x / ((float)y * (float)y + 1.0f));
}

/// Vector accesses.
GLOBAL void vectors(const float4 *input, float4 *output) {
  int i = threadNumber();
  float4 value = input[i];
  output[i] = value.wzyx * 2.0f + value;
}

/// Atomics.
GLOBAL void histogram(const uint8 *input, unsigned *counts) {
  __atomic_fetch_add(&counts[input[threadNumber()] & 15], 1u,
                     __ATOMIC_RELAXED);
}
