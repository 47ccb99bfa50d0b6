// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of the ONNX library that throw, wrapped: see Schemas.h.

#include "Schemas.h"

#include <google/protobuf/io/coded_stream.h>
#include <onnx/defs/parser.h>
#include <onnx/defs/schema.h>

#include <climits>

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
