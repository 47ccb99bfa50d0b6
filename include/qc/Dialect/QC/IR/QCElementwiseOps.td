// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise ops of the graph level: one scalar function per op.
#ifndef QC_DIALECT_QC_IR_QCELEMENTWISEOPS_TD
#define QC_DIALECT_QC_IR_QCELEMENTWISEOPS_TD

include "qc/Dialect/QC/IR/QCDialect.td"

class QC_UnaryOp<string mnemonic, string text, string formula, TypeConstraint type = QC_FloatTensor>
    : QC_ElementwiseOp<mnemonic> {
  let summary = text;
  let description = "`y = " # formula # "` for each element; the result has the operand's type.";
  let arguments = (ins type:$x);
  let results = (outs type:$y);
}

class QC_BinaryOp<string mnemonic, string text, string formula>
    : QC_ElementwiseOp<mnemonic> {
  let summary = text;
  let description = "`y = " # formula # [{` for each element. Constraints: (1) both operands have
    one element type, which is the result's; (2) shapes broadcast as in ONNX (aligned
    from the right, size one repeats).}];
  let arguments = (ins QC_Tensor:$lhs, QC_Tensor:$rhs);
  let results = (outs QC_Tensor:$y);
}

class QC_CompareOp<string mnemonic, string text, string formula>
    : QC_ElementwiseOp<mnemonic> {
  let summary = text;
  let description = "`y = " # formula # [{` as i1 for each element. Constraints: (1) both operands
    have one element type; (2) shapes broadcast as in ONNX.}];
  let arguments = (ins QC_Tensor:$lhs, QC_Tensor:$rhs);
  let results = (outs QC_BoolTensor:$y);
}

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

def QC_AbsOp : QC_UnaryOp<"abs", "Absolute value", "|x|", QC_Tensor>;
def QC_NegOp : QC_UnaryOp<"neg", "Negation", "-x", QC_Tensor>;
def QC_ExpOp : QC_UnaryOp<"exp", "Exponential", "e^x">;
def QC_LogOp : QC_UnaryOp<"log", "Natural logarithm", "ln x">;
def QC_SqrtOp : QC_UnaryOp<"sqrt", "Square root", "sqrt(x)">;
def QC_ReciprocalOp : QC_UnaryOp<"reciprocal", "Reciprocal", "1 / x">;
def QC_FloorOp : QC_UnaryOp<"floor", "Round down", "floor(x)">;
def QC_CeilOp : QC_UnaryOp<"ceil", "Round up", "ceil(x)">;
def QC_RoundOp : QC_UnaryOp<"round", "Round half to even", "rint(x)">;
def QC_ReluOp : QC_UnaryOp<"relu", "Rectifier", "max(x, 0)", QC_Tensor>;
def QC_SigmoidOp : QC_UnaryOp<"sigmoid", "Logistic function", "1 / (1 + e^-x)">;
def QC_TanhOp : QC_UnaryOp<"tanh", "Hyperbolic tangent", "tanh(x)">;
def QC_ErfOp : QC_UnaryOp<"erf", "Error function", "erf(x)">;
def QC_SinOp : QC_UnaryOp<"sin", "Sine", "sin(x)">;
def QC_CosOp : QC_UnaryOp<"cos", "Cosine", "cos(x)">;
def QC_TanOp : QC_UnaryOp<"tan", "Tangent", "tan(x)">;
def QC_AsinOp : QC_UnaryOp<"asin", "Inverse sine", "asin(x)">;
def QC_AcosOp : QC_UnaryOp<"acos", "Inverse cosine", "acos(x)">;
def QC_AtanOp : QC_UnaryOp<"atan", "Inverse tangent", "atan(x)">;
def QC_SinhOp : QC_UnaryOp<"sinh", "Hyperbolic sine", "sinh(x)">;
def QC_CoshOp : QC_UnaryOp<"cosh", "Hyperbolic cosine", "cosh(x)">;
def QC_AsinhOp : QC_UnaryOp<"asinh", "Inverse hyperbolic sine", "asinh(x)">;
def QC_AcoshOp : QC_UnaryOp<"acosh", "Inverse hyperbolic cosine", "acosh(x)">;
def QC_AtanhOp : QC_UnaryOp<"atanh", "Inverse hyperbolic tangent", "atanh(x)">;
def QC_SignOp : QC_UnaryOp<"sign", "Sign: -1, 0 or 1", "(x > 0) - (x < 0)", QC_Tensor>;
def QC_SoftplusOp : QC_UnaryOp<"softplus", "Smooth rectifier", "ln(1 + e^x)">;
def QC_SoftsignOp : QC_UnaryOp<"softsign", "Soft sign", "x / (1 + |x|)">;
def QC_MishOp : QC_UnaryOp<"mish", "Mish", "x tanh(ln(1 + e^x))">;
def QC_NotOp : QC_UnaryOp<"not", "Logical negation", "not x", QC_BoolTensor>;

def QC_LeakyReluOp : QC_UnaryOp<"leaky_relu", "Leaky rectifier", "x < 0 ? alpha x : x"> {
  let arguments = (ins QC_FloatTensor:$x, F32Attr:$alpha);
}
def QC_HardSigmoidOp : QC_UnaryOp<"hard_sigmoid", "Piecewise linear sigmoid",
                                  "max(0, min(1, alpha x + beta))"> {
  let arguments = (ins QC_FloatTensor:$x, F32Attr:$alpha, F32Attr:$beta);
}
def QC_HardSwishOp : QC_UnaryOp<"hard_swish", "Piecewise linear swish",
                                "x max(0, min(1, x / 6 + 1/2))">;

def QC_EluOp : QC_UnaryOp<"elu", "Exponential linear unit", "x < 0 ? alpha (e^x - 1) : x"> {
  let arguments = (ins QC_FloatTensor:$x, F32Attr:$alpha);
}
def QC_CeluOp : QC_UnaryOp<"celu", "Continuously differentiable exponential linear unit",
                           "max(0, x) + min(0, alpha (e^(x / alpha) - 1))"> {
  let arguments = (ins QC_FloatTensor:$x, F32Attr:$alpha);
}
def QC_SeluOp : QC_UnaryOp<"selu", "Scaled exponential linear unit",
                           "gamma (x > 0 ? x : alpha (e^x - 1))"> {
  let arguments = (ins QC_FloatTensor:$x, F32Attr:$alpha, F32Attr:$gamma);
}
def QC_ThresholdedReluOp : QC_UnaryOp<"thresholded_relu", "Rectifier with a threshold",
                                      "x > alpha ? x : 0"> {
  let arguments = (ins QC_FloatTensor:$x, F32Attr:$alpha);
}
def QC_ShrinkOp : QC_UnaryOp<"shrink", "Shrinkage",
                             "x < -lambda ? x + bias : x > lambda ? x - bias : 0", QC_Tensor> {
  let arguments = (ins QC_Tensor:$x, F32Attr:$lambda, F32Attr:$bias);
}
def QC_SwishOp : QC_UnaryOp<"swish", "Swish", "x / (1 + e^(-alpha x))"> {
  let arguments = (ins QC_FloatTensor:$x, F32Attr:$alpha);
}
def QC_GeluOp : QC_UnaryOp<"gelu", "Gaussian error linear unit",
    "x (1 + erf(x / sqrt 2)) / 2` or, with tanhForm, `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2"> {
  let arguments = (ins QC_FloatTensor:$x, BoolAttr:$tanhForm);
}

class QC_TestOp<string mnemonic, string text, string formula> : QC_ElementwiseOp<mnemonic> {
  let summary = text;
  let description = "`y = " # formula # "` as i1 for each element.";
  let arguments = (ins QC_FloatTensor:$x);
  let results = (outs QC_BoolTensor:$y);
}
def QC_IsNaNOp : QC_TestOp<"is_nan", "Whether an element is no number", "x != x">;
def QC_IsInfOp : QC_TestOp<"is_inf", "Whether an element is infinite",
                           "negative and x = -inf or positive and x = inf"> {
  let arguments = (ins QC_FloatTensor:$x, BoolAttr:$negative, BoolAttr:$positive);
}

def QC_PowerRounding : I32EnumAttr<"PowerRoundingKind", "how a cast to f8E8M0FNU rounds", [
    I32EnumAttrCase<"Nearest", 0, "nearest">, I32EnumAttrCase<"Down", 1, "down">,
    I32EnumAttrCase<"Up", 2, "up">]> {
  let cppNamespace = "::qc";
}

def QC_BitcastOp : QC_ElementwiseOp<"bitcast"> {
  let summary = "The same bits as another element type";
  let description = "Constraint: (1) both element types have the same width.";
  let arguments = (ins QC_Tensor:$x, TypeAttr:$to);
  let results = (outs QC_Tensor:$y);
}

def QC_CastOp : QC_ElementwiseOp<"cast"> {
  let summary = "Element type conversion";
  let description = [{
    Converts as ONNX Cast: float to integer truncates towards zero (saturating,
    where ONNX leaves the value undefined), to i1 compares with zero. Floats round half to even;
    to 8-bit floats `saturate` replaces what is too large by the largest finite value, and
    `rounding` says which power of two an f8E8M0FNU becomes.
  }];
  let arguments = (ins QC_Tensor:$x, TypeAttr:$to,
                       DefaultValuedAttr<BoolAttr, "true">:$saturate,
                       DefaultValuedAttr<QC_PowerRounding, "PowerRoundingKind::Nearest">:$rounding);
  let results = (outs QC_Tensor:$y);
}

//===----------------------------------------------------------------------===//
// Binary and ternary
//===----------------------------------------------------------------------===//

def QC_AddOp : QC_BinaryOp<"add", "Sum", "lhs + rhs">;
def QC_SubOp : QC_BinaryOp<"sub", "Difference", "lhs - rhs">;
def QC_MulOp : QC_BinaryOp<"mul", "Product", "lhs * rhs">;
def QC_DivOp : QC_BinaryOp<"div", "Quotient (integers truncate; x / 0 is 0)", "lhs / rhs">;
def QC_PowOp : QC_ElementwiseOp<"pow"> {
  let summary = "Power";
  let description = [{
    `y = base ^ exponent` in the base's type; shapes broadcast as in ONNX. Constant exponents of
    1, 2 and (of f32 and f64) 3 canonicalize to products.
  }];
  let arguments = (ins QC_Tensor:$base, QC_Tensor:$exponent);
  let results = (outs QC_Tensor:$y);
  let hasCanonicalizeMethod = 1;
}
def QC_MinOp : QC_BinaryOp<"min", "Minimum (a NaN wins)", "min(lhs, rhs)">;
def QC_MaxOp : QC_BinaryOp<"max", "Maximum (a NaN wins)", "max(lhs, rhs)">;
def QC_AndOp : QC_BinaryOp<"and", "Logical or bitwise and", "lhs & rhs">;
def QC_OrOp : QC_BinaryOp<"or", "Logical or bitwise or", "lhs | rhs">;
def QC_XorOp : QC_BinaryOp<"xor", "Logical or bitwise exclusive or", "lhs ^ rhs">;

def QC_ModOp : QC_BinaryOp<"mod", "Remainder", "lhs mod rhs"> {
  let description = [{
    The remainder of a division. With `truncated` it has lhs's sign (C's fmod and %), otherwise
    rhs's sign (Python's %). An integer remainder by zero is 0. Constraints as qc.add.
  }];
  let arguments = (ins QC_Tensor:$lhs, QC_Tensor:$rhs, BoolAttr:$truncated);
}
def QC_BitShiftOp : QC_ElementwiseOp<"bit_shift"> {
  let summary = "Shift of bits";
  let description = [{
    `y = lhs << rhs`, or with `right` `lhs >> rhs` (by lhs's sign); a shift by the width or more
    leaves no bit. Constraints: (1) both operands have one integer element type; (2) shapes
    broadcast as in ONNX.
  }];
  let arguments = (ins QC_IntegerTensor:$lhs, QC_IntegerTensor:$rhs, BoolAttr:$right);
  let results = (outs QC_IntegerTensor:$y);
}
def QC_PReluOp : QC_BinaryOp<"prelu", "Rectifier with a slope per element",
                             "lhs < 0 ? rhs lhs : lhs">;

def QC_EqualOp : QC_CompareOp<"equal", "Equality", "lhs == rhs">;
def QC_LessOp : QC_CompareOp<"less", "Less than", "lhs < rhs">;
def QC_LessOrEqualOp : QC_CompareOp<"less_or_equal", "Less or equal", "lhs <= rhs">;
def QC_GreaterOp : QC_CompareOp<"greater", "Greater than", "lhs > rhs">;
def QC_GreaterOrEqualOp : QC_CompareOp<"greater_or_equal", "Greater or equal", "lhs >= rhs">;

def QC_WhereOp : QC_ElementwiseOp<"where"> {
  let summary = "Selection";
  let description = [{
    `y = condition ? onTrue : onFalse`. Constraints: (1) both values have one
    element type, which is the result's; (2) the three shapes broadcast as in ONNX.
  }];
  let arguments = (ins QC_BoolTensor:$condition, QC_Tensor:$onTrue, QC_Tensor:$onFalse);
  let results = (outs QC_Tensor:$y);
}

def QC_ClipOp : QC_ElementwiseOp<"clip"> {
  let summary = "Clamp between two bounds";
  let description = [{
    `y = min(max(x, lower), upper)`. The bounds are operands, scalar or broadcast
    per channel, so that equal kernels stay equal. Constraint: (1) all element types agree;
    (2) the bounds broadcast to x.
  }];
  let arguments = (ins QC_Tensor:$x, QC_Tensor:$lower, QC_Tensor:$upper);
  let results = (outs QC_Tensor:$y);
}

#endif // QC_DIALECT_QC_IR_QCELEMENTWISEOPS_TD
