// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all artefact writers share: the manifest, the packed weights, files.
#ifndef QC_TARGET_COMMON_ARTIFACT_H
#define QC_TARGET_COMMON_ARTIFACT_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace qc {

/// A compiled kernel as the manifest describes it.
struct KernelInfo {
  std::string name;
  std::string family;
  /// Bytes of each pointer parameter; the last numResults are written.
  llvm::SmallVector<uint64_t> parameterBytes;
  uint64_t numResults = 0;
  /// Bytes of alignment that the code assumes of every pointer.
  llvm::SmallVector<uint32_t> parameterAlignments;
  /// Number of indices of the flattened parallel loops.
  uint64_t extent = 1;
  /// Rough number of scalar operations of the whole kernel.
  int64_t work = 0;
  /// For reports: the main op and its shapes, multiply-accumulates and the ONNX
  /// type of their factors (0: none).
  std::string shape;
  uint64_t macs = 0;
  uint32_t macType = 0;
  /// Whether results keep what the kernel does not write of their buffers.
  bool keepsResults = false;
};

/// The kernel's description from its loop-level function: flat memref arguments
/// and the qc.* attributes.
KernelInfo getKernelInfo(mlir::func::FuncOp loopFunction);

/// Number of ONNX TensorProto.DataType, or failure for types it lacks.
mlir::FailureOr<uint32_t> getOnnxType(mlir::Type element);

/// Serialises the module's programs (see runtime/include/qcrt/manifest.h).
/// `target` is a QcTarget number.
mlir::FailureOr<std::string> buildManifest(mlir::ModuleOp module,
                                           llvm::ArrayRef<KernelInfo> kernels,
                                           uint32_t target,
                                           llvm::StringRef modelName);

/// Bytes that the module's qc.data ops occupy.
uint64_t getWeightsSize(mlir::ModuleOp module);

/// Packs the weights one tensor at a time: `write` receives consecutive pieces.
mlir::LogicalResult writeWeights(mlir::ModuleOp module,
                                 llvm::raw_ostream &stream);

/// The bytes of constant `value` in the layout of `type`.
mlir::FailureOr<llvm::SmallVector<char>>
packConstant(mlir::ElementsAttr value, mlir::RankedTensorType type);

} // namespace qc

#endif // QC_TARGET_COMMON_ARTIFACT_H
