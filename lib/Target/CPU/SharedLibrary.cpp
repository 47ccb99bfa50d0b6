// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles a program's kernels for each form and links one shared library that
// imports nothing. Every kernel is a module of its own on the way, so that all
// threads of the context compile.
//
// The weights are the library's last segment. The linker only reserves their
// address range (a nobits section); afterwards the segment is made file-backed
// and read-only and the weights are streamed behind the file, so that they are
// never in the linker's memory and are mapped lazily.

#include "EmulateIntrinsics.h"

#include "qc/Conversion/Passes.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"
#include "qc/Target/CPU/CPUTarget.h"
#include "qc/Target/Common/Artifact.h"
#include "qc/Target/Common/CodeGen.h"

#include "qcrt/manifest.h"

#include "mlir/IR/Threading.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/SHA1.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;
using namespace qc;

namespace {

/// Files that vanish at the end of the scope.
class TemporaryDirectory {
public:
  std::error_code create() {
    return llvm::sys::fs::createUniqueDirectory("qc", path);
  }
  ~TemporaryDirectory() {
    if (!path.empty())
      (void)llvm::sys::fs::remove_directories(path);
  }
  std::string file(const Twine &name) const {
    SmallString<128> full(path);
    llvm::sys::path::append(full, name);
    return full.str().str();
  }

private:
  SmallString<128> path;
};

class LibraryWriter {
public:
  LibraryWriter(ModuleOp module, StringRef path, const CPUOptions &options,
                TimingScope &timing)
      : module(module), path(path), options(options), timing(timing) {}

  LogicalResult write();

private:
  InFlightDiagnostic error() {
    return module.emitError() << "cannot write '" << path << "': ";
  }
  LogicalResult compileForm(const CPUForm &form, size_t index);
  LogicalResult compileArtifact();
  /// Compiles the kernel of `part`, lowered for `form`, to an object file with
  /// the function `entry`. `assembly`, if any, becomes its text.
  LogicalResult compileKernel(ModuleOp part, const CPUForm &form,
                              StringRef entry, const std::string &object,
                              std::string *assembly);
  /// The same, unless the cache has it.
  LogicalResult compileOnce(ModuleOp part, const CPUForm &form, StringRef entry,
                            const std::string &object);
  std::string chooseEntryName(ModuleOp part, StringRef kernel, size_t form);
  FailureOr<std::unique_ptr<llvm::TargetMachine>> prepare(llvm::Module &code,
                                                          const CPUForm &form);
  LogicalResult emitObject(llvm::Module &code, llvm::TargetMachine &machine,
                           const std::string &object);
  LogicalResult link();
  LogicalResult appendWeights();

  ModuleOp module;
  std::string path;
  const CPUOptions &options;
  TimingScope &timing;
  TemporaryDirectory directory;
  SmallVector<std::string> objects;
  SmallVector<KernelInfo, 0> kernels;
  /// By form and kernel.
  SmallVector<SmallVector<std::string>> entries;
};

/// Adds `void entry(void *const *arguments, int64_t begin, int64_t end)` around
/// `kernel`, which takes the pointers as arguments and is inlined.
void addEntry(llvm::Module &code, llvm::Function &kernel, StringRef name) {
  llvm::LLVMContext &context = code.getContext();
  auto *pointer = llvm::PointerType::getUnqual(context);
  auto *i64 = llvm::Type::getInt64Ty(context);
  auto *type = llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                                       {pointer, i64, i64}, false);
  auto *entry = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage,
                                       name, code);
  entry->setVisibility(llvm::GlobalValue::HiddenVisibility);
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "", entry));
  SmallVector<llvm::Value *> arguments;
  for (unsigned i = 0; i + 2 < kernel.arg_size(); ++i) {
    arguments.push_back(builder.CreateLoad(
        pointer, builder.CreateConstGEP1_64(pointer, entry->getArg(0), i)));
    // Launches never bind overlapping memory to two parameters.
    kernel.addParamAttr(i, llvm::Attribute::NoAlias);
  }
  arguments.push_back(entry->getArg(1));
  arguments.push_back(entry->getArg(2));
  builder.CreateCall(&kernel, arguments);
  builder.CreateRetVoid();
  kernel.setLinkage(llvm::GlobalValue::InternalLinkage);
  kernel.addFnAttr(llvm::Attribute::AlwaysInline);
}

} // namespace

FailureOr<std::unique_ptr<llvm::TargetMachine>>
LibraryWriter::prepare(llvm::Module &code, const CPUForm &form) {
  std::unique_ptr<llvm::TargetMachine> machine =
      createTargetMachine("x86_64-unknown-linux-gnu", form.cpu, form.features);
  if (!machine)
    return error() << "LLVM has no x86-64 target";
  code.setTargetTriple(machine->getTargetTriple());
  code.setDataLayout(machine->createDataLayout());
  return machine;
}

LogicalResult LibraryWriter::emitObject(llvm::Module &code,
                                        llvm::TargetMachine &machine,
                                        const std::string &object) {
  return writeFile(module.getLoc(), object,
                   [&](llvm::raw_fd_ostream &stream) -> LogicalResult {
                     if (failed(emitCode(code, machine, stream,
                                         llvm::CodeGenFileType::ObjectFile)))
                       return error() << "LLVM cannot emit object files";
                     return success();
                   });
}

/// Name of the function that the runtime calls. With a cache a hash of the
/// lowered kernel.
std::string LibraryWriter::chooseEntryName(ModuleOp part, StringRef kernel,
                                           size_t form) {
  if (!options.cache)
    return ("qc_" + kernel + "_" + Twine(form)).str();
  for (auto function : part.getOps<LLVM::LLVMFuncOp>())
    function.setSymName("kernel");
  std::string text = options.forms[form].name;
  llvm::raw_string_ostream(text) << part;
  auto digest = llvm::SHA1::hash(llvm::arrayRefFromStringRef(text));
  return "qc_" + llvm::toHex(digest);
}

LogicalResult LibraryWriter::compileOnce(ModuleOp part, const CPUForm &form,
                                         StringRef entry,
                                         const std::string &object) {
  if (std::optional<std::string> known = options.cache->lookup(entry))
    return writeFile(module.getLoc(), object,
                     [&](llvm::raw_fd_ostream &stream) -> LogicalResult {
                       stream << *known;
                       return success();
                     });
  if (failed(compileKernel(part, form, entry, object, nullptr)))
    return failure();
  auto buffer = llvm::MemoryBuffer::getFile(object, false, false);
  if (!buffer)
    return error() << buffer.getError().message();
  options.cache->insert(entry, (*buffer)->getBuffer().str());
  return success();
}

LogicalResult LibraryWriter::compileKernel(ModuleOp part, const CPUForm &form,
                                           StringRef entry,
                                           const std::string &object,
                                           std::string *assembly) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code =
      translateModuleToLLVMIR(part, context, "kernels");
  if (!code)
    return error() << "kernels do not translate to LLVM IR";
  if (form.isEmulated)
    if (std::string unknown = emulateIntrinsics(*code); !unknown.empty())
      return error() << "'" << unknown << "' cannot be emulated";
  for (auto function : part.getOps<LLVM::LLVMFuncOp>()) {
    llvm::Function *kernel = code->getFunction(function.getSymName());
    kernel->addFnAttr("target-cpu", form.cpu);
    kernel->addFnAttr("target-features", form.features);
    addEntry(*code, *kernel, entry);
    llvm::Function *caller = code->getFunction(entry);
    caller->addFnAttr("target-cpu", form.cpu);
    caller->addFnAttr("target-features", form.features);
    // Vectors are as wide as the form's registers.
    caller->addFnAttr("min-legal-vector-width",
                      std::to_string(form.vectorBytes * 8));
    caller->addFnAttr("prefer-vector-width",
                      std::to_string(form.vectorBytes * 8));
  }
  FailureOr<std::unique_ptr<llvm::TargetMachine>> machine =
      prepare(*code, form);
  if (failed(machine))
    return failure();
  optimizeCode(*code, **machine, /*vectorize=*/true);
  if (assembly) {
    SmallString<0> text;
    llvm::raw_svector_ostream stream(text);
    if (failed(emitCode(*code, **machine, stream,
                        llvm::CodeGenFileType::AssemblyFile)))
      return error() << "LLVM cannot emit assembly";
    *assembly = text.str().str();
  }
  return emitObject(*code, **machine, object);
}

LogicalResult LibraryWriter::compileForm(const CPUForm &form, size_t index) {
  // Only the kernels are lowered; programs and weights stay where they are.
  OwningOpRef<ModuleOp> lowered = ModuleOp::create(module.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(lowered->getBody());
  SmallVector<ModuleOp> parts;
  for (KernelOp kernel : module.getOps<KernelOp>()) {
    parts.push_back(ModuleOp::create(builder, kernel.getLoc()));
    OpBuilder::atBlockEnd(parts.back().getBody()).clone(*kernel);
  }
  TimingScope scope = timing.nest("Kernels of " + form.name);
  TimingScope passes = scope.nest("Passes");
  auto run = [&](function_ref<void(OpPassManager &)> build) {
    PassManager manager(module.getContext(), ModuleOp::getOperationName());
    build(manager.nest<ModuleOp>());
    manager.enableTiming(passes);
    return manager.run(*lowered);
  };
  if (failed(run([&](OpPassManager &manager) {
        buildCPULoopPipeline(manager, form);
      })))
    return failure();
  SmallVector<KernelInfo, 0> own;
  for (ModuleOp part : parts)
    for (auto function : part.getOps<func::FuncOp>())
      own.push_back(getKernelInfo(function));
  if (kernels.empty())
    kernels = std::move(own);
  else
    for (auto [first, second] : llvm::zip_equal(kernels, own))
      if (first.extent != second.extent)
        return error() << "kernel " << first.name
                       << " is partitioned differently for " << form.name;
  if (failed(run(buildLLVMLoweringPipeline)))
    return failure();
  passes.stop();
  TimingScope llvmScope = scope.nest("LLVM");
  // Kernels that differ here no more are one.
  SmallVector<std::string> &names = entries.emplace_back();
  llvm::StringSet<> seen;
  SmallVector<size_t> chosen;
  for (auto [i, part] : llvm::enumerate(parts)) {
    names.push_back(chooseEntryName(part, kernels[i].name, index));
    if (seen.insert(names.back()).second)
      chosen.push_back(i);
  }
  size_t first = objects.size();
  for (size_t i : chosen)
    objects.push_back(
        directory.file("form" + Twine(index) + "kernel" + Twine(i) + ".o"));
  // The largest start first: one that came last would keep a single thread busy
  // at the end. The objects stay in the program's order, so that the library
  // has the same bytes whatever the sizes say.
  SmallVector<std::pair<size_t, size_t>> order;
  for (auto [at, i] : llvm::enumerate(chosen)) {
    size_t size = 0;
    parts[i].walk([&](Operation *) { ++size; });
    order.emplace_back(size, at);
  }
  llvm::sort(order, std::greater<>());
  std::vector<std::string> assembly(parts.size());
  if (failed(failableParallelForEach(
          module.getContext(), llvm::make_second_range(order), [&](size_t at) {
            size_t i = chosen[at];
            const std::string &object = objects[first + at];
            if (options.cache)
              return compileOnce(parts[i], form, names[i], object);
            return compileKernel(parts[i], form, names[i], object,
                                 options.keepAssembly ? &assembly[i] : nullptr);
          })))
    return failure();
  if (!options.keepAssembly)
    return success();
  return writeFile(module.getLoc(), path + "." + form.name + ".s",
                   [&](llvm::raw_fd_ostream &stream) {
                     for (const std::string &text : assembly)
                       stream << text;
                     return success();
                   });
}

/// The object with the manifest, the table of kernels and room for the weights.
LogicalResult LibraryWriter::compileArtifact() {
  FailureOr<std::string> manifest =
      buildManifest(module, kernels, QC_TARGET_CPU, options.modelName);
  if (failed(manifest))
    return failure();
  llvm::LLVMContext context;
  llvm::Module code("artifact", context);
  auto *pointer = llvm::PointerType::getUnqual(context);
  auto *i64 = llvm::Type::getInt64Ty(context);
  auto *i32 = llvm::Type::getInt32Ty(context);
  auto *null = llvm::ConstantPointerNull::get(pointer);
  auto number = [&](llvm::Type *type, uint64_t value) {
    return llvm::ConstantInt::get(type, value);
  };
  auto global = [&](llvm::Constant *value, const Twine &name) {
    auto *variable = new llvm::GlobalVariable(
        code, value->getType(), true, llvm::GlobalValue::InternalLinkage, value,
        name);
    variable->setAlignment(llvm::Align(8));
    return variable;
  };
  auto *kernelType = llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                                             {pointer, i64, i64}, false);
  SmallVector<llvm::Constant *> forms;
  for (auto [index, form] : llvm::enumerate(options.forms)) {
    SmallVector<llvm::Constant *> table;
    for (const std::string &name : entries[index]) {
      auto *entry = llvm::cast<llvm::Function>(
          code.getOrInsertFunction(name, kernelType).getCallee());
      entry->setVisibility(llvm::GlobalValue::HiddenVisibility);
      table.push_back(entry);
    }
    llvm::Constant *name =
        global(llvm::ConstantDataArray::getString(context, form.name), "name");
    llvm::Constant *entries =
        global(llvm::ConstantArray::get(
                   llvm::ArrayType::get(pointer, table.size()), table),
               "kernels");
    forms.push_back(
        llvm::ConstantStruct::getAnon({name, number(i64, form.requiredFeatures),
                                       entries, number(i64, table.size())}));
  }
  llvm::Constant *formTable = global(
      llvm::ConstantArray::get(
          llvm::ArrayType::get(forms[0]->getType(), forms.size()), forms),
      "forms");
  llvm::Constant *manifestData =
      global(llvm::ConstantDataArray::getRaw(*manifest, manifest->size(),
                                             llvm::Type::getInt8Ty(context)),
             "manifest");
  uint64_t weightsSize = getWeightsSize(module);
  llvm::Constant *weights = null;
  if (weightsSize) {
    code.setModuleInlineAsm(
        ".section .qc.weights,\"awl\",@nobits\n.p2align 12\n.globl qc_weights\n"
        ".hidden qc_weights\n.type qc_weights,@object\nqc_weights:\n.zero " +
        std::to_string(weightsSize) + "\n.size qc_weights, " +
        std::to_string(weightsSize) + "\n.text\n");
    auto *symbol = new llvm::GlobalVariable(
        code, llvm::Type::getInt8Ty(context), true,
        llvm::GlobalValue::ExternalLinkage, nullptr, "qc_weights");
    symbol->setVisibility(llvm::GlobalValue::HiddenVisibility);
    symbol->setCodeModel(llvm::CodeModel::Large);
    weights = symbol;
  }
  llvm::Constant *artifact = llvm::ConstantStruct::getAnon(
      {llvm::ConstantDataArray::getRaw(
           StringRef(QC_ARTIFACT_MAGIC, QC_MAGIC_BYTES), QC_MAGIC_BYTES,
           llvm::Type::getInt8Ty(context)),
       number(i32, QC_ABI_VERSION), number(i32, sizeof(QcArtifact)),
       manifestData, number(i64, manifest->size()), weights,
       number(i64, weightsSize), formTable, number(i64, forms.size())});
  auto *variable = global(artifact, QC_ARTIFACT_SYMBOL);
  variable->setLinkage(llvm::GlobalValue::ExternalLinkage);
  CPUForm base;
  base.cpu = "x86-64";
  FailureOr<std::unique_ptr<llvm::TargetMachine>> machine = prepare(code, base);
  if (failed(machine))
    return failure();
  objects.push_back(directory.file("artifact.o"));
  return emitObject(code, **machine, objects.back());
}

LogicalResult LibraryWriter::link() {
  llvm::ErrorOr<std::string> linker = llvm::sys::findProgramByName("ld.lld-22");
  if (!linker)
    linker = llvm::sys::findProgramByName("ld.lld", {"/usr/lib/llvm-22/bin"});
  if (!linker)
    return error() << "ld.lld-22 is not installed (Debian package lld-22)";
  SmallVector<StringRef> arguments{
      *linker, "-shared", "-z", "defs", "--build-id=none", "--hash-style=gnu",
      "-s",    "-o",      path};
  llvm::append_range(arguments, objects);
  std::string log = directory.file("link.log"), message;
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(log),
                                          StringRef(log)};
  if (llvm::sys::ExecuteAndWait(*linker, arguments, std::nullopt, redirects, 0,
                                0, &message) != 0) {
    auto text = llvm::MemoryBuffer::getFile(log);
    return error() << "linking failed: " << message
                   << (text ? (*text)->getBuffer() : "");
  }
  return success();
}

/// Makes the reserved range of the weights a read-only part of the file.
LogicalResult LibraryWriter::appendWeights() {
  uint64_t size = getWeightsSize(module);
  if (!size)
    return success();
  auto buffer = llvm::MemoryBuffer::getFile(path, false, false);
  if (!buffer)
    return error() << buffer.getError().message();
  std::string image = (*buffer)->getBuffer().str();
  auto *header = reinterpret_cast<llvm::ELF::Elf64_Ehdr *>(image.data());
  auto *segments =
      reinterpret_cast<llvm::ELF::Elf64_Phdr *>(image.data() + header->e_phoff);
  llvm::ELF::Elf64_Phdr *reserved = nullptr;
  for (unsigned i = 0; i < header->e_phnum; ++i)
    if (segments[i].p_type == llvm::ELF::PT_LOAD && segments[i].p_filesz == 0 &&
        segments[i].p_memsz >= size)
      reserved = &segments[i];
  if (!reserved)
    return error() << "the linker gave the weights no segment of their own";
  // The file offset must agree with the address modulo the page size.
  uint64_t offset = llvm::alignTo(image.size(), reserved->p_align) +
                    reserved->p_vaddr % reserved->p_align;
  reserved->p_offset = offset;
  reserved->p_filesz = reserved->p_memsz = size;
  reserved->p_flags = llvm::ELF::PF_R;
  image.resize(offset, '\0');
  return writeFile(module.getLoc(), path, [&](llvm::raw_fd_ostream &stream) {
    stream << image;
    return writeWeights(module, stream);
  });
}

LogicalResult LibraryWriter::write() {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  llvm::InitializeNativeTargetAsmParser();
  if (std::error_code code = directory.create())
    return error() << code.message();
  for (auto [index, form] : llvm::enumerate(options.forms))
    if (failed(compileForm(form, index)))
      return failure();
  auto timed = [&](StringRef name, auto step) {
    TimingScope scope = timing.nest(name);
    return step();
  };
  if (failed(timed("Manifest", [&] { return compileArtifact(); })) ||
      failed(timed("Link", [&] { return link(); })) ||
      failed(timed("Weights", [&] { return appendWeights(); }))) {
    (void)llvm::sys::fs::remove(path);
    return failure();
  }
  return success();
}

std::optional<std::string> KernelCache::lookup(StringRef key) const {
  std::lock_guard lock(mutex);
  auto it = objects.find(key);
  return it == objects.end() ? std::nullopt : std::optional(it->second);
}

void KernelCache::insert(StringRef key, std::string object) {
  std::lock_guard lock(mutex);
  objects.try_emplace(key, std::move(object));
}

LogicalResult qc::writeSharedLibrary(ModuleOp module, StringRef path,
                                     const CPUOptions &options,
                                     TimingScope &timing) {
  mlir::registerBuiltinDialectTranslation(*module.getContext());
  mlir::registerLLVMDialectTranslation(*module.getContext());
  return LibraryWriter(module, path, options, timing).write();
}
