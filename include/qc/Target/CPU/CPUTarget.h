// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a program with target-free kernels to one shared library.
#ifndef QC_TARGET_CPU_CPUTARGET_H
#define QC_TARGET_CPU_CPUTARGET_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"

#include "llvm/ADT/StringMap.h"

#include <mutex>
#include <optional>
#include <string>

namespace qc {

/// How 8-bit products are summed.
enum class DotKind {
  /// Widening multiply and add; every CPU.
  Portable,
  /// Pairs of 16-bit products by vpmaddwd (AVX2).
  MultiplyAdd,
  /// Four unsigned by signed products by vpdpbusd (AVX-VNNI, AVX-512 VNNI).
  DotProduct
};

/// One set of compiled kernels in a library.
struct CPUForm {
  /// Name in the manifest: a psABI level or a CPU name.
  std::string name;
  /// What LLVM is asked for.
  std::string cpu, features;
  /// QC_CPU_* bits that the runtime checks before using this form.
  uint64_t requiredFeatures = 0;
  /// Bytes of a vector register.
  int64_t vectorBytes = 16;
  bool hasFMA = false;
  /// AVX-512 VBMI: permutations of bytes in two registers.
  bool hasBytePermute = false;
  /// Kernels as for the CPU of that name, in code for one without its
  /// instructions (`cpu`, `features`): slow, with the same integers.
  bool isEmulated = false;
  DotKind dot = DotKind::Portable;

  /// Lanes of f32 and i32 vectors.
  int64_t getLanes() const { return vectorBytes / 4; }
};

/// Parses "native", psABI levels ("x86-64" … "x86-64-v4") with optional
/// "+vnni", behind it, at level 4, "+vbmi", and behind all "+emulated", which
/// runs on every CPU of level 3 (what is asked for at most) to test code for
/// others; separated by commas. Empty on error, after `emitError` was called.
llvm::SmallVector<CPUForm>
parseCPUForms(llvm::StringRef list,
              llvm::function_ref<void(const llvm::Twine &)> emitError);

/// Object code of kernels by what they are: for programs that compile many
/// functions with the same kernels. Nothing is ever dropped. Any number of
/// threads may use it.
class KernelCache {
public:
  /// The object file kept for `key`; none if there is none.
  std::optional<std::string> lookup(llvm::StringRef key) const;
  void insert(llvm::StringRef key, std::string object);

private:
  mutable std::mutex mutex;
  llvm::StringMap<std::string> objects;
};

struct CPUOptions {
  llvm::SmallVector<CPUForm> forms;
  /// Name of the model in the manifest.
  std::string modelName;
  /// Write the assembly of each form beside the library (PATH.<form>.s).
  bool keepAssembly = false;
  /// Where to look for kernels first; may be null. Entries of the library are
  /// then called by what they are instead of by their kernels' names.
  KernelCache *cache = nullptr;
};

/// Adds the passes from target-free kernels to loop-level functions that run a
/// range of the kernel's iterations, for one form.
void buildCPULoopPipeline(mlir::OpPassManager &manager, const CPUForm &form);

/// Compiles the module's programs and kernels and links `path`. `timing` gets
/// the time of each step.
mlir::LogicalResult writeSharedLibrary(mlir::ModuleOp module,
                                       llvm::StringRef path,
                                       const CPUOptions &options,
                                       mlir::TimingScope &timing);

} // namespace qc

#endif // QC_TARGET_CPU_CPUTARGET_H
