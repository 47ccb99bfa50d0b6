// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The importer's command-line options.

#include "qc/Target/ONNX/ImportCommandLine.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace qc;

ImportCommandLine::ImportCommandLine()
    : category("ONNX import options"),
      bind("bind",
           llvm::cl::desc("Value of a symbolic dimension; several values give "
                          "one function each"),
           llvm::cl::value_desc("SYMBOL=N[,N...]"), llvm::cl::cat(category)),
      shape("shape",
            llvm::cl::desc("Shape of an input whose dimensions have no usable "
                           "name; several shapes give one function each"),
            llvm::cl::value_desc("INPUT=1x3x48x320[,...]"),
            llvm::cl::cat(category)),
      dataDirectory("data-dir",
                    llvm::cl::desc("Folder of the model's external data "
                                   "(default: the model's own)"),
                    llvm::cl::value_desc("DIR"), llvm::cl::cat(category)),
      reportExpanded("report-expanded",
                     llvm::cl::desc("Remark on nodes imported through their "
                                    "schema's function body"),
                     llvm::cl::cat(category)) {}

/// Splits at the last '=': names of inputs may contain that character.
static bool splitArgument(StringRef text, StringRef &name, StringRef &value) {
  std::tie(name, value) = text.rsplit('=');
  return text.contains('=') && !name.empty() && !value.empty();
}

bool ImportCommandLine::parseBinding(StringRef text, ImportOptions &options) {
  StringRef name, list;
  if (!splitArgument(text, name, list))
    return false;
  std::vector<int64_t> values;
  for (StringRef item : llvm::split(list, ','))
    if (item.getAsInteger(10, values.emplace_back()) || values.back() < 0)
      return false;
  options.bindings.emplace_back(name.str(), std::move(values));
  return true;
}

bool ImportCommandLine::parseShape(StringRef text, ImportOptions &options) {
  StringRef name, list;
  // A scalar's shape is empty: `INPUT=`.
  std::tie(name, list) = text.rsplit('=');
  if (!text.contains('=') || name.empty())
    return false;
  std::vector<std::vector<int64_t>> shapes;
  for (StringRef item : llvm::split(list, ',')) {
    std::vector<int64_t> &shape = shapes.emplace_back();
    if (item.empty())
      continue;
    for (StringRef size : llvm::split(item, 'x'))
      if (size.getAsInteger(10, shape.emplace_back()) || shape.back() < 0)
        return false;
  }
  options.shapes.emplace_back(name.str(), std::move(shapes));
  return true;
}

FailureOr<ImportOptions>
ImportCommandLine::getOptions(MLIRContext &context, StringRef filename) const {
  ImportOptions options;
  options.filename = filename.str();
  options.dataDirectory = dataDirectory;
  options.reportExpanded = reportExpanded;
  for (const std::string &text : bind)
    if (!parseBinding(text, options)) {
      emitError(UnknownLoc::get(&context))
          << "--bind=" << text
          << " is malformed; accepted: SYMBOL=N[,N...] with sizes of at least "
             "0";
      return failure();
    }
  for (const std::string &text : shape)
    if (!parseShape(text, options)) {
      emitError(UnknownLoc::get(&context))
          << "--shape=" << text
          << " is malformed; accepted: INPUT=1x3x48x320[,...] with sizes of at "
             "least 0";
      return failure();
    }
  return options;
}
