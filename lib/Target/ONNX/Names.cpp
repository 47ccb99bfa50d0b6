// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names in a model: of domains, functions and nodes.

#include "Importer.h"

using namespace mlir;
using namespace qc;

StringRef qc::getDomain(StringRef domain) {
  return domain == "ai.onnx" ? "" : domain;
}

llvm::StringMap<int64_t>
qc::getOpsets(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>
                  &imports) {
  llvm::StringMap<int64_t> opsets;
  for (const onnx::OperatorSetIdProto &import : imports)
    opsets[getDomain(import.domain())] = import.version();
  return opsets;
}

std::string qc::getFunctionKey(StringRef domain, StringRef name,
                               StringRef overload) {
  return (getDomain(domain) + "\n" + name + "\n" + overload).str();
}

std::vector<std::string> qc::getNodeNames(
    const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
    StringRef prefix) {
  llvm::StringMap<unsigned> uses;
  for (const onnx::NodeProto &node : nodes)
    ++uses[node.name()];
  std::vector<std::string> names;
  for (const onnx::NodeProto &node : nodes) {
    std::string name = node.name();
    if (name.empty() || uses[name] > 1) {
      name = node.op_type() + ":";
      for (const std::string &output : node.output())
        if (!output.empty()) {
          name += output;
          break;
        }
    }
    names.push_back(prefix.str() + name);
  }
  return names;
}

/// A node as diagnostics present it.
std::string qc::describeNode(StringRef name, const onnx::NodeProto &node,
                             std::optional<int64_t> opset) {
  StringRef domain = getDomain(node.domain());
  std::string text = ("node '" + name + "' (op " + node.op_type() +
                      ", domain " + (domain.empty() ? "ai.onnx" : domain) +
                      (opset ? ", opset " + std::to_string(*opset) : ""))
                         .str();
  return text + ")";
}
