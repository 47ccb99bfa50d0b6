// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The CPUs that a library can be compiled for.

#include "qc/Target/CPU/CPUTarget.h"

#include "qcrt/manifest.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace qc;

static CPUForm getLevel(int level, bool vnni, bool vbmi = false) {
  CPUForm form;
  form.cpu = level == 1 ? "x86-64" : "x86-64-v" + std::to_string(level);
  form.name = form.cpu + (vnni ? "+vnni" : "");
  constexpr uint64_t levels[] = {QC_CPU_X86_64_V1, QC_CPU_X86_64_V2,
                                 QC_CPU_X86_64_V3, QC_CPU_X86_64_V4};
  for (int below = 0; below < level; ++below)
    form.requiredFeatures |= levels[below];
  form.vectorBytes = level >= 4 ? 64 : level == 3 ? 32 : 16;
  form.hasFMA = level >= 3;
  form.dot = level >= 3 ? DotKind::MultiplyAdd : DotKind::Portable;
  // LLVM prefers 256-bit vectors on some server parts; kernels choose their own
  // width.
  if (level >= 4)
    form.features = "-prefer-256-bit";
  if (vnni) {
    form.dot = DotKind::DotProduct;
    form.features += level >= 4 ? ",+avx512vnni" : "+avxvnni";
    form.requiredFeatures |= level >= 4 ? QC_CPU_AVX512VNNI : QC_CPU_AVXVNNI;
  }
  if (vbmi) {
    form.name += "+vbmi";
    form.hasBytePermute = true;
    form.features += ",+avx512vbmi";
    form.requiredFeatures |= QC_CPU_AVX512VBMI;
  }
  return form;
}

/// The kernels of `form` for CPUs of level 3 or, if that is enough, less.
static CPUForm getEmulated(CPUForm form, int level) {
  CPUForm base = getLevel(std::min(level, 3), /*vnni=*/false);
  form.name += "+emulated";
  form.cpu = base.cpu;
  form.features = base.features;
  form.requiredFeatures = base.requiredFeatures;
  form.isEmulated = true;
  return form;
}

/// The best level of this machine.
static CPUForm getNative() {
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  auto has = [&](std::initializer_list<StringRef> features) {
    return llvm::all_of(
        features, [&](StringRef feature) { return host.lookup(feature); });
  };
  if (has({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}))
    return getLevel(4, has({"avx512vnni"}), has({"avx512vnni", "avx512vbmi"}));
  if (has({"avx2", "fma", "bmi", "bmi2", "f16c", "lzcnt", "movbe"}))
    return getLevel(3, has({"avxvnni"}));
  return getLevel(has({"sse4.2", "popcnt", "ssse3"}) ? 2 : 1, false);
}

SmallVector<CPUForm>
qc::parseCPUForms(StringRef list, function_ref<void(const Twine &)> emitError) {
  SmallVector<CPUForm> forms;
  for (StringRef name : llvm::split(list, ',')) {
    name = name.trim();
    if (name == "native") {
      forms.push_back(getNative());
      continue;
    }
    StringRef level = name;
    bool isEmulated = level.consume_back("+emulated");
    bool vbmi = level.consume_back("+vbmi");
    bool vnni = level.consume_back("+vnni");
    int number = llvm::StringSwitch<int>(level)
                     .Case("x86-64", 1)
                     .Case("x86-64-v2", 2)
                     .Case("x86-64-v3", 3)
                     .Case("x86-64-v4", 4)
                     .Default(0);
    if (number == 0 || (vnni && number < 3) ||
        (vbmi && (!vnni || number < 4))) {
      emitError("unknown CPU '" + name +
                "'; expected native, x86-64, x86-64-v2, x86-64-v3[+vnni] or "
                "x86-64-v4[+vnni[+vbmi]], each with [+emulated]");
      return {};
    }
    CPUForm form = getLevel(number, vnni, vbmi);
    forms.push_back(isEmulated ? getEmulated(form, number) : form);
  }
  return forms;
}
