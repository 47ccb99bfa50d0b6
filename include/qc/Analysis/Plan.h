// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The plan: what is decided for each node, as C++ values.
//
// A plan file (and a `qc.plan` op, which holds the same):
//
//   {"conv1": {"by": "qc-assign-bits",
//              "inputs": {"0": {"type": "ui8", "range": "mse"},
//                         "1": {"type": "si4", "granularity": "axis",
//                               "symmetric": true, "rounding": "gptq"}}},
//    "softmax": {"by": "user", "inputs": {"0": {"type": "f32"}}}}
//
// An operand that is not mentioned stays float. Nodes are named as
// qc/Analysis/NodeNames.h says.
#ifndef QC_ANALYSIS_PLAN_H
#define QC_ANALYSIS_PLAN_H

#include "qc/Dialect/QC/IR/QCDialect.h"

#include "llvm/Support/JSON.h"

#include <map>
#include <string>

namespace qc {

/// Over how many elements one scale goes.
enum class Granularity {
  /// All of them.
  Tensor,
  /// One output channel of a weight; one channel of what a depthwise
  /// convolution reads.
  Axis,
  /// `block` consecutive elements of an output channel's reduction.
  Block,
  /// One row of the last dimension, at run time.
  Token
};

/// The format of one operand.
struct OperandFormat {
  /// "f32" (stays float) or a storage type: "si2" … "si16", "ui2" … "ui16",
  /// "f8E4M3FN", "f8E5M2".
  std::string type = "f32";
  Granularity granularity = Granularity::Tensor;
  /// Elements per scale with Granularity::Block.
  int64_t block = 0;
  /// Zero point in the middle of the codes: 0 for signed types.
  bool symmetric = false;
  /// How the range is chosen: "minmax", "mse", "percentile", "entropy",
  /// "moving" (activations); "minmax", "mse", "output" (weights).
  std::string range = "minmax";
  /// Share of values inside the range with "percentile", in per cent.
  double percentile = 99.99;
  /// How the scales of blocks are stored: "f32" or "f16".
  std::string scales = "f32";
  /// Weights: "nearest" or "gptq" (sequential error feedback).
  std::string rounding = "nearest";
  /// Given instead of chosen, one per tensor: the scale, 0 for none, and the
  /// zero point.
  double scale = 0;
  int64_t zero = 0;

  bool isFloat() const { return type == "f32"; }
  bool operator==(const OperandFormat &) const = default;
};

/// Bits of a storage type's codes; 32 for f32.
unsigned getFormatBits(llvm::StringRef type);
/// The MLIR element type, null if there is none of that name.
mlir::Type parseStorageType(mlir::MLIRContext *context, llvm::StringRef type);

/// What is decided for one node.
struct NodePlan {
  /// Who decided: "user" or a pass.
  std::string by;
  std::map<unsigned, OperandFormat> inputs;
  /// What the decision was made from, for people: the metric, its value, the
  /// alternatives. May be empty; nothing reads it.
  llvm::json::Object why;

  /// The format of operand `index`; f32 if there is none.
  OperandFormat getInput(unsigned index) const {
    auto it = inputs.find(index);
    return it == inputs.end() ? OperandFormat() : it->second;
  }
};

/// All nodes' decisions.
struct Plan {
  std::map<std::string, NodePlan> nodes;

  const NodePlan *lookup(llvm::StringRef node) const {
    auto it = nodes.find(node.str());
    return it == nodes.end() ? nullptr : &it->second;
  }

  /// Reads what a file or an op says. Errors name the node, the operand and
  /// what is accepted.
  static mlir::FailureOr<Plan> parse(mlir::Location loc,
                                     const llvm::json::Object &object);
  static mlir::FailureOr<Plan> get(PlanOp op);
  llvm::json::Object toJSON() const;
};

/// The module's plan op, null if there is none.
PlanOp getPlan(mlir::ModuleOp module);
/// What it says; an error at the module if it has none.
mlir::FailureOr<Plan> readPlan(mlir::ModuleOp module);
/// Replaces the module's plan.
void setPlan(mlir::ModuleOp module, const Plan &plan);

/// Names of tables.
inline constexpr llvm::StringLiteral statisticsName = "statistics";
inline constexpr llvm::StringLiteral sensitivityName = "sensitivity";

/// The module's table of that name, null if there is none.
TableOp getTable(mlir::ModuleOp module, llvm::StringRef name);
/// Replaces the module's table of that name.
void setTable(mlir::ModuleOp module, llvm::StringRef name,
              const llvm::json::Object &entries);

} // namespace qc

#endif // QC_ANALYSIS_PLAN_H
