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

def QC_CastOp : QC_ElementwiseOp<"cast"> {
  let summary = "Element type conversion";
  let description = [{
    Converts as ONNX Cast: float to integer truncates towards zero (saturating,
    where ONNX leaves the value undefined), to i1 compares with zero.
  }];
  let arguments = (ins QC_Tensor:$x, TypeAttr:$to);
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
  let description = "`y = base ^ exponent` in the base's type; shapes broadcast as in ONNX.";
  let arguments = (ins QC_Tensor:$base, QC_Tensor:$exponent);
  let results = (outs QC_Tensor:$y);
}
def QC_MinOp : QC_BinaryOp<"min", "Minimum (a NaN wins)", "min(lhs, rhs)">;
def QC_MaxOp : QC_BinaryOp<"max", "Maximum (a NaN wins)", "max(lhs, rhs)">;
def QC_AndOp : QC_BinaryOp<"and", "Logical or bitwise and", "lhs & rhs">;
def QC_OrOp : QC_BinaryOp<"or", "Logical or bitwise or", "lhs | rhs">;
def QC_XorOp : QC_BinaryOp<"xor", "Logical or bitwise exclusive or", "lhs ^ rhs">;

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
