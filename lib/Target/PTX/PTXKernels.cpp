// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles kernels to PTX text through LLVM's NVPTX back end.
//
// LLVM ends the process on code that it cannot select, so everything that
// reaches it is checked before: operations, types and names.

#include "PTXKernels.h"

#include "qc/Conversion/Passes.h"
#include "qc/Target/Common/CodeGen.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;
using namespace qc;

/// GPUs that PTX 8.0 describes and that have every instruction in use
/// (conversions to bf16 and max.NaN came with sm_80).
static constexpr StringLiteral archs[] = {"sm_80", "sm_86", "sm_87",
                                          "sm_89", "sm_90", "sm_90a"};
static constexpr StringLiteral features = "+ptx80";

/// Whether `name` is a PTX identifier that LLVM prints as it is.
static bool isIdentifier(StringRef name) {
  auto isInner = [](char c) {
    return llvm::isAlnum(c) || c == '_' || c == '$';
  };
  return !name.empty() && llvm::all_of(name, isInner) &&
         (llvm::isAlpha(name[0]) || (name[0] == '_' && name.size() > 1));
}

static bool isSupported(Type type) {
  if (auto memref = dyn_cast<MemRefType>(type))
    return memref.getRank() == 1 && memref.hasStaticShape() &&
           isSupported(memref.getElementType()) &&
           !isa<IndexType>(memref.getElementType());
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getRank() == 1 && !vector.isScalable() &&
           isSupported(vector.getElementType());
  if (auto integer = dyn_cast<IntegerType>(type))
    return integer.isSignless() &&
           llvm::is_contained({1u, 8u, 16u, 32u, 64u}, integer.getWidth());
  return type.isIndex() || type.isF16() || type.isBF16() || type.isF32() ||
         type.isF64();
}

/// Whether LLVM's NVPTX back end has exact code for `op`.
static bool isSupported(Operation *op) {
  if (isa<math::MathDialect>(op->getDialect()))
    return isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp,
               math::CountLeadingZerosOp, math::CountTrailingZerosOp,
               math::CtPopOp, math::FloorOp, math::FmaOp, math::IsFiniteOp,
               math::IsInfOp, math::IsNaNOp, math::IsNormalOp,
               math::RoundEvenOp, math::SqrtOp, math::TruncOp>(op);
  // The back end's frem is not exact.
  return !isa<arith::RemFOp>(op);
}

static LogicalResult checkKernel(func::FuncOp function) {
  if (!isIdentifier(function.getSymName()))
    return function.emitError("kernel '")
           << function.getSymName()
           << "' cannot be an entry of PTX; accepted are names of letters, "
              "digits, '_' and '$' that begin with a letter";
  auto report = [&](Operation *op, const Twine &what) {
    op->emitError("kernel '")
        << function.getSymName() << "' uses " << what << ", which has no PTX "
        << "form; accepted are i1, i8 to i64, f16, bf16, f32, f64, flat static "
           "memory of them, arith without remf and elementary math";
    return WalkResult::interrupt();
  };
  return failure(function
                     .walk([&](Operation *op) -> WalkResult {
                       if (!isSupported(op))
                         return report(op, "'" + op->getName().getStringRef() +
                                               "'");
                       SmallVector<Type> types(op->getOperandTypes());
                       llvm::append_range(types, op->getResultTypes());
                       for (Region &region : op->getRegions())
                         llvm::append_range(types, region.getArgumentTypes());
                       for (Type type : types)
                         if (!isSupported(type)) {
                           std::string text;
                           llvm::raw_string_ostream(text) << type;
                           return report(op, "type '" + text + "'");
                         }
                       return WalkResult::advance();
                     })
                     .wasInterrupted());
}

/// Whether two launch arguments share bytes.
static bool isOverlapping(BufferAttr lhs, BufferAttr rhs) {
  return lhs.getSpace() == rhs.getSpace() && lhs.getIndex() == rhs.getIndex() &&
         lhs.getOffset() < rhs.getOffset() + rhs.getSize() &&
         rhs.getOffset() < lhs.getOffset() + lhs.getSize();
}

namespace {

/// What the module's launches say of one kernel.
struct KernelUses {
  /// The first launch: its node is where errors are reported.
  LaunchOp first;
  /// Parameters that share memory with a result, or all if there is no launch.
  llvm::SmallDenseSet<size_t> aliased;
};

} // namespace

static llvm::StringMap<KernelUses> getUses(ModuleOp module) {
  llvm::StringMap<KernelUses> uses;
  module.walk([&](LaunchOp launch) {
    KernelUses &use = uses[launch.getKernel()];
    if (!use.first)
      use.first = launch;
    auto kernel = module.lookupSymbol<KernelOp>(launch.getKernel());
    size_t inputs = kernel ? kernel.getArgumentTypes().size() : 0;
    auto buffers =
        llvm::to_vector(launch.getBuffers().getAsRange<BufferAttr>());
    for (size_t written = inputs; written < buffers.size(); ++written)
      for (size_t other = 0; other < buffers.size(); ++other)
        if (other != written && isOverlapping(buffers[other], buffers[written]))
          use.aliased.insert_range(
              std::initializer_list<size_t>{other, written});
  });
  return uses;
}

/// Makes `kernel` an entry and tells LLVM what launches guarantee: inputs that
/// no result overlaps are read through the read-only cache (ld.global.nc).
static void annotateEntry(llvm::Function &kernel, const KernelInfo &info,
                          const KernelUses &uses) {
  kernel.setCallingConv(llvm::CallingConv::PTX_Kernel);
  size_t inputs = info.parameterBytes.size() - info.numResults;
  for (llvm::Argument &argument : kernel.args()) {
    if (argument.getArgNo() < inputs)
      argument.addAttr(llvm::Attribute::ReadOnly);
    if (uses.first && !uses.aliased.contains(argument.getArgNo()))
      argument.addAttr(llvm::Attribute::NoAlias);
  }
}

FailureOr<PTXKernels> qc::compilePTXKernels(ModuleOp module,
                                            const PTXOptions &options) {
  if (!llvm::is_contained(archs, options.arch))
    return module.emitError("unknown GPU '")
           << options.arch << "'; accepted are "
           << llvm::join(ArrayRef<StringLiteral>(archs), ", ");
  if (options.threads < 1)
    return module.emitError("a GPU of ")
           << options.threads << " threads; accepted are numbers from 1";
  MLIRContext *context = module.getContext();
  registerBuiltinDialectTranslation(*context);
  registerLLVMDialectTranslation(*context);
  registerNVVMDialectTranslation(*context);

  llvm::StringMap<KernelUses> uses = getUses(module);
  OwningOpRef<ModuleOp> lowered = ModuleOp::create(module.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(lowered->getBody());
  for (KernelOp kernel : module.getOps<KernelOp>()) {
    Operation *copy = builder.clone(*kernel);
    // Kernels are shared between nodes and have no location of their own.
    if (LaunchOp launch = uses.lookup(kernel.getSymName()).first)
      copy->walk([&](Operation *op) { op->setLoc(launch.getLoc()); });
  }
  PTXKernels result;
  PassManager threads(context, ModuleOp::getOperationName());
  buildPTXThreadPipeline(threads, options);
  if (failed(threads.run(*lowered)))
    return failure();
  for (auto function : lowered->getOps<func::FuncOp>()) {
    if (failed(checkKernel(function)))
      return failure();
    result.kernels.push_back(getKernelInfo(function));
  }
  PassManager lowering(context, ModuleOp::getOperationName());
  buildLLVMLoweringPipeline(lowering);
  if (failed(lowering.run(*lowered)))
    return failure();

  LLVMInitializeNVPTXTargetInfo();
  LLVMInitializeNVPTXTarget();
  LLVMInitializeNVPTXTargetMC();
  LLVMInitializeNVPTXAsmPrinter();
  std::unique_ptr<llvm::TargetMachine> machine =
      createTargetMachine("nvptx64-nvidia-cuda", options.arch, features);
  if (!machine)
    return module.emitError("LLVM has no NVPTX target");
  llvm::LLVMContext llvmContext;
  CodeGenErrors errors(llvmContext, module.getLoc());
  std::unique_ptr<llvm::Module> code =
      translateModuleToLLVMIR(*lowered, llvmContext, "kernels");
  if (!code)
    return module.emitError("kernels do not translate to LLVM IR");
  code->setTargetTriple(machine->getTargetTriple());
  code->setDataLayout(machine->createDataLayout());
  for (const KernelInfo &kernel : result.kernels)
    annotateEntry(*code->getFunction(kernel.name), kernel,
                  uses.lookup(kernel.name));
  optimizeCode(*code, *machine, /*vectorize=*/false);
  SmallVector<char> text;
  llvm::raw_svector_ostream stream(text);
  if (failed(emitCode(*code, *machine, stream,
                      llvm::CodeGenFileType::AssemblyFile)))
    return module.emitError("LLVM cannot emit PTX text");
  if (errors.hasErrors())
    return failure();
  result.text.assign(text.begin(), text.end());
  return result;
}
