// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table `@sensitivity` as C++ values: what formats cost and spoil, per
// node.
//
// A file (and a `qc.table` op, which holds the same):
//
//   {"conv1": {"by": "qc-sensitivity", "settings": "rounding=nearest …",
//              "parameters": 432, "macs": 442368,
//              "metrics": {"zd": 0.31, "entropy": 6.1},
//              "formats": {"si4": {"bytes": 280, "metrics":
//                                  {"weight-sqnr": 21.5, "output-mse": 0.01}}},
//              "pairs": {"conv2": {"si4": {"si4": 0.002}}}}}
//
// Every member may be left out. Nodes are named as qc/Analysis/NodeNames.h
// says. A member of a node whose "by" is "user" (or that has none) is kept;
// what it lacks is measured.
#ifndef QC_QUANTIZATION_SENSITIVITYTABLE_H
#define QC_QUANTIZATION_SENSITIVITYTABLE_H

#include "qc/Analysis/Plan.h"

namespace qc {

/// One format of one node.
struct FormatSensitivity {
  /// Of the weights, with scales; 0: not known.
  int64_t bytes = 0;
  /// By metric (getSensitivityMetrics), and "latency" in microseconds.
  std::map<std::string, double> metrics;
};

struct NodeSensitivity {
  std::string by;
  /// How the metrics were measured; others are not comparable.
  std::string settings;
  int64_t parameters = 0;
  /// Multiply-accumulates of one run.
  int64_t macs = 0;
  /// Those that no format changes.
  std::map<std::string, double> metrics;
  /// By storage type.
  std::map<std::string, FormatSensitivity> formats;
  /// By another node, this node's and its storage type: what both formats
  /// together spoil beyond the sum, in units of the metric "model-mse".
  std::map<std::string, std::map<std::string, std::map<std::string, double>>>
      pairs;

  bool isUsers() const { return by.empty() || by == "user"; }
};

struct SensitivityTable {
  std::map<std::string, NodeSensitivity> nodes;

  const NodeSensitivity *lookup(llvm::StringRef node) const {
    auto it = nodes.find(node.str());
    return it == nodes.end() ? nullptr : &it->second;
  }

  /// Errors at `loc` name the node, the member and what is accepted.
  static mlir::FailureOr<SensitivityTable>
  parse(mlir::Location loc, const llvm::json::Object &object);
  /// What the op says.
  static mlir::FailureOr<SensitivityTable> get(TableOp op);
  llvm::json::Object toJSON() const;
};

} // namespace qc

#endif // QC_QUANTIZATION_SENSITIVITYTABLE_H
