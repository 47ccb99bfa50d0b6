// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs models through the reference meaning: see ReferenceRun.h.

#include "qc/Analysis/ReferenceRun.h"

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/Interpreter.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace qc;

static std::pair<uint64_t, uint64_t> getHash(ArrayRef<char> bytes) {
  llvm::XXH128_hash_t hash = llvm::xxh3_128bits(
      ArrayRef(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
  return {hash.high64, hash.low64};
}

ReferenceTensor::ReferenceTensor(RankedTensorType type, std::vector<char> bytes)
    : type(type), bytes(std::move(bytes)), hash(getHash(this->bytes)) {}

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static RankedTensorType withoutLayout(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return RankedTensorType::get(tensor.getShape(), tensor.getElementType());
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

/// Calls `visit` with each element's number in row-major order and its place in
/// the layout of `type`, both in storage elements.
static void forEachPlace(RankedTensorType type,
                         function_ref<void(int64_t, int64_t)> visit) {
  auto layout = cast<LayoutAttr>(type.getEncoding());
  SmallVector<int64_t> index(type.getRank(), 0);
  for (int64_t number = 0, count = type.getNumElements(); number < count;
       ++number) {
    visit(number, layout.linearize(index));
    for (int64_t dim = type.getRank(); dim-- > 0;) {
      if (++index[dim] < type.getDimSize(dim))
        break;
      index[dim] = 0;
    }
  }
}

/// Copies element `from` of one tensor's memory to place `to` of another's.
/// Places below a byte hold zeros before.
static void copyElement(Type element, ArrayRef<char> source, int64_t from,
                        MutableArrayRef<char> target, int64_t to) {
  unsigned bits = element.getIntOrFloatBitWidth();
  if (bits > 1 && bits < 8)
    return writeBits(target, to, bits, readBits(source, from, bits));
  int64_t width = std::max(bits / 8, 1u);
  std::memcpy(target.data() + to * width, source.data() + from * width, width);
}

/// Writes row-major `bytes` into memory in the layout of `type`; what is
/// outside of the tensor stays.
static void store(RankedTensorType type, ArrayRef<char> bytes,
                  MutableArrayRef<char> memory) {
  if (!isa_and_nonnull<LayoutAttr>(type.getEncoding())) {
    llvm::copy(bytes, memory.begin());
    return;
  }
  forEachPlace(type, [&](int64_t number, int64_t place) {
    copyElement(type.getElementType(), bytes, number, memory, place);
  });
}

/// The tensor that lies in `memory` in the layout of `type`.
static ReferenceTensorPtr load(RankedTensorType type, ArrayRef<char> memory) {
  RankedTensorType plain = withoutLayout(type);
  if (!isa_and_nonnull<LayoutAttr>(type.getEncoding()))
    return std::make_shared<ReferenceTensor>(
        plain, std::vector<char>(memory.begin(), memory.end()));
  std::vector<char> bytes(getStorageBytes(plain));
  forEachPlace(type, [&](int64_t number, int64_t place) {
    copyElement(type.getElementType(), memory, place, bytes, number);
  });
  return std::make_shared<ReferenceTensor>(plain, std::move(bytes));
}

//===----------------------------------------------------------------------===//
// What can run
//===----------------------------------------------------------------------===//

/// Whether the type's memory can be had, without overflow on the way.
static bool isSmall(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return false;
  auto layout = dyn_cast_or_null<LayoutAttr>(tensor.getEncoding());
  int64_t count = 1;
  for (int64_t extent : layout ? layout.getExtents() : tensor.getShape())
    if (llvm::MulOverflow(count, extent, count) ||
        count > ReferenceRun::largestBytes)
      return false;
  if (layout && (layout.getOffset() < 0 ||
                 layout.getOffset() > ReferenceRun::largestBytes))
    return false;
  return getStorageBytes(tensor) <= ReferenceRun::largestBytes;
}

static bool areSmall(TypeRange types) { return llvm::all_of(types, isSmall); }

static constexpr llvm::StringLiteral tooLarge =
    "has a tensor of more than 1 GiB";

/// The kernels of the module around `op` by name.
static llvm::StringMap<KernelOp> getKernels(Operation *op) {
  llvm::StringMap<KernelOp> kernels;
  if (auto module = op->getParentOfType<ModuleOp>())
    for (auto kernel : module.getOps<KernelOp>())
      kernels[kernel.getSymName()] = kernel;
  return kernels;
}

/// What fills the memory that programs share, or null.
static PreparationOp getPreparation(ProgramOp program) {
  auto ops = program->getParentOfType<ModuleOp>().getOps<PreparationOp>();
  return ops.empty() ? PreparationOp() : *ops.begin();
}

/// The launches of the preparation, then the program's.
static SmallVector<LaunchOp> getLaunches(ProgramOp program) {
  SmallVector<LaunchOp> launches;
  if (PreparationOp preparation = getPreparation(program))
    llvm::append_range(launches, preparation.getBody().getOps<LaunchOp>());
  llvm::append_range(launches, program.getBody().getOps<LaunchOp>());
  return launches;
}

/// Why a call of `kernel` cannot run; empty if it can.
static StringRef getKernelObstacle(KernelOp kernel) {
  if (!kernel)
    return "calls no kernel";
  if (!areSmall(kernel.getArgumentTypes()) ||
      !areSmall(kernel.getResultTypes()))
    return tooLarge;
  return "";
}

std::optional<ReferenceRun::Obstacle>
ReferenceRun::findObstacle(Operation *root) {
  llvm::StringMap<KernelOp> kernels = getKernels(root);
  if (auto program = dyn_cast<ProgramOp>(root)) {
    auto isSmallPort = [](PortAttr port) {
      return isSmall(port.getType().getValue());
    };
    PreparationOp preparation = getPreparation(program);
    auto isMemory = [](int64_t size) {
      return size >= 0 && size <= 4 * largestBytes;
    };
    if (!isMemory(program.getArenaSize()) ||
        (preparation && !isMemory(preparation.getSize())) ||
        !llvm::all_of(program.getInputs().getAsRange<PortAttr>(),
                      isSmallPort) ||
        !llvm::all_of(program.getOutputs().getAsRange<PortAttr>(), isSmallPort))
      return Obstacle{root, tooLarge.str()};
    for (LaunchOp launch : getLaunches(program))
      if (StringRef reason =
              getKernelObstacle(kernels.lookup(launch.getKernel()));
          !reason.empty())
        return Obstacle{launch, reason.str()};
    return std::nullopt;
  }
  auto function = dyn_cast<func::FuncOp>(root);
  if (!function || function.isExternal() || !function.getBody().hasOneBlock())
    return Obstacle{root, "is no function of one block"};
  if (!areSmall(function.getArgumentTypes()))
    return Obstacle{root, "has an argument that is no tensor of at most 1 GiB"};
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (!isa<ElementOpInterface, BlockOpInterface, ConstantOp, DispatchOp,
             AssembleOp>(op))
      return Obstacle{&op, "has no reference meaning"};
    if (!areSmall(op.getResultTypes()))
      return Obstacle{&op, tooLarge.str()};
    if (auto dispatch = dyn_cast<DispatchOp>(op))
      if (StringRef reason =
              getKernelObstacle(kernels.lookup(dispatch.getKernel()));
          !reason.empty())
        return Obstacle{&op, reason.str()};
  }
  if (!isa<func::ReturnOp>(function.getBody().front().getTerminator()))
    return Obstacle{root, "does not return"};
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

FailureOr<ReferenceTensors> ReferenceRun::run(Operation *root, Tensors inputs,
                                              Visitor visit) {
  recent.clear();
  textHashes.clear();
  auto program = dyn_cast<ProgramOp>(root);
  FailureOr<Tensors> outputs =
      program ? runProgram(program, std::move(inputs), visit)
              : runFunction(root, std::move(inputs), visit);
  if (succeeded(outputs))
    results = std::move(recent);
  return outputs;
}

const ReferenceRun::Key &ReferenceRun::getTextHash(KernelOp kernel) {
  auto [entry, isNew] = textHashes.try_emplace(kernel);
  if (isNew) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    kernel.print(stream, OpPrintingFlags().useLocalScope());
    entry->second = getHash(text);
  }
  return entry->second;
}

/// Computes `op`, or `kernel` for an op that calls it.
FailureOr<ReferenceRun::Tensors>
ReferenceRun::evaluate(Operation *op, ArrayRef<ReferenceTensorPtr> operands,
                       KernelOp kernel) {
  SmallVector<RankedTensorType> types, resultTypes;
  if (kernel) {
    for (Type type : kernel.getArgumentTypes())
      types.push_back(cast<RankedTensorType>(type));
    for (Type type : kernel.getResultTypes())
      resultTypes.push_back(cast<RankedTensorType>(type));
  } else {
    for (Value operand : op->getOperands())
      types.push_back(withoutLayout(operand.getType()));
    for (Value result : op->getResults())
      resultTypes.push_back(withoutLayout(result.getType()));
  }

  // The same op of the same tensors.
  SmallVector<uint64_t> words;
  auto addPointer = [&](const void *pointer) {
    words.push_back(reinterpret_cast<uintptr_t>(pointer));
  };
  if (kernel) {
    llvm::append_values(words, getTextHash(kernel).first,
                        getTextHash(kernel).second);
  } else {
    addPointer(op->getName().getAsOpaquePointer());
    addPointer(op->getAttrDictionary().getAsOpaquePointer());
  }
  for (RankedTensorType type :
       llvm::concat<RankedTensorType>(types, resultTypes))
    addPointer(type.getAsOpaquePointer());
  for (const ReferenceTensorPtr &operand : operands)
    llvm::append_values(words, operand->hash.first, operand->hash.second);
  Key key = getHash(ArrayRef(reinterpret_cast<const char *>(words.data()),
                             words.size() * sizeof(uint64_t)));
  if (auto found = recent.find(key); found != recent.end())
    return found->second;
  if (auto found = results.find(key); found != results.end())
    return recent[key] = found->second;

  std::vector<std::vector<char>> storage;
  for (auto [type, operand] : llvm::zip_equal(types, operands)) {
    if (operand->type != withoutLayout(type))
      return op->emitError("reads a ") << operand->type << " as " << type;
    storage.emplace_back(getStorageBytes(type), 0);
    store(type, operand->bytes, storage.back());
  }
  for (RankedTensorType type : resultTypes)
    storage.emplace_back(getStorageBytes(type), 0);
  SmallVector<MutableArrayRef<char>> buffers(storage.begin(), storage.end());
  if (failed(kernel ? evaluateKernel(kernel.getBody().front(), buffers)
                    : evaluateOp(op, buffers)))
    return failure();
  Tensors tensors;
  for (auto [type, bytes] :
       llvm::zip_equal(resultTypes, ArrayRef(storage).drop_front(types.size())))
    tensors.push_back(load(type, bytes));
  return recent[key] = tensors;
}

FailureOr<ReferenceRun::Tensors>
ReferenceRun::runFunction(Operation *root, Tensors inputs, Visitor visit) {
  auto function = cast<func::FuncOp>(root);
  Block &body = function.getBody().front();
  llvm::StringMap<KernelOp> kernels = getKernels(function);
  DenseMap<Value, ReferenceTensorPtr> values;
  for (auto [argument, input] : llvm::zip_equal(body.getArguments(), inputs))
    values[argument] = input;
  for (Operation &op : body.without_terminator()) {
    if (auto constant = dyn_cast<ConstantOp>(op)) {
      SmallVector<char> scratch;
      FailureOr<ArrayRef<char>> bytes =
          getConstantBytes(constant.getValue(), scratch);
      if (failed(bytes))
        return op.emitError("has no readable value");
      values[constant] = load(withoutLayout(constant.getType()), *bytes);
      continue;
    }
    Tensors operands, computed;
    for (Value operand : op.getOperands())
      operands.push_back(values.lookup(operand));
    if (auto assemble = dyn_cast<AssembleOp>(op)) {
      RankedTensorType type = typeOf(assemble.getResult());
      std::vector<char> memory(getStorageBytes(type), 0);
      // A part that covers the whole writes only some elements: first.
      for (bool isWhole : {true, false})
        for (auto [part, value] :
             llvm::zip_equal(assemble.getParts(), operands))
          if ((part.getType() == type) == isWhole)
            store(typeOf(part), value->bytes, memory);
      computed.push_back(load(type, memory));
    } else {
      KernelOp kernel;
      if (auto dispatch = dyn_cast<DispatchOp>(op))
        kernel = kernels.lookup(dispatch.getKernel());
      FailureOr<Tensors> evaluated = evaluate(&op, operands, kernel);
      if (failed(evaluated))
        return failure();
      computed = std::move(*evaluated);
    }
    for (auto [result, value] : llvm::zip_equal(op.getResults(), computed))
      values[result] = visit(&op, result.getResultNumber(), value);
  }
  Tensors outputs;
  for (Value operand : body.getTerminator()->getOperands())
    outputs.push_back(values.lookup(operand));
  return outputs;
}

FailureOr<ReferenceRun::Tensors>
ReferenceRun::runProgram(ProgramOp program, Tensors inputs, Visitor visit) {
  llvm::StringMap<KernelOp> kernels = getKernels(program);
  PreparationOp preparation = getPreparation(program);
  std::vector<char> arena(program.getArenaSize(), 0);
  std::vector<char> prepared(preparation ? preparation.getSize() : 0, 0);
  std::vector<std::vector<char>> inputMemory, outputMemory;
  std::map<int64_t, std::vector<char>> weights;
  for (const ReferenceTensorPtr &input : inputs)
    inputMemory.push_back(input->bytes);
  SmallVector<RankedTensorType> outputTypes;
  for (PortAttr port : program.getOutputs().getAsRange<PortAttr>()) {
    outputTypes.push_back(cast<RankedTensorType>(port.getType().getValue()));
    outputMemory.emplace_back(getStorageBytes(outputTypes.back()), 0);
  }
  llvm::DenseMap<int64_t, DataOp> data;
  for (auto op : program->getParentOfType<ModuleOp>().getOps<DataOp>())
    data[op.getOffset()] = op;

  // The bytes of a buffer; empty if there are none.
  auto getMemory = [&](BufferAttr buffer) -> MutableArrayRef<char> {
    std::vector<char> *whole = nullptr;
    int64_t offset = buffer.getOffset();
    switch (buffer.getSpace()) {
    case MemorySpace::Arena:
      whole = &arena;
      break;
    case MemorySpace::Prepared:
      whole = &prepared;
      break;
    case MemorySpace::Input:
    case MemorySpace::Output: {
      auto &ports =
          buffer.getSpace() == MemorySpace::Input ? inputMemory : outputMemory;
      if (buffer.getIndex() < 0 ||
          buffer.getIndex() >= static_cast<int64_t>(ports.size()))
        return {};
      whole = &ports[buffer.getIndex()];
      break;
    }
    case MemorySpace::Weights: {
      auto [entry, isNew] = weights.try_emplace(offset);
      DataOp op = data.lookup(offset);
      if (isNew && op && isSmall(op.getType())) {
        auto type = cast<RankedTensorType>(op.getType());
        SmallVector<char> scratch;
        FailureOr<ArrayRef<char>> bytes =
            getConstantBytes(op.getValue(), scratch);
        if (succeeded(bytes)) {
          entry->second.resize(getStorageBytes(type), 0);
          store(type, *bytes, entry->second);
        }
      }
      whole = &entry->second;
      offset = 0;
      break;
    }
    }
    if (offset < 0 || buffer.getSize() < 0 ||
        offset + buffer.getSize() > static_cast<int64_t>(whole->size()))
      return {};
    return MutableArrayRef<char>(*whole).slice(offset, buffer.getSize());
  };

  auto runLaunch = [&](LaunchOp launch) -> LogicalResult {
    KernelOp kernel = kernels.lookup(launch.getKernel());
    SmallVector<RankedTensorType> types;
    for (Type type : llvm::concat<const Type>(kernel.getArgumentTypes(),
                                              kernel.getResultTypes()))
      types.push_back(cast<RankedTensorType>(type));
    if (launch.getBuffers().size() != types.size())
      return launch.emitError("has ")
             << launch.getBuffers().size() << " buffers for " << types.size()
             << " arguments and results";
    SmallVector<MutableArrayRef<char>> buffers;
    for (auto [number, type, buffer] :
         llvm::enumerate(types, launch.getBuffers().getAsRange<BufferAttr>())) {
      buffers.push_back(getMemory(buffer));
      if (static_cast<int64_t>(buffers.back().size()) != getStorageBytes(type))
        return launch.emitError("buffer ")
               << number << " has no " << getStorageBytes(type)
               << " bytes of memory";
    }
    size_t numArguments = kernel.getArgumentTypes().size();
    auto overlap = [](ArrayRef<char> lhs, ArrayRef<char> rhs) {
      return lhs.begin() < rhs.end() && rhs.begin() < lhs.end();
    };
    bool isDirect = isa<PadBorderOp>(kernel.getRoot());
    for (ArrayRef<char> result : ArrayRef(buffers).drop_front(numArguments))
      for (ArrayRef<char> argument : ArrayRef(buffers).take_front(numArguments))
        isDirect |= overlap(result, argument);
    if (isDirect) {
      // Reads what it writes, or writes only some elements.
      if (failed(evaluateKernel(kernel.getBody().front(), buffers)))
        return failure();
    } else {
      Tensors operands;
      for (size_t i = 0; i < numArguments; ++i)
        operands.push_back(load(types[i], buffers[i]));
      FailureOr<Tensors> computed = evaluate(launch, operands, kernel);
      if (failed(computed))
        return failure();
      for (auto [number, value] : llvm::enumerate(*computed))
        store(types[numArguments + number], value->bytes,
              buffers[numArguments + number]);
    }
    if (launch->getParentOp() == program && !isa<PadBorderOp>(kernel.getRoot()))
      for (size_t i = numArguments; i < types.size(); ++i)
        visit(launch, i - numArguments, load(types[i], buffers[i]));
    return success();
  };
  for (auto launch : getLaunches(program))
    if (failed(runLaunch(launch)))
      return failure();
  Tensors outputs;
  for (auto [type, memory] : llvm::zip_equal(outputTypes, outputMemory))
    outputs.push_back(load(type, memory));
  return outputs;
}
