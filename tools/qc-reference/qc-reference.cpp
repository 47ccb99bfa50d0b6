// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-reference: computes a model op by op through the reference meaning, with
// no fusion, layout or code generation: the oracle for everything that does.

#include "Tensors.h"

#include "qc/Analysis/ReferenceRun.h"
#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"
#include "qc/Target/ONNX/ImportONNX.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace qc;

static llvm::cl::OptionCategory category("qc-reference options");
static llvm::cl::opt<std::string> model(llvm::cl::Positional,
                                        llvm::cl::desc("MODEL.onnx"),
                                        llvm::cl::cat(category));
static llvm::cl::list<std::string>
    inputs("input", llvm::cl::CommaSeparated, llvm::cl::cat(category),
           llvm::cl::desc("Input tensors (serialized TensorProto), in order"));
static llvm::cl::list<std::string>
    outputs("output", llvm::cl::CommaSeparated, llvm::cl::cat(category),
            llvm::cl::desc("Files for the outputs, in order"));
static llvm::cl::opt<std::string>
    batch("batch", llvm::cl::cat(category),
          llvm::cl::desc("File of lines MODEL<tab>INPUT,…<tab>OUTPUT,…; prints "
                         "OK or FAIL, the model and a message for each"));

/// Results that users see; extents of results of run-time size come behind
/// them.
static size_t getVisibleResults(func::FuncOp function) {
  size_t count = function.getNumResults();
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (auto extents =
            function.getResultAttrOfType<IntegerAttr>(i, "qc.extents"))
      count = std::min<size_t>(count, extents.getInt());
  return count;
}

/// Computes one model. Returns an error message, empty on success.
static std::string runModel(StringRef path, ArrayRef<std::string> inputFiles,
                            ArrayRef<std::string> outputFiles) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<QCDialect, func::FuncDialect>();
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      message += (message.empty() ? "" : "; ") + diagnostic.str();
    return success();
  });
  ImportOptions options;
  options.filename = path.str();
  FailureOr<OwningOpRef<ModuleOp>> module = importONNX(context, options);
  if (failed(module))
    return message.empty() ? "import failed" : message;
  auto functions = (*module)->getOps<func::FuncOp>();
  if (functions.empty())
    return "the module holds no function";
  func::FuncOp function = *functions.begin();
  if (function.getNumArguments() != inputFiles.size() ||
      getVisibleResults(function) != outputFiles.size())
    return "the model has " + std::to_string(function.getNumArguments()) +
           " inputs and " + std::to_string(getVisibleResults(function)) +
           " outputs";

  ReferenceTensors values;
  TensorReader reader(&context, "");
  for (auto [type, file] :
       llvm::zip_equal(function.getArgumentTypes(), inputFiles)) {
    auto buffer = llvm::MemoryBuffer::getFile(file);
    onnx::TensorProto tensor;
    if (!buffer || (*buffer)->getBufferSize() > INT32_MAX ||
        !tensor.ParseFromArray((*buffer)->getBufferStart(),
                               static_cast<int>((*buffer)->getBufferSize())))
      return "'" + file + "' is no serialized tensor";
    ElementsAttr value = reader.read(tensor, message);
    if (!value)
      return "'" + file + "' " + message;
    SmallVector<char> scratch;
    FailureOr<ArrayRef<char>> bytes = getConstantBytes(value, scratch);
    if (value.getType() != type || failed(bytes))
      return "'" + file + "' has another type than the model's input";
    values.push_back(std::make_shared<ReferenceTensor>(
        cast<RankedTensorType>(type),
        std::vector<char>(bytes->begin(), bytes->end())));
  }
  if (auto obstacle = ReferenceRun::findObstacle(function))
    return "cannot evaluate " + obstacle->op->getName().getStringRef().str() +
           ": it " + obstacle->reason;
  FailureOr<ReferenceTensors> outputs = ReferenceRun().run(
      function, std::move(values),
      [](Operation *, unsigned, ReferenceTensorPtr value) { return value; });
  if (failed(outputs))
    return "cannot evaluate the model: " + message;
  for (auto [index, file] : llvm::enumerate(outputFiles)) {
    const ReferenceTensor &output = *(*outputs)[index];
    Type element = output.type.getElementType();
    onnx::TensorProto tensor;
    tensor.set_data_type(getDataType(element));
    SmallVector<int64_t> shape(output.type.getShape());
    // The tensor of the extents comes first.
    if (auto extents =
            function.getResultAttrOfType<IntegerAttr>(index, "qc.extents")) {
      const ReferenceTensor &numbers = *(*outputs)[extents.getInt()];
      llvm::copy(getNumbers(numbers.type, numbers.bytes), shape.begin());
    }
    int64_t size = getStorageBytes(RankedTensorType::get(shape, element));
    for (int64_t extent : shape)
      tensor.add_dims(extent);
    tensor.set_raw_data(output.bytes.data(), size);
    std::error_code error;
    llvm::raw_fd_ostream stream(file, error);
    if (error)
      return "cannot write '" + file + "': " + error.message();
    stream << tensor.SerializeAsString();
  }
  return {};
}

static SmallVector<std::string> splitList(StringRef list) {
  SmallVector<StringRef> parts;
  list.split(parts, ',', -1, /*KeepEmpty=*/false);
  return SmallVector<std::string>(parts.begin(), parts.end());
}

static int runBatch() {
  auto buffer = llvm::MemoryBuffer::getFile(batch);
  if (!buffer) {
    llvm::errs() << "error: cannot read '" << batch << "'\n";
    return 1;
  }
  SmallVector<StringRef> lines;
  (*buffer)->getBuffer().split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (StringRef line : lines) {
    SmallVector<StringRef> fields;
    line.split(fields, '\t');
    fields.resize(3);
    std::string message =
        runModel(fields[0], splitList(fields[1]), splitList(fields[2]));
    std::replace(message.begin(), message.end(), '\n', ' ');
    llvm::outs() << (message.empty() ? "OK\t" : "FAIL\t") << fields[0] << "\t"
                 << message << "\n";
    llvm::outs().flush();
  }
  return 0;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::cl::HideUnrelatedOptions(category);
  llvm::cl::ParseCommandLineOptions(
      argc, argv,
      "Computes an ONNX model op by op through the reference meaning\n");
  if (!batch.empty())
    return runBatch();
  if (model.empty()) {
    llvm::errs() << "error: expects a model\n";
    return 1;
  }
  std::string message = runModel(model, inputs, outputs);
  if (message.empty())
    return 0;
  llvm::errs() << "error: " << message << "\n";
  return 1;
}
