// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the module before and after each pass and compares: see
// VerifyNumerics.h.

#include "qc/Verification/VerifyNumerics.h"

#include "qc/Analysis/Metrics.h"
#include "qc/Analysis/NodeResults.h"
#include "qc/Analysis/ReferenceRun.h"
#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Quantization/SampleSet.h"
#include "qc/Support/Names.h"
#include "qc/Verification/PassNumerics.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/WithColor.h"

#include <cmath>

using namespace mlir;
using namespace qc;

namespace {

/// What one sample makes of a module.
struct Snapshot {
  /// Results of each node, and the outputs.
  std::map<NodeResult, ReferenceTensors, decltype(&isBefore)> nodes{isBefore};
  ReferenceTensors outputs;
};

/// What is known before a pass runs.
struct Before {
  SmallVector<Snapshot, 1> samples;
  /// Whether the module asks the pass for an approximation.
  bool asksForApproximation = false;
};

/// How two tensors of one type differ.
struct Difference {
  int64_t count = 0, index = 0;
  double before = 0, after = 0, largest = 0;
  double signal = 0, noise = 0, magnitude = 0;
  /// A number became NaN or infinite.
  bool becameInfinite = false;
};

class VerifyNumerics : public PassInstrumentation {
public:
  VerifyNumerics(VerifyNumericsOptions options, bool &failed)
      : options(std::move(options)), failed(failed) {}

  void runBeforePass(Pass *pass, Operation *op) override;
  void runAfterPass(Pass *pass, Operation *op) override;
  void runAfterPassFailed(Pass *pass, Operation *) override {
    if (!isAdaptor(pass) && !pending.empty())
      pending.pop_back();
  }

private:
  /// Passes on ops inside the module are verified one by one; what runs them is
  /// not a pass of its own.
  static bool isAdaptor(Pass *pass) {
    return pass->getName().ends_with("OpToOpPassAdaptor");
  }
  void end(bool withError) {
    ended = true;
    failed |= withError;
    pending.clear();
  }
  LogicalResult begin(ModuleOp module);
  Operation *findRoot(ModuleOp module);
  void compare(Pass *pass, Operation *root, const PassNumerics &numerics);

  VerifyNumericsOptions options;
  bool &failed;
  bool began = false, ended = false;
  /// The function's name.
  std::string name;
  SmallVector<ReferenceTensors, 1> samples;
  /// One memory per sample.
  std::vector<ReferenceRun> runs;
  /// Before the passes that are running: passes may run passes.
  SmallVector<Before, 1> pending;
};

ModuleOp getModule(Operation *op) {
  auto module = dyn_cast<ModuleOp>(op);
  return module ? module : op->getParentOfType<ModuleOp>();
}

} // namespace

Operation *VerifyNumerics::findRoot(ModuleOp module) {
  for (Operation &op : *module.getBody()) {
    if (!isa<func::FuncOp, ProgramOp>(op))
      continue;
    if (name.empty() || SymbolTable::getSymbolName(&op) == name)
      return &op;
  }
  return nullptr;
}

/// Finds the function and reads the samples.
LogicalResult VerifyNumerics::begin(ModuleOp module) {
  began = true;
  Operation *root = findRoot(module);
  auto function = dyn_cast_or_null<func::FuncOp>(root);
  if (!function || function.isExternal())
    return module.emitError("qc-verify-numerics needs a module with a function "
                            "of the graph, QDQ, integer or kernel level");
  if (auto obstacle = ReferenceRun::findObstacle(function))
    return obstacle->op->emitError("qc-verify-numerics cannot run the module: ")
           << obstacle->op->getName() << " " << obstacle->reason;
  name = function.getSymName().str();
  FailureOr<SampleSet> set =
      SampleSet::open(function, options.inputs, options.limit);
  if (mlir::failed(set))
    return failure();
  if (mlir::failed(set->forEach([&](size_t, SampleSet::Inputs inputs) {
        ReferenceTensors sample;
        for (auto [type, bytes] :
             llvm::zip_equal(function.getArgumentTypes(), inputs))
          sample.push_back(std::make_shared<ReferenceTensor>(
              cast<RankedTensorType>(type),
              std::vector<char>(bytes.begin(), bytes.end())));
        samples.push_back(std::move(sample));
        return success();
      })))
    return failure();
  runs.resize(samples.size());
  return success();
}

static Block &getBody(Operation *root) { return root->getRegion(0).front(); }

void VerifyNumerics::runBeforePass(Pass *pass, Operation *op) {
  ModuleOp module = getModule(op);
  if (ended || !module || isAdaptor(pass))
    return;
  if (!began && mlir::failed(begin(module)))
    return end(/*withError=*/true);
  Operation *root = findRoot(module);
  if (!root)
    return end(/*withError=*/false);
  Before &before = pending.emplace_back();
  std::optional<PassNumerics> numerics = getPassNumerics(pass->getArgument());
  if (numerics && !numerics->approximateAttribute.empty())
    root->walk([&](Operation *op) {
      before.asksForApproximation |=
          op->hasAttr(numerics->approximateAttribute);
    });
  NodeResults nodes(getBody(root));
  for (auto [run, sample] : llvm::zip_equal(runs, samples)) {
    Snapshot &snapshot = before.samples.emplace_back();
    FailureOr<ReferenceTensors> outputs = run.run(
        root, sample, [&](Operation *op, unsigned, ReferenceTensorPtr value) {
          if (const NodeResult *node = nodes.getNode(op))
            snapshot.nodes[*node].push_back(value);
          return value;
        });
    if (mlir::failed(outputs))
      return end(/*withError=*/true);
    snapshot.outputs = std::move(*outputs);
  }
}

void VerifyNumerics::runAfterPass(Pass *pass, Operation *op) {
  if (ended || isAdaptor(pass) || pending.empty())
    return;
  ModuleOp module = getModule(op);
  Operation *root = findRoot(module);
  auto obstacle = root ? ReferenceRun::findObstacle(root)
                       : ReferenceRun::Obstacle{module, "has no function"};
  if (obstacle) {
    obstacle->op->emitRemark("qc-verify-numerics ends before '")
        << pass->getArgument() << "', after which " << obstacle->op->getName()
        << " " << obstacle->reason;
    return end(/*withError=*/false);
  }
  std::optional<PassNumerics> numerics = getPassNumerics(pass->getArgument());
  if (!numerics) {
    op->emitError("qc-verify-numerics: pass '")
        << pass->getArgument()
        << "' does not declare how far it moves numbers "
           "(lib/Verification/PassNumerics.cpp)";
    return end(/*withError=*/true);
  }
  if (pending.back().asksForApproximation) {
    numerics->kind = PassNumerics::Kind::Approximate;
    numerics->minimumSQNR.reset();
  }
  compare(pass, root, *numerics);
}

static Difference getDifference(const ReferenceTensor &before,
                                const ReferenceTensor &after) {
  Difference difference;
  SmallVector<double> lhs = getNumbers(before.type, before.bytes),
                      rhs = getNumbers(after.type, after.bytes);
  for (auto [index, numbers] : llvm::enumerate(llvm::zip_equal(lhs, rhs))) {
    auto [l, r] = numbers;
    if (std::isfinite(l)) {
      difference.signal += l * l;
      difference.magnitude = std::max(difference.magnitude, std::fabs(l));
    }
    if (l == r || (std::isnan(l) && std::isnan(r)))
      continue;
    bool isFinite = std::isfinite(l) && std::isfinite(r);
    difference.becameInfinite |= !isFinite;
    double distance =
        isFinite ? std::fabs(l - r) : std::numeric_limits<double>::infinity();
    difference.noise += distance * distance;
    if (difference.count++ == 0 || distance > difference.largest) {
      difference.index = index;
      difference.before = l;
      difference.after = r;
      difference.largest = distance;
    }
  }
  return difference;
}

/// Whether a pass that declares `numerics` may move a tensor so far.
static bool isWithin(const Difference &difference, Type element,
                     const PassNumerics &numerics) {
  if (difference.count == 0)
    return true;
  if (difference.becameInfinite)
    return false;
  if (numerics.kind == PassNumerics::Kind::Approximate)
    return !numerics.minimumSQNR ||
           getDecibels(difference.signal, difference.noise) >=
               *numerics.minimumSQNR;
  if (isa<FloatType>(element))
    return difference.largest <= numerics.tolerance * difference.magnitude;
  return numerics.kind == PassNumerics::Kind::OneStep &&
         difference.largest <= 1;
}

/// "[0, 3, 1]": where in the tensor.
static std::string describeIndex(RankedTensorType type, int64_t number) {
  SmallVector<int64_t> index(type.getRank());
  for (int64_t dim = type.getRank(); dim-- > 0;) {
    index[dim] = number % type.getDimSize(dim);
    number /= type.getDimSize(dim);
  }
  std::string text = "[";
  llvm::raw_string_ostream stream(text);
  llvm::interleaveComma(index, stream);
  return text + "]";
}

void VerifyNumerics::compare(Pass *pass, Operation *root,
                             const PassNumerics &numerics) {
  SmallVector<Snapshot, 1> snapshots = pending.pop_back_val().samples;
  NodeResults nodes(getBody(root));
  for (auto [number, run] : llvm::enumerate(runs)) {
    Snapshot &before = snapshots[number];
    // One error: the first node in the order of the graph.
    auto check = [&](Operation *op, const Twine &what,
                     const ReferenceTensorPtr &old,
                     const ReferenceTensorPtr &value) {
      if (old->type != value->type || old->hash == value->hash)
        return value;
      Difference difference = getDifference(*old, *value);
      if (isWithin(difference, old->type.getElementType(), numerics))
        // Approximate passes may move every node more than the one before it.
        return numerics.kind == PassNumerics::Kind::Approximate ? value : old;
      if (ended)
        return value;
      InFlightDiagnostic error =
          op->emitError("qc-verify-numerics: pass '")
          << pass->getArgument() << "' moved " << what
          << " more than it declares (" << getName(numerics.kind)
          << "): " << difference.count << " of " << old->type.getNumElements()
          << " elements of sample " << number << " differ, most at "
          << describeIndex(old->type, difference.index) << ", where "
          << std::to_string(difference.before) << " became "
          << std::to_string(difference.after);
      if (numerics.kind == PassNumerics::Kind::Approximate)
        error << "; SQNR "
              << std::to_string(
                     getDecibels(difference.signal, difference.noise))
              << " dB";
      end(/*withError=*/true);
      return value;
    };
    FailureOr<ReferenceTensors> outputs = run.run(
        root, samples[number],
        [&](Operation *op, unsigned result, ReferenceTensorPtr value) {
          const NodeResult *node = nodes.getNode(op);
          if (!node)
            return value;
          auto found = before.nodes.find(*node);
          if (found == before.nodes.end() || result >= found->second.size())
            return value;
          // Where an op stands for several nodes, one of them is wrong.
          std::string all = getNodeName(op->getLoc());
          std::string what = "node '" + node->first + "'";
          if (!all.empty() && all != node->first)
            what += " of '" + all + "'";
          return check(op, what, found->second[result], value);
        });
    if (mlir::failed(outputs)) {
      root->emitError("qc-verify-numerics: the module cannot run after pass '")
          << pass->getArgument() << "'";
      return end(/*withError=*/true);
    }
    if (outputs->size() != before.outputs.size()) {
      root->emitError("qc-verify-numerics: pass '")
          << pass->getArgument() << "' changed the number of outputs";
      return end(/*withError=*/true);
    }
    for (auto [output, old] : llvm::enumerate(before.outputs)) {
      const ReferenceTensorPtr &value = (*outputs)[output];
      if (old->type == value->type) {
        check(root, "output " + Twine(output), old, value);
        continue;
      }
      if (!ended)
        root->emitError("qc-verify-numerics: pass '")
            << pass->getArgument() << "' made output " << output << ", a "
            << old->type << ", a " << value->type;
      end(/*withError=*/true);
    }
    if (ended)
      return;
  }
}

std::unique_ptr<PassInstrumentation>
qc::createVerifyNumerics(VerifyNumericsOptions options, bool &failed) {
  return std::make_unique<VerifyNumerics>(std::move(options), failed);
}

//===----------------------------------------------------------------------===//
// Command line
//===----------------------------------------------------------------------===//

VerifyNumericsCommandLine::VerifyNumericsCommandLine(
    llvm::cl::OptionCategory &category)
    : text("qc-verify-numerics",
           llvm::cl::desc("Run the module on sample inputs before and after "
                          "each pass and name the first pass and node that "
                          "moves more than it should; slow, for small models"),
           llvm::cl::value_desc("inputs=PATH[,limit=N]"),
           llvm::cl::cat(category)) {}

LogicalResult VerifyNumericsCommandLine::attach(PassManager &manager) {
  if (text.getNumOccurrences() == 0)
    return success();
  VerifyNumericsOptions options;
  SmallVector<StringRef> parts;
  StringRef(text.getValue()).split(parts, ',');
  bool isValid = true;
  for (StringRef part : parts) {
    if (part.consume_front("inputs=")) {
      options.inputs = part.str();
      continue;
    }
    isValid &= part.consume_front("limit=") &&
               !part.getAsInteger(10, options.limit) && options.limit > 0;
  }
  if (!isValid || options.inputs.empty()) {
    llvm::WithColor::error() << "--qc-verify-numerics=" << text
                             << ": expected inputs=PATH[,limit=N], N at least "
                                "1\n";
    return failure();
  }
  // Passes on functions take turns; what is reported is then the first.
  manager.getContext()->disableMultithreading();
  manager.addInstrumentation(createVerifyNumerics(std::move(options), failed));
  return success();
}
