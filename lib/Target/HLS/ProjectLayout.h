// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The names and declarations that the files of a project share, and the text of
// each file.
#ifndef QC_LIB_TARGET_HLS_PROJECTLAYOUT_H
#define QC_LIB_TARGET_HLS_PROJECTLAYOUT_H

#include "Dataflow.h"
#include "VendorPolicy.h"

#include "llvm/ADT/MapVector.h"

namespace qc::hls {

/// The first lines of every generated C++ file.
inline constexpr char license[] =
    "// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n//\n";

/// A program with a C++ name for everything in it.
class ProjectLayout {
public:
  ProjectLayout(const Dataflow &dataflow, const HLSOptions &options);

  static std::string channelName(unsigned channel) {
    return ("channel_" + llvm::Twine(channel)).str();
  }
  static std::string constantName(unsigned constant) {
    return ("weights_" + llvm::Twine(constant)).str();
  }
  static std::string processName(unsigned process) {
    return ("process_" + llvm::Twine(process)).str();
  }
  uint64_t constantCount(unsigned constant) const {
    const Constant &array = dataflow.constants[constant];
    return array.bytes.size() / getElementBytes(array.element);
  }

  /// Channels that start or end at one argument of a process, or outside.
  llvm::SmallVector<unsigned> channelsFrom(unsigned process,
                                           unsigned argument) const;
  llvm::SmallVector<unsigned> channelsTo(unsigned process,
                                         unsigned argument) const;
  /// Distinct constants of a process in order of use, if they are external.
  llvm::SmallVector<unsigned> externalConstants(const Process &process) const;

  /// The declaration of an array parameter.
  static std::string arrayParameter(mlir::Type element, uint64_t count,
                                    llvm::StringRef name, bool isConst);
  std::string channelParameter(unsigned channel) const;
  /// The prototype of the top function, without `;` or `{`.
  std::string topPrototype() const;

  const Dataflow &dataflow;
  const HLSOptions &options;
  const VendorPolicy &policy;
  /// Constants are arguments of the top function instead of arrays.
  bool constantsAreExternal = false;
  std::vector<std::string> inputNames, outputNames;
  llvm::MapVector<mlir::Operation *, std::string> kernelNames;
};

/// The ONNX name of an element type (TensorProto.DataType, lower case).
std::string getONNXTypeName(mlir::Type type);

/// One line of a comment: names from the model may hold anything, or nothing.
std::string toCommentText(llvm::StringRef text);

/// A file of the project: its path inside the folder and its content.
struct File {
  std::string path;
  std::string content;
};

/// The top function with kernels and processes: its header and its source.
void addTopFiles(const ProjectLayout &project, std::vector<File> &files);
/// Constants as arrays, or as one file of bytes.
void addWeightFiles(const ProjectLayout &project, std::vector<File> &files);
/// The C simulation: test bench, Makefile, stored vectors.
void addSimulationFiles(const ProjectLayout &project, std::vector<File> &files);
/// What tools want to know of the project.
void addDescription(const ProjectLayout &project, std::vector<File> &files);

} // namespace qc::hls

#endif // QC_LIB_TARGET_HLS_PROJECTLAYOUT_H
