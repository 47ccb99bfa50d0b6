// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The executor: the CPU pipeline, a library in a temporary file, the runtime.
//
// Code computes maps channels last. Kernels that take or give them channels
// first are all different and large: a function with 50 maps as results took 8
// times as long to compile as with channels-last ones. So the compiled function
// has those, and this file turns them around.

#include "qc/Execution/Execution.h"

#include "qc/Analysis/Executor.h"
#include "qc/Pipelines/Pipelines.h"
#include "qc/Target/CPU/CPUTarget.h"

#include "qcrt/qcrt.h"

#include "mlir/IR/Threading.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "llvm/ADT/MapVector.h"
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

/// A map of `images` x `channels` x `pixels` that code has channels last.
struct TurnedMap {
  int64_t images, channels, pixels;
  unsigned bytes;
  /// Memory of the caller (channels first) and of the code.
  MutableArrayRef<char> outer, inner;
};

/// What to turn around, by number of an argument or a result.
struct TurnedMaps {
  llvm::MapVector<unsigned, TurnedMap> inputs, outputs;
};

class LoadedFunction : public CompiledFunction {
public:
  LoadedFunction(Location loc, TurnedMaps maps, ResultOrder order,
                 unsigned threads)
      : loc(loc), maps(std::move(maps)), threads(threads) {
    if (order == ResultOrder::RowMajor)
      return;
    for (unsigned index : llvm::make_first_range(this->maps.outputs)) {
      channelsLast.resize(std::max(channelsLast.size(), index + 1));
      channelsLast.set(index);
    }
    this->maps.outputs.clear();
  }
  ~LoadedFunction() override { qcrtSessionFree(session); }
  LogicalResult load(const char *path);
  LogicalResult run() override;
  FailureOr<std::unique_ptr<CompiledFunction>> duplicate() const override;

  SmallVector<std::string> inputNames, outputNames;

private:
  LogicalResult check(QcrtStatus status, const QcrtError &error) const {
    if (status == QCRT_OK)
      return success();
    return emitError(loc) << "cannot run compiled code: " << error.message;
  }

  LogicalResult open();

  Location loc;
  TurnedMaps maps;
  unsigned threads;
  /// That of all duplicates.
  std::shared_ptr<QcrtModel> model;
  QcrtSession *session = nullptr;
  SmallVector<AlignedBuffer, 0> buffers;
};

class Executor : public ExecutorInterface {
public:
  Executor(Dialect *dialect, unsigned threads)
      : ExecutorInterface(dialect), defaultThreads(threads) {}
  FailureOr<std::unique_ptr<CompiledFunction>>
  compile(func::FuncOp function, ResultOrder order,
          unsigned threads) const override;

private:
  unsigned defaultThreads;
  /// Models are compiled several times, with other results.
  mutable KernelCache cache;
};

} // namespace

/// The map of a tensor type if it is one with several channels and pixels.
static std::optional<TurnedMap> getMap(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getRank() < 3 || tensor.getNumElements() == 0)
    return std::nullopt;
  unsigned width = tensor.getElementTypeBitWidth();
  ArrayRef<int64_t> shape = tensor.getShape();
  int64_t pixels = tensor.getNumElements() / (shape[0] * shape[1]);
  if ((width != 8 && width != 32) || shape[1] == 1 || pixels == 1)
    return std::nullopt;
  return TurnedMap{shape[0], shape[1], pixels, width / 8, {}, {}};
}

/// images x a x b to images x b x a, in tiles that stay in the cache.
template <typename T>
static void turn(const char *from, char *to, int64_t images, int64_t a,
                 int64_t b) {
  constexpr int64_t tile = 32;
  for (int64_t image = 0; image < images; ++image) {
    const T *x = reinterpret_cast<const T *>(from) + image * a * b;
    T *y = reinterpret_cast<T *>(to) + image * a * b;
    for (int64_t i = 0; i < a; i += tile)
      for (int64_t j = 0; j < b; j += tile)
        for (int64_t k = j, e = std::min(j + tile, b); k < e; ++k)
          for (int64_t l = i, f = std::min(i + tile, a); l < f; ++l)
            y[k * a + l] = x[l * b + k];
  }
}

static void turn(const TurnedMap &map, bool isInput) {
  const char *from = (isInput ? map.outer : map.inner).data();
  char *to = (isInput ? map.inner : map.outer).data();
  int64_t a = isInput ? map.channels : map.pixels;
  int64_t b = isInput ? map.pixels : map.channels;
  if (map.bytes == 4)
    turn<uint32_t>(from, to, map.images, a, b);
  else
    turn<uint8_t>(from, to, map.images, a, b);
}

static void turnAll(MLIRContext *context,
                    const llvm::MapVector<unsigned, TurnedMap> &maps,
                    bool isInput) {
  parallelFor(context, 0, maps.size(), [&](size_t i) {
    turn(std::next(maps.begin(), i)->second, isInput);
  });
}

/// Makes the maps among arguments and results of `function` channels last.
static TurnedMaps turnMaps(func::FuncOp function) {
  TurnedMaps maps;
  Block &body = function.getBody().front();
  Operation *end = body.getTerminator();
  OpBuilder builder(function.getContext());
  auto build = [&](Value value, bool toLast) -> Value {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> permutation{0}, shape;
    for (int64_t d = 1; d < type.getRank(); ++d)
      permutation.push_back(d);
    if (toLast)
      std::rotate(permutation.begin() + 1, permutation.begin() + 2,
                  permutation.end());
    else
      std::rotate(permutation.begin() + 1, permutation.end() - 1,
                  permutation.end());
    for (int64_t d : permutation)
      shape.push_back(type.getDimSize(d));
    return TransposeOp::create(
        builder, value.getLoc(),
        RankedTensorType::get(shape, type.getElementType()), value,
        builder.getDenseI64ArrayAttr(permutation));
  };
  builder.setInsertionPoint(end);
  for (OpOperand &operand : end->getOpOperands())
    if (std::optional<TurnedMap> map = getMap(operand.get().getType())) {
      maps.outputs[operand.getOperandNumber()] = *map;
      operand.set(build(operand.get(), /*toLast=*/true));
    }
  builder.setInsertionPointToStart(&body);
  for (BlockArgument argument : body.getArguments())
    if (std::optional<TurnedMap> map = getMap(argument.getType())) {
      maps.inputs[argument.getArgNumber()] = *map;
      auto type = cast<RankedTensorType>(argument.getType());
      SmallVector<int64_t> shape(type.getShape());
      std::rotate(shape.begin() + 1, shape.begin() + 2, shape.end());
      argument.setType(RankedTensorType::get(shape, type.getElementType()));
      Value first = build(argument, /*toLast=*/false);
      argument.replaceAllUsesExcept(first, first.getDefiningOp());
    }
  function.setFunctionType(builder.getFunctionType(
      body.getArgumentTypes(), end->getOperands().getTypes()));
  return maps;
}

LogicalResult LoadedFunction::run() {
  turnAll(loc.getContext(), maps.inputs, /*isInput=*/true);
  QcrtError error;
  if (failed(check(qcrtSessionRun(session, &error), error)))
    return failure();
  turnAll(loc.getContext(), maps.outputs, /*isInput=*/false);
  return success();
}

LogicalResult LoadedFunction::load(const char *path) {
  QcrtError error;
  QcrtModel *loaded = nullptr;
  if (failed(check(qcrtModelLoad(path, nullptr, &loaded, &error), error)))
    return failure();
  model.reset(loaded, qcrtModelFree);
  return open();
}

FailureOr<std::unique_ptr<CompiledFunction>> LoadedFunction::duplicate() const {
  auto copy = std::make_unique<LoadedFunction>(loc, maps, ResultOrder::RowMajor,
                                               threads);
  copy->channelsLast = channelsLast;
  copy->model = model;
  if (failed(copy->open()))
    return failure();
  return std::unique_ptr<CompiledFunction>(std::move(copy));
}

LogicalResult LoadedFunction::open() {
  QcrtError error;
  QcrtProgramInfo program;
  QcrtSessionOptions options = {};
  options.size = sizeof options;
  options.threads = threads;
  if (failed(check(qcrtProgramInfo(model.get(), 0, &program, &error), error)) ||
      failed(
          check(qcrtSessionCreate(model.get(), 0, &options, &session, &error),
                error)))
    return failure();
  auto bind = [&](uint32_t index, bool isInput) -> LogicalResult {
    QcrtTensorInfo info;
    QcrtStatus status =
        isInput ? qcrtProgramInput(model.get(), 0, index, &info, &error)
                : qcrtProgramOutput(model.get(), 0, index, &info, &error);
    if (failed(check(status, error)))
      return failure();
    (isInput ? inputNames : outputNames).push_back(info.name);
    auto allocate = [&]() -> FailureOr<MutableArrayRef<char>> {
      AlignedBuffer &buffer = buffers.emplace_back(info.bytes);
      if (!buffer)
        return emitError(loc) << "no memory for " << info.bytes << " bytes";
      return buffer.get();
    };
    FailureOr<MutableArrayRef<char>> own = allocate();
    if (failed(own))
      return failure();
    MutableArrayRef<char> memory = *own, outer = memory;
    llvm::MapVector<unsigned, TurnedMap> &turned =
        isInput ? maps.inputs : maps.outputs;
    if (auto it = turned.find(index); it != turned.end()) {
      FailureOr<MutableArrayRef<char>> callers = allocate();
      if (failed(callers))
        return failure();
      outer = *callers;
      it->second.outer = outer;
      it->second.inner = memory;
    }
    (isInput ? inputs : outputs).push_back(outer);
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
Executor::compile(func::FuncOp function, ResultOrder order,
                  unsigned threads) const {
  Location loc = function.getLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  if (auto outer = function->getParentOfType<ModuleOp>())
    (*module)->setDiscardableAttrs(
        outer->getDiscardableAttrDictionary().getValue());
  func::FuncOp clone = function.clone();
  module->push_back(clone);
  TurnedMaps maps = turnMaps(clone);
  PassManager manager(module->getContext(), ModuleOp::getOperationName());
  buildCPUPipeline(manager);
  // Sequential rounding compiles as many functions as a model has layers.
  manager.enableVerifier(false);
  if (failed(manager.run(*module)))
    return failure();

  CPUOptions options;
  options.cache = &cache;
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
  auto loaded = std::make_unique<LoadedFunction>(
      loc, std::move(maps), order, threads ? threads : defaultThreads);
  if (failed(loaded->load(path.c_str())))
    return failure();
  return std::unique_ptr<CompiledFunction>(std::move(loaded));
}

static unsigned getThreads(unsigned threads) {
  return threads ? threads
                 : std::max(
                       1u, llvm::hardware_concurrency().compute_thread_count());
}

FailureOr<LoadedLibrary> qc::loadLibrary(Location loc, StringRef path,
                                         unsigned threads) {
  auto loaded = std::make_unique<LoadedFunction>(
      loc, TurnedMaps(), ResultOrder::RowMajor, getThreads(threads));
  if (failed(loaded->load(path.str().c_str())))
    return failure();
  LoadedLibrary library;
  library.inputs = loaded->inputNames;
  library.outputs = loaded->outputNames;
  library.code = std::move(loaded);
  return library;
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
  registry.insert<QCDialect>();
  registry.addExtension(
      TypeID::get<ExecutionExtension>(),
      std::make_unique<ExecutionExtension>(getThreads(threads)));
}
