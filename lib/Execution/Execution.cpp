// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The executor: the CPU pipeline, a library in a temporary file, the runtime.

#include "qc/Execution/Execution.h"

#include "qc/Analysis/Executor.h"
#include "qc/Pipelines/Pipelines.h"
#include "qc/Target/CPU/CPUTarget.h"

#include "qcrt/qcrt.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Threading.h"

#include <cstdlib>
#include <cstring>

using namespace mlir;
using namespace qc;

namespace {

/// Memory that the runtime accepts for every input and output.
class AlignedBuffer {
public:
  explicit AlignedBuffer(size_t size)
      : bytes(static_cast<char *>(std::aligned_alloc(
            QC_ARENA_ALIGNMENT,
            llvm::alignTo(std::max<size_t>(size, 1), QC_ARENA_ALIGNMENT)))),
        size(size) {
    // Pages that no run has written would make statistics of garbage.
    if (bytes)
      std::memset(bytes.get(), 0, size);
  }
  explicit operator bool() const { return bytes != nullptr; }
  MutableArrayRef<char> get() const { return {bytes.get(), size}; }

private:
  struct Free {
    void operator()(char *pointer) const { std::free(pointer); }
  };
  std::unique_ptr<char, Free> bytes;
  size_t size;
};

class LoadedFunction : public CompiledFunction {
public:
  explicit LoadedFunction(Location loc) : loc(loc) {}
  ~LoadedFunction() override {
    qcrtSessionFree(session);
    qcrtModelFree(model);
  }
  LogicalResult load(const char *path, unsigned threads);
  LogicalResult run() override {
    QcrtError error;
    return check(qcrtSessionRun(session, &error), error);
  }

private:
  LogicalResult check(QcrtStatus status, const QcrtError &error) const {
    if (status == QCRT_OK)
      return success();
    return emitError(loc) << "cannot run compiled code: " << error.message;
  }

  Location loc;
  QcrtModel *model = nullptr;
  QcrtSession *session = nullptr;
  SmallVector<AlignedBuffer, 0> buffers;
};

class Executor : public ExecutorInterface {
public:
  Executor(Dialect *dialect, unsigned threads)
      : ExecutorInterface(dialect), threads(threads) {}
  FailureOr<std::unique_ptr<CompiledFunction>>
  compile(func::FuncOp function) const override;

private:
  unsigned threads;
};

} // namespace

LogicalResult LoadedFunction::load(const char *path, unsigned threads) {
  QcrtError error;
  QcrtProgramInfo program;
  QcrtSessionOptions options = {};
  options.size = sizeof options;
  options.threads = threads;
  if (failed(check(qcrtModelLoad(path, nullptr, &model, &error), error)) ||
      failed(check(qcrtProgramInfo(model, 0, &program, &error), error)) ||
      failed(check(qcrtSessionCreate(model, 0, &options, &session, &error),
                   error)))
    return failure();
  auto bind = [&](uint32_t index, bool isInput) -> LogicalResult {
    QcrtTensorInfo info;
    QcrtStatus status = isInput
                            ? qcrtProgramInput(model, 0, index, &info, &error)
                            : qcrtProgramOutput(model, 0, index, &info, &error);
    if (failed(check(status, error)))
      return failure();
    AlignedBuffer &buffer = buffers.emplace_back(info.bytes);
    if (!buffer)
      return emitError(loc) << "no memory for " << info.bytes << " bytes";
    MutableArrayRef<char> memory = buffer.get();
    (isInput ? inputs : outputs).push_back(memory);
    status = isInput ? qcrtSessionSetInput(session, index, memory.data(),
                                           memory.size(), &error)
                     : qcrtSessionSetOutput(session, index, memory.data(),
                                            memory.size(), &error);
    return check(status, error);
  };
  for (uint32_t i = 0; i < program.inputCount; ++i)
    if (failed(bind(i, true)))
      return failure();
  for (uint32_t i = 0; i < program.outputCount; ++i)
    if (failed(bind(i, false)))
      return failure();
  return success();
}

FailureOr<std::unique_ptr<CompiledFunction>>
Executor::compile(func::FuncOp function) const {
  Location loc = function.getLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  if (auto outer = function->getParentOfType<ModuleOp>())
    (*module)->setDiscardableAttrs(
        outer->getDiscardableAttrDictionary().getValue());
  module->push_back(function.clone());
  PassManager manager(module->getContext(), ModuleOp::getOperationName());
  buildCPUPipeline(manager);
  if (failed(manager.run(*module)))
    return failure();

  CPUOptions options;
  options.forms = parseCPUForms(
      "native", [&](const Twine &message) { emitError(loc) << message; });
  if (options.forms.empty())
    return failure();
  SmallString<128> path;
  int file;
  if (std::error_code code =
          llvm::sys::fs::createTemporaryFile("qc", "so", file, path))
    return emitError(loc) << "cannot create a temporary file: "
                          << code.message();
  (void)llvm::sys::Process::SafelyCloseFileDescriptor(file);
  llvm::FileRemover remover(path);
  TimingScope timing;
  if (failed(writeSharedLibrary(*module, path, options, timing)))
    return failure();
  auto loaded = std::make_unique<LoadedFunction>(loc);
  if (failed(loaded->load(path.c_str(), threads)))
    return failure();
  return std::unique_ptr<CompiledFunction>(std::move(loaded));
}

namespace {
/// Gives the qc dialect its executor when a context loads it.
struct ExecutionExtension
    : public DialectExtension<ExecutionExtension, QCDialect> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ExecutionExtension)
  explicit ExecutionExtension(unsigned threads) : threads(threads) {}
  void apply(MLIRContext *, QCDialect *dialect) const override {
    dialect->addInterface(std::make_unique<Executor>(dialect, threads));
  }
  unsigned threads;
};
} // namespace

void qc::registerExecution(DialectRegistry &registry, unsigned threads) {
  if (threads == 0)
    threads = std::max(1u, llvm::hardware_concurrency().compute_thread_count());
  registry.insert<QCDialect>();
  registry.addExtension(TypeID::get<ExecutionExtension>(),
                        std::make_unique<ExecutionExtension>(threads));
}
