// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of the ONNX library that throw: parsing, schemas and their function
// bodies. Only Schemas.cpp is compiled with exceptions; here errors are values.
#ifndef QC_LIB_TARGET_ONNX_SCHEMAS_H
#define QC_LIB_TARGET_ONNX_SCHEMAS_H

#include <onnx/onnx_pb.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qc {

/// Parses a model, binary or text; on failure returns null and sets `error`.
std::unique_ptr<onnx::ModelProto> parseModel(std::string_view bytes,
                                             bool isText, std::string &error);

/// The newest version that the library knows of an operator set, if any.
std::optional<int64_t> getNewestOpset(const std::string &domain);

/// Whether `op` is an operator of this operator set version.
bool hasSchema(const std::string &domain, const std::string &op, int64_t opset);

/// Whether the schema has function bodies; which one, or none, may depend on
/// the node.
bool hasFunctionBody(const std::string &domain, const std::string &op,
                     int64_t opset);

/// The function body of a node's schema in this operator set version, or null.
/// `inputTypes` has an entry per input; a missing one has no value. `node` has
/// its attributes resolved.
std::unique_ptr<onnx::FunctionProto>
getFunctionBody(const onnx::NodeProto &node, int64_t opset,
                const std::vector<onnx::TypeProto> &inputTypes,
                std::string &error);

/// The default value of a schema's attribute, or null.
const onnx::AttributeProto *getDefaultAttribute(const onnx::NodeProto &node,
                                                int64_t opset,
                                                const std::string &name);

/// The first version, from `minimum` on, of the default domain's operator set
/// in which the operator of `node` takes these types (ONNX's numbers; 0: left
/// out) and the node's attributes. Where no version takes all of that the first
/// one that takes the types: it has another form for what the attributes say.
/// None and a reason if there is none.
std::optional<int64_t> findOpset(const onnx::NodeProto &node,
                                 const std::vector<int32_t> &operandTypes,
                                 const std::vector<int32_t> &resultTypes,
                                 int64_t minimum, std::string &reason);

/// An operator that the ONNX library defines, in its newest version.
struct OperatorInfo {
  std::string domain, name;
  int64_t since = 0;
  bool hasBody = false;
};
/// All that are not deprecated.
std::vector<OperatorInfo> listOperators();

} // namespace qc

#endif // QC_LIB_TARGET_ONNX_SCHEMAS_H
