// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints legal kernels as C++ functions.
#ifndef QC_LIB_TARGET_HLS_KERNELPRINTER_H
#define QC_LIB_TARGET_HLS_KERNELPRINTER_H

#include "VendorPolicy.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"

namespace qc::hls {

/// Text with indentation. Pragmas and labels are lines like all others.
class SourceWriter {
public:
  explicit SourceWriter(llvm::raw_ostream &os) : os(os) {}
  /// One line; an empty text prints nothing.
  void line(const llvm::Twine &text);
  /// A pragma or preprocessor line, which is never indented.
  void directive(llvm::StringRef text);
  void blank() { os << "\n"; }
  void indent() { ++depth; }
  /// A line that opens a block, and the one that closes it.
  void open(const llvm::Twine &text);
  void close(const llvm::Twine &text = "}");

private:
  llvm::raw_ostream &os;
  unsigned depth = 0;
};

/// C++ identifiers from arbitrary names, unique within one table.
class IdentifierTable {
public:
  /// A new identifier that reads like `name`: other characters become `_`, a
  /// number is appended if it was given out before.
  std::string add(llvm::StringRef name);

private:
  llvm::StringSet<> used;
};

/// How a loop that counts from `lower` (inclusive) to `upper` (exclusive) is
/// opened, with the pragmas of an innermost loop if `isPipelined`.
void openLoop(SourceWriter &writer, const VendorPolicy &policy,
              llvm::StringRef label, llvm::StringRef type,
              llvm::StringRef variable, llvm::StringRef lower,
              const llvm::Twine &upper, llvm::StringRef step, bool isPipelined);

/// True if the function stores to its argument.
bool writesArgument(mlir::func::FuncOp kernel, unsigned index);

/// The number of elements of a memref as a C++ array: at least one.
uint64_t getArrayExtent(mlir::Type memref);

/// Prints the comment above a kernel: its symbol, family and node names.
void printKernelComment(mlir::func::FuncOp kernel, llvm::raw_ostream &os);

/// Prints `kernel`, which `checkKernel` accepted, as `static void NAME(...)`.
void printKernel(mlir::func::FuncOp kernel, llvm::StringRef name,
                 const VendorPolicy &policy, llvm::raw_ostream &os);

} // namespace qc::hls

#endif // QC_LIB_TARGET_HLS_KERNELPRINTER_H
