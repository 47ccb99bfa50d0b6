// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The HLS back end: kernels as readable C++14 for high-level synthesis, alone
// or as a project with a dataflow top function, test bench and Makefile.
#ifndef QC_TARGET_HLS_HLS_H
#define QC_TARGET_HLS_HLS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace qc::hls {

/// The tool whose pragmas are printed. The C++ itself is the same for all.
enum class Vendor {
  /// AMD Vitis HLS: `#pragma HLS PIPELINE`, `DATAFLOW`, `STREAM`.
  Vitis,
  /// Siemens Catapult: `#pragma hls_pipeline_init_interval`, `hls_design`.
  Catapult,
  /// No pragmas.
  Generic,
};

/// The vendor of a name (`vitis`, `catapult`, `generic`), if there is one.
std::optional<Vendor> parseVendor(llvm::StringRef name);
llvm::StringRef getVendorName(Vendor vendor);

/// Raw little-endian tensors, one per input or output of the program in its
/// order; each holds the same number of sets, one after the other.
using TensorBytes = std::vector<std::vector<char>>;

struct HLSOptions {
  Vendor vendor = Vendor::Vitis;
  /// The name of the synthesised function.
  std::string topName = "top";
  /// The program to write, by symbol name; empty takes the only one.
  std::string program;
  /// Constants up to this many bytes in total become arrays in the source
  /// (ROM); beyond it they are arguments of the top function (external
  /// memory), which the test bench reads from a file.
  uint64_t maxConstantBytes = uint64_t(8) << 20;
  /// Vectors stored in the project for `make check`; empty stores none.
  TensorBytes inputs;
  TensorBytes expectedOutputs;
};

/// Adds the passes from target-free kernels to kernels that can be printed.
void buildHLSLoweringPipeline(mlir::OpPassManager &manager);

/// Writes the kernels and the `qc.program` of `module` as a project folder:
///
///     qc_hls.h            exact arithmetic and streams
///     NAME.h, NAME.cpp    kernels, processes and the top function
///     weights.h, weights/ constants as arrays (or weights.bin)
///     test_bench.cpp      the C simulation, see its banner
///     Makefile            csim, run IN=DIR OUT=DIR, check, clean
///     project.json        names, types and shapes of inputs and outputs
///     vectors/            inputs/N.bin and outputs/N.bin if given
///
/// Kernels may be target-free (`qc.kernel`) or loops already; the module is not
/// changed. Nothing is written if the program or a kernel
/// has no HLS form; all reasons are reported as errors at their operations.
mlir::LogicalResult writeHLSProject(mlir::ModuleOp module,
                                    llvm::StringRef directory,
                                    const HLSOptions &options);

/// Prints the same files as one text, each after a line `//--- PATH`: the form
/// that LLVM's `split-file` makes a folder of. Stored vectors are left out.
mlir::LogicalResult printHLSProject(mlir::ModuleOp module,
                                    llvm::raw_ostream &os,
                                    const HLSOptions &options);

/// Prints all kernels of `module` as one C++ source text. The module must have
/// passed `qc-hls-legalize`, else errors say why not.
mlir::LogicalResult printKernels(mlir::ModuleOp module, llvm::raw_ostream &os,
                                 const HLSOptions &options);

/// Registers `--mlir-to-hls` (kernels) and `--mlir-to-hls-project` (all files)
/// with a translation driver.
void registerToHLSTranslation();

} // namespace qc::hls

#endif // QC_TARGET_HLS_HLS_H
