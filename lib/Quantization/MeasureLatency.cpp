// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-measure-latency: how long each format of each layer takes on this machine.

#include "MeasuredOn.h"
#include "ModelFunction.h"
#include "Progress.h"
#include "WeightFormats.h"

#include "qc/Analysis/AttributeJSON.h"
#include "qc/Analysis/Executor.h"
#include "qc/Analysis/NodeNames.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"
#include "qc/Quantization/LinearLayer.h"
#include "qc/Quantization/Passes.h"
#include "qc/Quantization/Points.h"
#include "qc/Quantization/SensitivityTable.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"

#include <chrono>

namespace qc {
#define GEN_PASS_DEF_MEASURELATENCY
#include "qc/Quantization/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

struct MeasureLatencyPass : qc::impl::MeasureLatencyBase<MeasureLatencyPass> {
  using MeasureLatencyBase::MeasureLatencyBase;

  void runOnOperation() override;

private:
  LogicalResult measure(SensitivityTable &table);
  LogicalResult save(const SensitivityTable &all);
  FailureOr<double> measureLayer(OpOperand &weights, StringRef type);
  OwningOpRef<ModuleOp> buildLayer(OpOperand &weights, StringRef type);

  std::vector<std::string> types;
  const ExecutorInterface *executor = nullptr;
};

} // namespace

/// Whether all operands but the first are constants.
static bool standsAlone(Operation *op) {
  return llvm::all_of(op->getOperands().drop_front(), [](Value operand) {
    return operand.getDefiningOp<ConstantOp>() != nullptr;
  });
}

/// A module with the layer alone, from codes to codes where it computes on
/// codes, and a plan for its weights.
OwningOpRef<ModuleOp> MeasureLatencyPass::buildLayer(OpOperand &weights,
                                                     StringRef type) {
  Operation *op = weights.getOwner();
  Location loc = op->getLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  (*module)->setDiscardableAttrs(
      getOperation()->getDiscardableAttrDictionary().getValue());
  Type storage = parseStorageType(&getContext(), activations);
  auto codes = type == "f32" ? nullptr : dyn_cast<IntegerType>(storage);
  auto typeOf = [&](Value value) {
    auto tensor = cast<RankedTensorType>(value.getType());
    return codes ? RankedTensorType::get(tensor.getShape(), codes) : tensor;
  };
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  auto function =
      func::FuncOp::create(builder, loc, "layer",
                           builder.getFunctionType(typeOf(op->getOperand(0)),
                                                   typeOf(op->getResult(0))));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  Value input = body->getArgument(0), scale, zero;
  if (codes) {
    // Any scale: codes take as long whatever they stand for.
    scale = buildFloats(builder, loc, 1.0f / 64);
    zero = buildInteger(builder, loc, codes, codes.isSigned() ? 0 : 100);
    input = DequantizeOp::create(builder, loc, input, scale, zero, /*axis=*/0,
                                 /*blockSize=*/0);
  }
  IRMapping mapping;
  mapping.map(op->getOperand(0), input);
  for (Value operand : op->getOperands().drop_front())
    if (!mapping.contains(operand))
      builder.clone(*operand.getDefiningOp(), mapping);
  Operation *layer = builder.clone(*op, mapping);
  Value result = layer->getResult(0);
  if (codes)
    result = QuantizeOp::create(builder, loc, result, scale, zero, /*axis=*/0,
                                /*blockSize=*/0);
  func::ReturnOp::create(builder, loc, result);
  WeightFormatOptions options{symmetric, block, "minmax", "nearest", scales};
  Plan plan;
  plan.nodes[NodeNames(function).getName(layer).str()]
      .inputs[weights.getOperandNumber()] = options.getFormat(weights, type);
  setPlan(*module, plan);
  return module;
}

/// Microseconds of the fastest run within some milliseconds.
static FailureOr<double> measureRun(CompiledFunction &code) {
  using Clock = std::chrono::steady_clock;
  constexpr double leastTotal = 5e3;
  constexpr int leastRuns = 5;
  double least = HUGE_VAL, total = 0;
  // The first one finds nothing in caches.
  for (int run = -1; run < leastRuns || total < leastTotal; ++run) {
    auto start = Clock::now();
    if (failed(code.run()))
      return failure();
    double time =
        std::chrono::duration<double, std::micro>(Clock::now() - start).count();
    if (run < 0)
      continue;
    least = std::min(least, time);
    total += time;
  }
  return least;
}

FailureOr<double> MeasureLatencyPass::measureLayer(OpOperand &weights,
                                                   StringRef type) {
  OwningOpRef<ModuleOp> module = buildLayer(weights, type);
  PassManager manager(&getContext(), ModuleOp::getOperationName());
  manager.addPass(createQuantize(QuantizeOptions()));
  if (failed(manager.run(*module)))
    return failure();
  FailureOr<std::unique_ptr<CompiledFunction>> code =
      executor->compile(*module->getOps<func::FuncOp>().begin(),
                        ResultOrder::AsComputed, /*threads=*/1);
  if (failed(code))
    return failure();
  for (size_t i = 0; i < (*code)->getNumInputs(); ++i)
    llvm::fill((*code)->getInput(i), 0);
  return measureRun(**code);
}

LogicalResult MeasureLatencyPass::measure(SensitivityTable &table) {
  ModuleOp module = getOperation();
  types.assign(formats.begin(), formats.end());
  if (failed(checkCandidates(module, getArgument(), "formats", types)))
    return failure();
  if (!parseStorageType(&getContext(), activations))
    return module.emitError() << getArgument() << ": bad activations '"
                              << activations << "'; accepted: f32, si2 to "
                              << "si16, ui2 to ui16, f8E4M3FN, f8E5M2";
  FailureOr<func::FuncOp> function = getFloatFunction(module, getArgument());
  if (failed(function) || !(executor = getExecutor(*function)))
    return failure();
  NodeNames names(*function);
  QuantizationPoints points = QuantizationPoints::find(*function);
  Progress display("measuring layers", points.weights.size() * types.size(),
                   progress);
  size_t done = 0;
  for (OpOperand *operand : points.weights) {
    Operation *op = operand->getOwner();
    if (!LinearLayer::get(op) || !standsAlone(op))
      continue;
    NodeSensitivity &node = table.nodes[names.getName(op).str()];
    if (node.by.empty() && node.formats.empty())
      node.by = getArgument().str();
    for (const std::string &type : types) {
      std::map<std::string, double> &metrics = node.formats[type].metrics;
      if (!metrics.count("latency")) {
        FailureOr<double> latency = measureLayer(*operand, type);
        if (failed(latency))
          return failure();
        metrics["latency"] = *latency;
        ++numMeasured;
      }
      display.advance(++done);
    }
  }
  return success();
}

LogicalResult MeasureLatencyPass::save(const SensitivityTable &all) {
  Location loc = getOperation().getLoc();
  llvm::json::Object entries = all.toJSON();
  // What qc-sensitivity says of its numbers stays.
  if (llvm::sys::fs::exists(table)) {
    FailureOr<llvm::json::Object> saved = readJSONObject(loc, table);
    MeasuredOn measuredOn;
    if (failed(saved) || failed(measuredOn.load(loc, table, *saved)))
      return failure();
    measuredOn.addTo(entries);
  }
  return writeJSON(loc, table, std::move(entries));
}

void MeasureLatencyPass::runOnOperation() {
  ModuleOp module = getOperation();
  TableOp op = getTable(module, sensitivityName);
  FailureOr<SensitivityTable> parsed =
      op ? SensitivityTable::get(op) : SensitivityTable();
  if (failed(parsed) || failed(measure(*parsed)))
    return signalPassFailure();
  setTable(module, sensitivityName, parsed->toJSON());
  if (!table.empty() && failed(save(*parsed)))
    return signalPassFailure();
}
