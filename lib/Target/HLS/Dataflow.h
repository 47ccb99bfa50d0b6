// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program as processes that exchange streams.
//
// `qc.program` is a list of launches on one arena in which memory is reused and
// tensors may be parts of others. Hardware wants the opposite: processes that
// run at the same time, each with its own buffers, connected by channels with
// one producer and one consumer. The launches' order and byte ranges say which
// launch wrote what another reads; each such piece is a channel.
#ifndef QC_LIB_TARGET_HLS_DATAFLOW_H
#define QC_LIB_TARGET_HLS_DATAFLOW_H

#include "qc/Dialect/QC/IR/QCDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qc::hls {

/// One end of a channel: elements `first`… of an argument of a process, or of
/// a program input (as producer) or output (as consumer).
struct Endpoint {
  /// No process: the outside of the program.
  static constexpr unsigned outside = ~0u;
  unsigned process = outside;
  /// Argument of the process, or index of the input or output.
  unsigned argument = 0;
  uint64_t first = 0;
};

/// `count` elements of type `element` (the producer's) in order.
struct Channel {
  Endpoint producer, consumer;
  uint64_t count = 0;
  mlir::Type element;
};

/// A constant array: a part of the weights, read as `element`.
struct Constant {
  mlir::Type element;
  std::vector<char> bytes;
};

/// One launch.
struct Process {
  LaunchOp launch;
  mlir::func::FuncOp kernel;
  unsigned resultCount = 0;
  /// Per argument the index of its constant, or -1.
  llvm::SmallVector<int> constants;
};

/// An input or output as an array of storage elements.
struct Port {
  std::string name;
  mlir::RankedTensorType type;
  mlir::Type element;
  uint64_t count = 0;
  /// The output that receives this one's extents, or -1.
  int64_t extents = -1;
};

struct Dataflow {
  ProgramOp program;
  std::vector<Port> inputs, outputs;
  std::vector<Process> processes;
  /// By consumer, in the order of its arguments and their elements.
  std::vector<Channel> channels;
  std::vector<Constant> constants;

  static mlir::FailureOr<Dataflow> get(ProgramOp program);
};

/// Bytes of one element of a storage type.
uint64_t getElementBytes(mlir::Type element);

} // namespace qc::hls

#endif // QC_LIB_TARGET_HLS_DATAFLOW_H
