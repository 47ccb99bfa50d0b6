/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Finds out what the CPU can run, in the terms of an artefact's forms: the four
 * levels of the x86-64 psABI ("x86-64 microarchitecture levels") and single
 * extensions.
 *
 * Two sources must agree: cpuid says what the CPU has, and xgetbv which
 * register files the operating system saves on a context switch. AVX code on a
 * system that does not save YMM registers computes garbage, so a feature
 * without its registers does not exist.
 */
#include "Internal.h"

#if defined(__x86_64__)
#include <cpuid.h>

static uint64_t readXcr0(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static bool hasAll(uint32_t value, uint32_t mask) {
  return (value & mask) == mask;
}

uint64_t qcrtCpuFeatures(void) {
  uint64_t features = QC_CPU_X86_64_V1;
  uint32_t eax, ebx, ecx1 = 0, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx1, &edx))
    return features;
  uint32_t ecxExtended = 0;
  if (!__get_cpuid(0x80000001u, &eax, &ebx, &ecxExtended, &edx))
    ecxExtended = 0;
  uint32_t ebx7 = 0, ecx7 = 0, edx7 = 0, eax71 = 0, edx71 = 0, maxSubleaf = 0;
  if (__get_cpuid_count(7, 0, &maxSubleaf, &ebx7, &ecx7, &edx7) &&
      maxSubleaf >= 1) {
    uint32_t ebx71, ecx71;
    __get_cpuid_count(7, 1, &eax71, &ebx71, &ecx71, &edx71);
  }

  /* XCR0: bit 1 SSE, 2 AVX, 5 to 7 the AVX-512 state. */
  uint64_t saved = ecx1 & bit_OSXSAVE ? readXcr0() : 0;
  bool savesYmm = (saved & 0x6) == 0x6;
  bool savesZmm = (saved & 0xe6) == 0xe6;

  const uint32_t lahf = 1u << 0, lzcnt = 1u << 5;
  bool level2 = hasAll(ecx1, bit_SSE3 | bit_SSSE3 | bit_CMPXCHG16B |
                                 bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT) &&
                hasAll(ecxExtended, lahf);
  bool level3 = level2 && savesYmm &&
                hasAll(ecx1, bit_AVX | bit_F16C | bit_FMA | bit_MOVBE) &&
                hasAll(ebx7, bit_AVX2 | bit_BMI | bit_BMI2) &&
                hasAll(ecxExtended, lzcnt);
  /* AVX-512 F, DQ, CD, BW, VL */
  const uint32_t avx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
  bool level4 = level3 && savesZmm && hasAll(ebx7, avx512);
  if (level2)
    features |= QC_CPU_X86_64_V2;
  if (level3)
    features |= QC_CPU_X86_64_V3;
  if (level4)
    features |= QC_CPU_X86_64_V4;

  if (level3 && eax71 & 1u << 4)
    features |= QC_CPU_AVXVNNI;
  if (level3 && edx71 & 1u << 4)
    features |= QC_CPU_AVXVNNIINT8;
  if (level4 && ecx7 & 1u << 11)
    features |= QC_CPU_AVX512VNNI;
  if (level4 && ecx7 & 1u << 1)
    features |= QC_CPU_AVX512VBMI;
  if (level4 && eax71 & 1u << 5)
    features |= QC_CPU_AVX512BF16;
  if (level4 && edx7 & 1u << 23)
    features |= QC_CPU_AVX512FP16;
  return features;
}

#else

uint64_t qcrtCpuFeatures(void) { return 0; }

#endif
