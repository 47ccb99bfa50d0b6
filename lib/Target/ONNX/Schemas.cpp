// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of the ONNX library that throw, wrapped: see Schemas.h.

#include "Schemas.h"

#include <google/protobuf/io/coded_stream.h>
#include <onnx/defs/parser.h>
#include <onnx/defs/schema.h>

#include <algorithm>
#include <climits>
#include <map>
#include <set>

using namespace qc;

namespace {
/// Protobuf prints what it cannot parse; the caller reports it instead.
class QuietProtobuf {
public:
  QuietProtobuf() = default;

private:
  google::protobuf::LogSilencer silencer;
};
} // namespace

std::unique_ptr<onnx::ModelProto>
qc::parseModel(std::string_view bytes, bool isText, std::string &error) {
  auto model = std::make_unique<onnx::ModelProto>();
  try {
    if (isText) {
      onnx::Common::Status status = onnx::OnnxParser::Parse(*model, bytes);
      if (status.IsOK())
        return model;
      error = "is no ONNX text: " + status.ErrorMessage();
      return nullptr;
    }
    if (bytes.size() > INT_MAX) {
      error = "is larger than 2 GiB, protobuf's limit; accepted: a model with "
              "its weights in an external file";
      return nullptr;
    }
    QuietProtobuf quiet;
    google::protobuf::io::CodedInputStream stream(
        reinterpret_cast<const uint8_t *>(bytes.data()),
        static_cast<int>(bytes.size()));
    stream.SetTotalBytesLimit(INT_MAX);
    if (model->ParseFromCodedStream(&stream) && stream.ConsumedEntireMessage())
      return model;
    error = "is no ONNX model (not a valid or a truncated protobuf message)";
  } catch (const std::exception &exception) {
    error = std::string("is no ONNX model: ") + exception.what();
  }
  return nullptr;
}

std::optional<int64_t> qc::getNewestOpset(const std::string &domain) {
  try {
    const auto &versions =
        onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map();
    auto found = versions.find(domain);
    if (found != versions.end())
      return found->second.second;
  } catch (const std::exception &) {
  }
  return std::nullopt;
}

static const onnx::OpSchema *findSchema(const std::string &domain,
                                        const std::string &op, int64_t opset) {
  if (opset < 1 || opset > INT_MAX)
    return nullptr;
  return onnx::OpSchemaRegistry::Schema(op, static_cast<int>(opset), domain);
}

bool qc::hasSchema(const std::string &domain, const std::string &op,
                   int64_t opset) {
  try {
    const onnx::OpSchema *schema = findSchema(domain, op, opset);
    return schema && !schema->Deprecated();
  } catch (const std::exception &) {
    return false;
  }
}

bool qc::hasFunctionBody(const std::string &domain, const std::string &op,
                         int64_t opset) {
  try {
    const onnx::OpSchema *schema = findSchema(domain, op, opset);
    return schema &&
           (schema->HasFunction() || schema->HasContextDependentFunction());
  } catch (const std::exception &) {
    return false;
  }
}

std::unique_ptr<onnx::FunctionProto>
qc::getFunctionBody(const onnx::NodeProto &node, int64_t opset,
                    const std::vector<onnx::TypeProto> &inputTypes,
                    std::string &error) {
  try {
    const onnx::OpSchema *schema =
        findSchema(node.domain(), node.op_type(), opset);
    if (!schema)
      return nullptr;
    int version = static_cast<int>(opset);
    if (schema->HasFunction())
      if (const onnx::FunctionProto *body = schema->GetFunction(version))
        return std::make_unique<onnx::FunctionProto>(*body);
    if (schema->HasContextDependentFunction()) {
      onnx::FunctionBodyBuildContextImpl context(node, inputTypes);
      auto body = std::make_unique<onnx::FunctionProto>();
      if (schema->BuildContextDependentFunction(context, *body, version))
        return body;
    }
  } catch (const std::exception &exception) {
    error = exception.what();
  }
  return nullptr;
}

const onnx::AttributeProto *qc::getDefaultAttribute(const onnx::NodeProto &node,
                                                    int64_t opset,
                                                    const std::string &name) {
  try {
    if (const onnx::OpSchema *schema =
            findSchema(node.domain(), node.op_type(), opset)) {
      auto found = schema->attributes().find(name);
      if (found != schema->attributes().end() &&
          found->second.default_value.has_name())
        return &found->second.default_value;
    }
  } catch (const std::exception &) {
  }
  return nullptr;
}

/// A data type's name in schemas, such as "tensor(int8)".
static onnx::DataType getTypeText(int32_t dataType) {
  onnx::TypeProto type;
  type.mutable_tensor_type()->set_elem_type(dataType);
  return onnx::Utils::DataTypeUtils::ToType(type);
}

/// Whether formal parameters take values of these types. `bound` holds the
/// types that type variables have so far.
static bool
takesTypes(const std::vector<onnx::OpSchema::FormalParameter> &parameters,
           const std::vector<int32_t> &types,
           std::map<std::string, onnx::DataType> &bound, std::string &reason) {
  for (size_t i = 0; i < types.size(); ++i) {
    if (!types[i] || parameters.empty())
      continue;
    // Surplus values belong to the last parameter, which is variadic; if it is
    // not, the count is at fault.
    const auto &parameter = parameters[std::min(i, parameters.size() - 1)];
    onnx::DataType type = getTypeText(types[i]);
    if (!parameter.GetTypes().count(type)) {
      reason =
          "takes no " + *type + " as " + parameter.GetName() + "; accepted:";
      std::set<std::string> names;
      for (onnx::DataType accepted : parameter.GetTypes())
        names.insert(*accepted);
      for (const std::string &name : names)
        reason += " " + name;
      return false;
    }
    if (!parameter.GetIsHomogeneous())
      continue;
    auto [known, isNew] = bound.emplace(parameter.GetTypeStr(), type);
    if (!isNew && known->second != type) {
      reason = "takes values of one type as " + parameter.GetTypeStr() +
               ", not " + *known->second + " and " + *type;
      return false;
    }
  }
  return true;
}

std::optional<int64_t> qc::findOpset(const onnx::NodeProto &node,
                                     const std::vector<int32_t> &operandTypes,
                                     const std::vector<int32_t> &resultTypes,
                                     int64_t minimum, std::string &reason) {
  std::optional<int64_t> byTypes;
  try {
    int64_t newest = getNewestOpset("").value_or(0);
    for (int64_t opset = minimum; opset <= newest; ++opset) {
      const onnx::OpSchema *schema = findSchema("", node.op_type(), opset);
      if (!schema || schema->Deprecated())
        continue;
      std::map<std::string, onnx::DataType> bound;
      if (!takesTypes(schema->inputs(), operandTypes, bound, reason) ||
          !takesTypes(schema->outputs(), resultTypes, bound, reason))
        continue;
      auto isKnown = [&](const onnx::AttributeProto &attribute) {
        return schema->attributes().count(attribute.name()) != 0;
      };
      if (std::all_of(node.attribute().begin(), node.attribute().end(),
                      isKnown) &&
          static_cast<int>(operandTypes.size()) <= schema->max_input())
        return opset;
      if (!byTypes)
        byTypes = opset;
    }
  } catch (const std::exception &exception) {
    reason = exception.what();
  }
  reason = "operator " + node.op_type() + " " +
           (reason.empty() ? "is in no operator set" : reason);
  return byTypes;
}

std::vector<OperatorInfo> qc::listOperators() {
  std::vector<OperatorInfo> result;
  try {
    for (const onnx::OpSchema &schema :
         onnx::OpSchemaRegistry::get_all_schemas())
      if (!schema.Deprecated())
        result.push_back(
            {schema.domain() == "ai.onnx" ? "" : schema.domain(), schema.Name(),
             schema.SinceVersion(),
             schema.HasFunction() || schema.HasContextDependentFunction()});
  } catch (const std::exception &) {
  }
  return result;
}
