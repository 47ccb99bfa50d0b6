// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-calibrate: statistics of every value on sample inputs.

#include "Interrupt.h"
#include "MeasuredOn.h"
#include "ModelFunction.h"
#include "Progress.h"
#include "Statistics.h"

#include "qc/Analysis/AttributeJSON.h"
#include "qc/Analysis/Executor.h"
#include "qc/Analysis/NodeNames.h"
#include "qc/Quantization/Passes.h"
#include "qc/Quantization/SampleSet.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Threading.h"
#include "llvm/Support/FileSystem.h"

namespace qc {
#define GEN_PASS_DEF_CALIBRATE
#include "qc/Quantization/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// A value and, once it is known how its samples come, what is known of it.
struct Observed {
  Value value;
  std::string name;
  std::optional<ValueObserver> observer;
  /// Samples that were run now and have elements that no statistics count.
  size_t numNotFinite = 0;
};

class CalibratePass : public qc::impl::CalibrateBase<CalibratePass> {
public:
  using CalibrateBase::CalibrateBase;

private:
  void runOnOperation() override;
  LogicalResult loadTable(llvm::json::Object &entries);
  LogicalResult observe(func::FuncOp function, llvm::json::Object &entries);

  /// What `table` is of.
  MeasuredOn measuredOn;
};

} // namespace

/// Values whose statistics serve: f32 tensors that are computed.
static SmallVector<Observed, 0> getValues(func::FuncOp function) {
  NodeNames names(function);
  SmallVector<Observed, 0> values;
  auto add = [&](Value value) {
    if (isObserved(value))
      values.push_back({value, names.getName(value), std::nullopt});
  };
  for (Value argument : function.getArguments())
    add(argument);
  for (Operation &op : function.getBody().front().without_terminator())
    if (!isa<ConstantOp>(op))
      for (Value result : op.getResults())
        add(result);
  return values;
}

/// Warns of numbers that are not finite, at the first value that has them:
/// others follow from it. Infinities within a model may be meant (masks); those
/// that a layer reads are not.
static void warnOfNotFinite(func::FuncOp function, ArrayRef<Observed> values,
                            size_t numSamples) {
  auto isWrong = [](const Observed &observed) {
    return observed.numNotFinite &&
           (observed.observer->getStatistics().nans ||
            isa<BlockArgument>(observed.value) ||
            llvm::any_of(observed.value.getUsers(),
                         llvm::IsaPred<ConvOp, MatMulOp>));
  };
  const Observed *first = llvm::find_if(values, isWrong);
  if (first == values.end())
    return;
  InFlightDiagnostic warning =
      function.emitWarning()
      << "'" << first->name << "' has numbers that are not finite in "
      << first->numNotFinite << " of " << numSamples << " samples";
  if (size_t others = llvm::count_if(values, isWrong) - 1)
    warning << ", and so have " << others << " other values";
  warning << "; statistics leave them out";
}

LogicalResult CalibratePass::loadTable(llvm::json::Object &entries) {
  if (table.empty() || !llvm::sys::fs::exists(table))
    return success();
  FailureOr<llvm::json::Object> saved =
      readJSONObject(getOperation().getLoc(), table);
  if (failed(saved))
    return failure();
  entries = std::move(*saved);
  return measuredOn.load(getOperation().getLoc(), table, entries);
}

LogicalResult CalibratePass::observe(func::FuncOp function,
                                     llvm::json::Object &entries) {
  const ExecutorInterface *executor = getExecutor(function);
  if (!executor)
    return failure();
  SmallVector<Observed, 0> values = getValues(function);
  if (values.empty())
    return function.emitError("computes no f32 value: nothing to calibrate");
  FailureOr<SampleSet> samples = SampleSet::open(function, inputs, limit);
  if (failed(samples) || failed(measuredOn.check(function, table, &*samples)))
    return failure();

  SmallVector<Value> arguments(function.getArguments()), results;
  for (Observed &observed : values)
    results.push_back(observed.value);
  OwningOpRef<ModuleOp> probes = extractFunction(arguments, results);
  FailureOr<std::unique_ptr<CompiledFunction>> code = executor->compile(
      *probes->getOps<func::FuncOp>().begin(), ResultOrder::AsComputed);
  if (failed(code))
    return failure();
  auto start = [&] {
    for (auto [i, observed] : llvm::enumerate(values))
      observed.observer =
          makeObserver(observed.value, (*code)->isChannelsLast(i));
  };
  start();

  // Go on where a saved table stopped.
  size_t done = SIZE_MAX;
  for (Observed &observed : values) {
    const llvm::json::Object *entry = entries.getObject(observed.name);
    if (!entry) {
      done = 0;
      continue;
    }
    llvm::Expected<ValueStatistics> saved = ValueStatistics::fromJSON(*entry);
    if (!saved)
      return function.emitError()
             << "'" << table << "': entry '" << observed.name
             << "': " << llvm::toString(saved.takeError());
    size_t channels = observed.observer->getStatistics().channels.size();
    if (saved->channels.size() != channels)
      return function.emitError()
             << "'" << table << "': entry '" << observed.name << "' has "
             << saved->channels.size() << " channels, the value " << channels
             << "; the table belongs to another model";
    done = std::min<size_t>(done, saved->samples);
    observed.observer->resume(std::move(*saved));
  }
  if (llvm::any_of(values, [&](Observed &observed) {
        return observed.observer->getStatistics().samples != done;
      })) {
    // Of other values or uneven: of no use.
    done = 0;
    start();
  }

  size_t numRun = 0;
  InterruptScope interrupt;
  Progress display("calibrating", samples->size(), progress);
  LogicalResult result =
      samples->forEach([&](size_t index, SampleSet::Inputs inputs) {
        if (interrupt.isInterrupted())
          return failure();
        if (index < done)
          return success();
        if (failed((*code)->runOn(inputs)))
          return failure();
        parallelFor(&getContext(), 0, values.size(), [&](size_t i) {
          Observed &observed = values[i];
          auto count = [&] {
            const ValueStatistics &known = observed.observer->getStatistics();
            return known.nans + known.infinities;
          };
          uint64_t before = count();
          observed.observer->observe(toFloats((*code)->getOutput(i)));
          observed.numNotFinite += count() != before;
        });
        ++numRun;
        display.advance(index + 1);
        return success();
      });
  numSamples += numRun;
  if (failed(result) && !interrupt.isInterrupted())
    return failure();
  warnOfNotFinite(function, values, numRun);
  for (Observed &observed : values)
    entries[observed.name] = observed.observer->getStatistics().toJSON();
  numValues += values.size();
  if (!table.empty()) {
    llvm::json::Object file(entries);
    measuredOn.addTo(file);
    if (failed(writeJSON(function.getLoc(), table, std::move(file))))
      return failure();
  }
  if (interrupt.isInterrupted())
    return function.emitError("calibration was interrupted")
           << (table.empty() ? "" : "; the table can be gone on from");
  return success();
}

void CalibratePass::runOnOperation() {
  ModuleOp module = getOperation();
  if (inputs.empty() && table.empty()) {
    module.emitError("qc-calibrate needs inputs=PATH, table=FILE or both");
    return signalPassFailure();
  }
  llvm::json::Object entries;
  measuredOn = {};
  FailureOr<func::FuncOp> function = getModelFunction(module, getArgument());
  if (failed(function) || failed(loadTable(entries)) ||
      failed(inputs.empty() ? measuredOn.check(*function, table, nullptr)
                            : observe(*function, entries)))
    return signalPassFailure();
  setTable(module, statisticsName, entries);
}
