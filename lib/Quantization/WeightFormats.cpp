// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formats of constant weights.

#include "WeightFormats.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qc;

LogicalResult qc::checkOption(ModuleOp module, StringRef pass, StringRef option,
                              StringRef value, ArrayRef<StringRef> accepted) {
  if (llvm::is_contained(accepted, value))
    return success();
  InFlightDiagnostic diagnostic = module.emitError()
                                  << pass << ": bad " << option << " '" << value
                                  << "'; accepted: ";
  llvm::interleaveComma(accepted, diagnostic);
  return diagnostic;
}

LogicalResult qc::checkWeightType(ModuleOp module, StringRef pass,
                                  StringRef option, StringRef type) {
  Type parsed = parseStorageType(module.getContext(), type);
  if (parsed && (parsed.getIntOrFloatBitWidth() <= 8 || type == "f32"))
    return success();
  return module.emitError() << pass << ": bad " << option << " '" << type
                            << "'; accepted: f32, si2 to si8, ui2 to ui8, "
                               "f8E4M3FN, f8E5M2";
}

LogicalResult qc::checkCandidates(ModuleOp module, StringRef pass,
                                  StringRef option,
                                  std::vector<std::string> &types) {
  if (types.empty())
    types = {"si3", "si4", "si5", "si6", "si7", "si8"};
  return failure(llvm::any_of(types, [&](const std::string &type) {
    return failed(checkWeightType(module, pass, option, type));
  }));
}

LogicalResult WeightFormatOptions::check(ModuleOp module,
                                         StringRef pass) const {
  if (block != 0 && (block < 16 || block > 256))
    return module.emitError()
           << pass << ": bad block " << block << "; accepted: 0 and 16 to 256";
  if (failed(checkOption(module, pass, "weight-range", range,
                         {"auto", "minmax", "mse", "output"})) ||
      failed(checkOption(module, pass, "scales", scales, {"f32", "f16"})))
    return failure();
  return checkOption(module, pass, "rounding", rounding, {"nearest", "gptq"});
}

/// Extent of the dimension along which blocks lie: rows of an embedding, the
/// reduction of a product.
static int64_t getBlockedExtent(const OpOperand &operand) {
  auto type = cast<RankedTensorType>(operand.get().getType());
  return isa<GatherOp>(operand.getOwner())
             ? type.getDimSize(1)
             : type.getDimSize(type.getRank() - 2);
}

OperandFormat WeightFormatOptions::getFormat(OpOperand &operand,
                                             StringRef type) const {
  OperandFormat format;
  format.type = type.str();
  if (format.isFloat())
    return format;
  format.symmetric = symmetric;
  // Few codes: which values are clipped decides the error behind the layer.
  bool isCoarse = getFormatBits(format.type) < 8 && rounding == "gptq";
  format.range = range != "auto" ? range : isCoarse ? "output" : "mse";
  format.rounding = rounding;
  format.granularity = Granularity::Axis;
  if (block && !isa<ConvOp>(operand.getOwner()) &&
      getBlockedExtent(operand) % block == 0) {
    format.granularity = Granularity::Block;
    format.block = block;
    format.scales = scales;
  }
  return format;
}

int64_t qc::getWeightBytes(const OpOperand &operand,
                           const OperandFormat &format) {
  auto type = cast<RankedTensorType>(operand.get().getType());
  int64_t numel = type.getNumElements(), bits = getFormatBits(format.type);
  int64_t bytes = llvm::divideCeil(numel * bits, 8);
  if (format.isFloat() || numel == 0)
    return bytes;
  // Rows of scales: output channels, or rows of an embedding.
  bool first = isa<ConvOp, GatherOp>(operand.getOwner());
  int64_t scales = type.getDimSize(first ? 0 : type.getRank() - 1);
  if (format.granularity == Granularity::Tensor)
    scales = 1;
  else if (format.granularity == Granularity::Block)
    scales = numel / format.block;
  bytes += scales * (format.scales == "f16" ? 2 : 4);
  if (!format.symmetric)
    bytes += llvm::divideCeil(scales * bits, 8);
  return bytes;
}
