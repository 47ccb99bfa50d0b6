/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What this CPU can do at most: multiply-accumulates a second from registers
 * alone, and bytes a second from each level of the memory hierarchy. Compiled
 * by the benchmark for the CPU it runs on (-march=native), so the widest
 * vectors are used that the compiler's target has.
 *
 *   peaks THREADS     prints lines "name value": GMAC/s of fma and vpdpbusd,
 *                     GB/s read from buffers of 2^k bytes
 */
#include <immintrin.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__AVX512F__)
typedef float Floats __attribute__((vector_size(64)));
typedef int32_t Ints __attribute__((vector_size(64)));
#else
typedef float Floats __attribute__((vector_size(32)));
typedef int32_t Ints __attribute__((vector_size(32)));
#endif

/* Independent accumulators: more than latency times throughput of any CPU, and
 * no more than there are registers. */
#define ACCUMULATORS 12

static double seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* The empty asm keeps the compiler from folding repetitions together. */
#define KEEP(value) __asm__ volatile("" : "+x"(value))

static void fmaLoop(long repetitions) {
  Floats sums[ACCUMULATORS], factor = {0};
  memset(sums, 0, sizeof sums);
  KEEP(factor);
  for (long i = 0; i < repetitions; ++i) {
#pragma clang loop unroll(full)
    for (int k = 0; k < ACCUMULATORS; ++k) {
      sums[k] += factor * factor;
      KEEP(sums[k]);
    }
  }
  KEEP(sums[0]);
}

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
#define HAS_DOT 1
static Ints dot(Ints sum, Ints a, Ints b) {
#if defined(__AVX512VNNI__)
  return (Ints)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
#else
  return (Ints)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)a, (__m256i)b);
#endif
}

static void dotLoop(long repetitions) {
  Ints sums[ACCUMULATORS], factor = {0};
  memset(sums, 0, sizeof sums);
  KEEP(factor);
  for (long i = 0; i < repetitions; ++i) {
#pragma clang loop unroll(full)
    for (int k = 0; k < ACCUMULATORS; ++k) {
      sums[k] = dot(sums[k], factor, factor);
      KEEP(sums[k]);
    }
  }
  KEEP(sums[0]);
}
#endif

/* Reads `bytes` of memory `repetitions` times. */
static void readLoop(const Ints *data, size_t bytes, long repetitions) {
  Ints sums[8];
  memset(sums, 0, sizeof sums);
  size_t count = bytes / sizeof *data;
  for (long i = 0; i < repetitions; ++i)
    for (size_t j = 0; j + 8 <= count; j += 8) {
#pragma clang loop unroll(full)
      for (int k = 0; k < 8; ++k) {
        sums[k] ^= data[j + (size_t)k];
        KEEP(sums[k]);
      }
    }
}

typedef struct Job {
  pthread_t thread;
  void (*compute)(long); /* or NULL: read */
  Ints *data;
  size_t bytes;
  long repetitions;
} Job;

static void *runJob(void *argument) {
  Job *job = argument;
  if (job->compute)
    job->compute(job->repetitions);
  else
    readLoop(job->data, job->bytes, job->repetitions);
  return NULL;
}

/* Best time of some runs on all threads at once. */
static double timeJobs(Job *jobs, int threads) {
  double best = 1e30;
  for (int run = 0; run < 5; ++run) {
    double start = seconds();
    for (int i = 1; i < threads; ++i)
      if (pthread_create(&jobs[i].thread, NULL, runJob, &jobs[i]))
        exit(1);
    runJob(&jobs[0]);
    for (int i = 1; i < threads; ++i)
      pthread_join(jobs[i].thread, NULL);
    double taken = seconds() - start;
    best = taken < best ? taken : best;
  }
  return best;
}

static void measureCompute(const char *name, void (*compute)(long), double macs,
                           int threads) {
  const long repetitions = 10000000;
  Job jobs[64] = {0};
  for (int i = 0; i < threads; ++i)
    jobs[i] = (Job){.compute = compute, .repetitions = repetitions};
  printf("%s %.1f\n", name,
         macs * ACCUMULATORS * (double)repetitions * threads /
             timeJobs(jobs, threads) * 1e-9);
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  if (threads < 1 || threads > 64) {
    fprintf(stderr, "peaks: 1 to 64 threads\n");
    return 1;
  }
  printf("vector_bytes %zu\n", sizeof(Floats));
  measureCompute("fma", fmaLoop, sizeof(Floats) / 4, threads);
#ifdef HAS_DOT
  measureCompute("vpdpbusd", dotLoop, sizeof(Ints), threads);
#endif
  for (int log = 14; log <= 27; ++log) {
    Job jobs[64] = {0};
    size_t bytes = (size_t)1 << log;
    /* The buffer of a size is divided among the threads, as a kernel's is. */
    size_t share = bytes / (size_t)threads / 512 * 512;
    for (int i = 0; i < threads; ++i) {
      jobs[i] = (Job){.bytes = share,
                      .repetitions = (long)(((size_t)1 << 29) / bytes)};
      if (!(jobs[i].data = aligned_alloc(64, share)))
        return 1;
      memset(jobs[i].data, 1, share);
    }
    printf("read_%zu %.1f\n", bytes,
           (double)share * threads * (double)jobs[0].repetitions /
               timeJobs(jobs, threads) * 1e-9);
    for (int i = 0; i < threads; ++i)
      free(jobs[i].data);
  }
  return 0;
}
