// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What analyses hand to an executor: functions cut out of a model.

#include "qc/Analysis/Executor.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace qc;

const ExecutorInterface *qc::getExecutor(Operation *op) {
  auto *dialect = op->getContext()->getLoadedDialect<QCDialect>();
  auto *executor =
      dialect ? dialect->getRegisteredInterface<ExecutorInterface>() : nullptr;
  if (!executor)
    op->emitError("needs to run code, but this program registered no executor "
                  "(qc::registerExecution)");
  return executor;
}

LogicalResult CompiledFunction::runOn(ArrayRef<ArrayRef<char>> values) {
  for (auto [input, value] : llvm::zip_equal(inputs, values))
    llvm::copy(value, input.begin());
  return run();
}

FailureOr<SmallVector<std::unique_ptr<CompiledFunction>>>
ExecutorInterface::compileForMany(func::FuncOp function, size_t count) const {
  SmallVector<std::unique_ptr<CompiledFunction>> copies;
  FailureOr<std::unique_ptr<CompiledFunction>> code =
      compile(function, ResultOrder::RowMajor, /*threads=*/1);
  while (true) {
    if (failed(code))
      return failure();
    copies.push_back(std::move(*code));
    if (copies.size() >= count)
      return copies;
    code = copies.front()->duplicate();
  }
}

OwningOpRef<ModuleOp> qc::extractFunction(ArrayRef<Value> arguments,
                                          ArrayRef<Value> results) {
  Block *block = Value(results.front()).getParentBlock();
  Operation *parent = block->getParentOp();
  llvm::SmallDenseSet<Value> known(arguments.begin(), arguments.end());
  // What the results depend on, and the last of it.
  llvm::DenseSet<Operation *> needed;
  SmallVector<Value> worklist(results);
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    Operation *op = value.getDefiningOp();
    if (known.contains(value) || !op || !needed.insert(op).second)
      continue;
    llvm::append_range(worklist, op->getOperands());
  }

  Location loc = parent->getLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  if (auto outer = parent->getParentOfType<ModuleOp>())
    (*module)->setDiscardableAttrs(
        outer->getDiscardableAttrDictionary().getValue());
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  auto function = func::FuncOp::create(
      builder, loc, "main",
      builder.getFunctionType(ValueRange(arguments).getTypes(),
                              ValueRange(results).getTypes()));
  for (unsigned i = 0; i < arguments.size(); ++i)
    function.setArgAttr(i, "qc.name", builder.getStringAttr("i" + Twine(i)));
  for (unsigned i = 0; i < results.size(); ++i)
    function.setResultAttr(i, "qc.name", builder.getStringAttr("o" + Twine(i)));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  IRMapping mapping;
  mapping.map(arguments, body->getArguments());
  for (Operation &op : *block)
    if (needed.contains(&op))
      builder.clone(op, mapping);
  SmallVector<Value> mapped;
  for (Value result : results)
    mapped.push_back(mapping.lookup(result));
  func::ReturnOp::create(builder, loc, mapped);
  return module;
}
