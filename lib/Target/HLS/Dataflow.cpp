// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the channels of a program: replays the launches and keeps, for every
// byte of every buffer, who wrote it last.
#include "Dataflow.h"
#include "Expressions.h"

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <map>

using namespace mlir;

namespace qc::hls {

uint64_t getElementBytes(Type element) {
  return element.isIndex() ? 8
                           : std::max(1u, element.getIntOrFloatBitWidth() / 8);
}

namespace {

/// The writer of a range of bytes. `begin` is where the writer's first element
/// would lie: positions in its array count from there.
struct Writer {
  uint64_t end = 0;
  Endpoint producer;
  Type element;
  uint64_t begin = 0;
};

/// Who wrote which bytes of one buffer, by first byte.
class WriterMap {
public:
  void write(uint64_t begin, uint64_t end, const Writer &writer) {
    if (begin == end)
      return;
    split(begin);
    split(end);
    writers.erase(writers.lower_bound(begin), writers.lower_bound(end));
    writers[begin] = writer;
    writers[begin].end = end;
  }

  /// The pieces of a range, without gaps. Fails and says where the gap begins.
  FailureOr<SmallVector<std::pair<uint64_t, Writer>>>
  read(uint64_t begin, uint64_t end, uint64_t &gap) const {
    SmallVector<std::pair<uint64_t, Writer>> pieces;
    auto next = writers.upper_bound(begin);
    if (next != writers.begin())
      --next;
    while (begin < end) {
      gap = begin;
      if (next == writers.end() || next->first > begin ||
          next->second.end <= begin)
        return failure();
      Writer piece = next->second;
      piece.end = std::min(piece.end, end);
      pieces.emplace_back(begin, piece);
      begin = piece.end;
      ++next;
    }
    return pieces;
  }

private:
  /// Makes `position` the boundary of two ranges.
  void split(uint64_t position) {
    auto after = writers.lower_bound(position);
    if (after == writers.begin())
      return;
    auto range = std::prev(after);
    if (range->second.end <= position)
      return;
    Writer upper = range->second;
    range->second.end = position;
    writers[position] = upper;
  }

  std::map<uint64_t, Writer> writers;
};

class DataflowBuilder {
public:
  explicit DataflowBuilder(ProgramOp program) { dataflow.program = program; }
  FailureOr<Dataflow> build();

private:
  LogicalResult addPorts(ArrayAttr ports, StringRef role,
                         std::vector<Port> &result);
  LogicalResult addLaunch(LaunchOp launch);
  LogicalResult connect(Location loc, const Twine &reader, BufferAttr buffer,
                        Type element, uint64_t count, Endpoint consumer);
  FailureOr<unsigned> getConstant(LaunchOp launch, BufferAttr buffer,
                                  Type element, uint64_t count);
  InFlightDiagnostic reject(LaunchOp launch) {
    return launch.emitError() << "node '" << launch.getNode() << "', kernel '"
                              << launch.getKernel() << "': ";
  }

  Dataflow dataflow;
  std::map<std::pair<MemorySpace, int64_t>, WriterMap> memory;
  std::map<std::tuple<int64_t, uint64_t, const void *>, unsigned> constantOf;
};

} // namespace

LogicalResult DataflowBuilder::addPorts(ArrayAttr ports, StringRef role,
                                        std::vector<Port> &result) {
  for (PortAttr port : ports.getAsRange<PortAttr>()) {
    auto type = dyn_cast<RankedTensorType>(port.getType().getValue());
    auto refuse = [&]() {
      return dataflow.program.emitError()
             << role << " '" << port.getName().getValue()
             << "' has no HLS form: ";
    };
    if (!type || !type.hasStaticShape())
      return refuse() << "its type is " << port.getType()
                      << "; accepted are tensors of static shape";
    if (type.getEncoding())
      return refuse() << "it has a layout; accepted is row-major order";
    Type element = getStorageType(type.getElementType());
    if (!isArrayType(MemRefType::get({1}, element), /*isPrivate=*/false))
      return refuse() << "element type " << element << " is not accepted";
    result.push_back({port.getName().getValue().str(), type, element,
                      static_cast<uint64_t>(getStorageCount(type)),
                      port.getExtents()});
  }
  return success();
}

/// Adds the channels through which `consumer` gets `count` elements of
/// `buffer`.
LogicalResult DataflowBuilder::connect(Location loc, const Twine &reader,
                                       BufferAttr buffer, Type element,
                                       uint64_t count, Endpoint consumer) {
  uint64_t size = getElementBytes(element);
  uint64_t begin = buffer.getOffset(), end = begin + count * size, gap = 0;
  auto pieces =
      memory[{buffer.getSpace(), buffer.getIndex()}].read(begin, end, gap);
  if (failed(pieces))
    return emitError(loc) << reader << " reads byte " << gap << " of " << buffer
                          << ", which no earlier launch writes";
  for (auto &[position, writer] : *pieces) {
    uint64_t offset = position - begin, source = position - writer.begin,
             bytes = writer.end - position;
    if (getElementBytes(writer.element) != size)
      return emitError(loc)
             << reader << " reads " << buffer << " as " << element
             << ", which was written as " << writer.element
             << "; accepted are types of the same size";
    if (offset % size || source % size || bytes % size)
      return emitError(loc)
             << reader << " reads parts of elements of " << buffer;
    Channel channel;
    channel.producer = writer.producer;
    channel.producer.first = source / size;
    channel.consumer = consumer;
    channel.consumer.first = offset / size;
    channel.count = bytes / size;
    channel.element = writer.element;
    dataflow.channels.push_back(channel);
  }
  return success();
}

/// The constant that is `count` elements of a part of the weights. Parts of one
/// `qc.data` that are read alike share it.
FailureOr<unsigned> DataflowBuilder::getConstant(LaunchOp launch,
                                                 BufferAttr buffer,
                                                 Type element, uint64_t count) {
  auto [found, isNew] = constantOf.try_emplace(
      {buffer.getOffset(), count, element.getAsOpaquePointer()},
      dataflow.constants.size());
  if (!isNew)
    return found->second;
  int64_t begin = buffer.getOffset(),
          end = begin + static_cast<int64_t>(count * getElementBytes(element));
  auto module = dataflow.program->getParentOfType<ModuleOp>();
  for (DataOp data : module.getOps<DataOp>()) {
    auto type = dyn_cast<RankedTensorType>(data.getType());
    if (!type || begin < data.getOffset() ||
        end > data.getOffset() + getStorageBytes(type))
      continue;
    if (type.getEncoding())
      return reject(launch) << "its constant '" << data.getSymName()
                            << "' has a layout; accepted is row-major order";
    SmallVector<char> scratch;
    FailureOr<ArrayRef<char>> bytes =
        getConstantBytes(data.getValue(), scratch);
    if (failed(bytes) ||
        bytes->size() != static_cast<size_t>(getStorageBytes(type)))
      return reject(launch) << "the data of its constant '" << data.getSymName()
                            << "' cannot be read";
    ArrayRef<char> part = bytes->slice(begin - data.getOffset(), end - begin);
    dataflow.constants.push_back({element, {part.begin(), part.end()}});
    return found->second;
  }
  return reject(launch) << "no qc.data holds " << buffer;
}

LogicalResult DataflowBuilder::addLaunch(LaunchOp launch) {
  auto module = dataflow.program->getParentOfType<ModuleOp>();
  auto kernel = module.lookupSymbol<func::FuncOp>(launch.getKernel());
  if (!kernel)
    return reject(launch) << "the kernel is not a function of loops; accepted "
                             "is the output of qc-lower-kernels";
  Process process;
  process.launch = launch;
  process.kernel = kernel;
  unsigned argumentCount = kernel.getNumArguments();
  auto resultCount = kernel->getAttrOfType<IntegerAttr>("qc.num_results");
  if (!resultCount || resultCount.getInt() < 0 ||
      resultCount.getInt() > argumentCount)
    return reject(launch) << "the kernel has no valid 'qc.num_results'";
  process.resultCount = resultCount.getInt();
  if (launch.getBuffers().size() != argumentCount)
    return reject(launch) << "it has " << launch.getBuffers().size()
                          << " buffers for " << argumentCount << " arguments";

  unsigned index = dataflow.processes.size();
  SmallVector<std::pair<BufferAttr, unsigned>> results;
  for (auto [argument, attribute] : llvm::enumerate(launch.getBuffers())) {
    auto buffer = cast<BufferAttr>(attribute);
    auto memref = cast<MemRefType>(kernel.getArgumentTypes()[argument]);
    Type element = memref.getElementType();
    uint64_t count = memref.getNumElements();
    bool isResult = argument >= argumentCount - process.resultCount;
    process.constants.push_back(-1);
    if (buffer.getOffset() < 0 || buffer.getIndex() < 0 ||
        buffer.getSize() < 0 ||
        count * getElementBytes(element) >
            static_cast<uint64_t>(buffer.getSize()))
      return reject(launch) << "argument " << argument << " of type " << memref
                            << " does not fit " << buffer;
    bool isWritten =
        llvm::any_of(kernel.getArgument(argument).getUsers(),
                     [](Operation *op) { return isa<memref::StoreOp>(op); });
    if (isWritten && !isResult)
      return reject(launch) << "the kernel stores to argument " << argument
                            << ", which is not one of its results";
    if (isResult) {
      if (buffer.getSpace() == MemorySpace::Weights ||
          buffer.getSpace() == MemorySpace::Input)
        return reject(launch) << "result " << buffer << " is not writable";
      results.emplace_back(buffer, argument);
      continue;
    }
    if (buffer.getSpace() == MemorySpace::Weights) {
      FailureOr<unsigned> constant =
          getConstant(launch, buffer, element, count);
      if (failed(constant))
        return failure();
      process.constants.back() = *constant;
      continue;
    }
    if (failed(connect(launch.getLoc(),
                       "argument " + Twine(argument) + " of node '" +
                           launch.getNode() + "'",
                       buffer, element, count,
                       {index, static_cast<unsigned>(argument), 0})))
      return failure();
  }
  // A kernel may write where it reads: its results count from the next launch.
  for (auto [buffer, argument] : results) {
    auto memref = cast<MemRefType>(kernel.getArgumentTypes()[argument]);
    Type element = memref.getElementType();
    uint64_t begin = buffer.getOffset();
    memory[{buffer.getSpace(), buffer.getIndex()}].write(
        begin, begin + memref.getNumElements() * getElementBytes(element),
        {0, {index, argument, 0}, element, begin});
  }
  dataflow.processes.push_back(std::move(process));
  return success();
}

FailureOr<Dataflow> DataflowBuilder::build() {
  ProgramOp program = dataflow.program;
  if (failed(addPorts(program.getInputs(), "input", dataflow.inputs)) ||
      failed(addPorts(program.getOutputs(), "output", dataflow.outputs)))
    return failure();
  for (auto [index, port] : llvm::enumerate(dataflow.inputs))
    memory[{MemorySpace::Input, index}].write(
        0, port.count * getElementBytes(port.element),
        {0,
         {Endpoint::outside, static_cast<unsigned>(index), 0},
         port.element,
         0});
  for (Operation &op : program.getBody().front()) {
    auto launch = dyn_cast<LaunchOp>(op);
    if (!launch)
      return op.emitError() << "'" << op.getName()
                            << "' in a program has no HLS form: processes "
                               "always run; accepted are launches";
    if (failed(addLaunch(launch)))
      return failure();
  }
  MLIRContext *context = program.getContext();
  for (auto [index, port] : llvm::enumerate(dataflow.outputs)) {
    auto buffer = BufferAttr::get(context, MemorySpace::Output, index, 0,
                                  port.count * getElementBytes(port.element));
    if (failed(connect(program.getLoc(), "output '" + Twine(port.name) + "'",
                       buffer, port.element, port.count,
                       {Endpoint::outside, static_cast<unsigned>(index), 0})))
      return failure();
  }
  return std::move(dataflow);
}

FailureOr<Dataflow> Dataflow::get(ProgramOp program) {
  return DataflowBuilder(program).build();
}

} // namespace qc::hls
