// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the artefact folder for a GPU.

#include "PTXKernels.h"

#include "qc/Target/Common/CodeGen.h"

#include "qcrt/manifest.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace qc;

LogicalResult qc::writePTXArtifact(ModuleOp module, StringRef directory,
                                   const PTXOptions &options) {
  FailureOr<PTXKernels> code = compilePTXKernels(module, options);
  if (failed(code))
    return failure();
  FailureOr<std::string> manifest =
      buildManifest(module, code->kernels, QC_TARGET_PTX, options.modelName);
  if (failed(manifest))
    return failure();
  if (std::error_code error = llvm::sys::fs::create_directories(directory))
    return module.emitError("cannot make the folder '")
           << directory << "': " << error.message();
  auto write = [&](StringRef name,
                   function_ref<LogicalResult(llvm::raw_fd_ostream &)> body) {
    SmallString<128> path(directory);
    llvm::sys::path::append(path, name);
    return writeFile(module.getLoc(), path, body);
  };
  auto writeText = [](StringRef text) {
    return [text](llvm::raw_fd_ostream &stream) {
      stream << text;
      return success();
    };
  };
  // The manifest last: without it the folder is not an artefact.
  return success(succeeded(write(QC_PTX_FILE, writeText(code->text))) &&
                 succeeded(write(QC_WEIGHTS_FILE,
                                 [&](llvm::raw_fd_ostream &stream) {
                                   return writeWeights(module, stream);
                                 })) &&
                 succeeded(write(QC_MANIFEST_FILE, writeText(*manifest))));
}
