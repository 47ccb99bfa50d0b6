# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# REQUIRES: onnx
# RUN: rm -rf %t && mkdir -p %t && %python %s %t
# RUN: qc-translate --import-onnx %t/qoperator.onnx | qc-opt --qc-normalize-qdq --qc-to-integer --canonicalize --cse > %t/qoperator.mlir
# RUN: qc-translate --import-onnx %t/qdq.onnx | qc-opt --qc-normalize-qdq --qc-to-integer --canonicalize --cse > %t/qdq.mlir
# RUN: %python %s --compare %t/qoperator.mlir %t/qdq.mlir
# RUN: FileCheck %s < %t/qoperator.mlir
# RUN: qc-translate --import-onnx %t/integer.onnx | FileCheck %s --check-prefix=INTEGER
# RUN: not qc-translate --import-onnx %t/refused.onnx 2>&1 | FileCheck %s --check-prefix=REFUSED
"""One network written with QLinear operators and with QDQ pairs: both must reach
the same integer graph. Then the operators on dynamic quantization, and what is
refused.

CHECK:     qc.conv {{.*}} bias {{.*}} -> tensor<1x4x6x6xsi32>
CHECK:     qc.requantize
CHECK:     qc.round_saturate
CHECK:     qc.table_lookup
CHECK:     qc.table_lookup
CHECK:     qc.concat {{.*}} -> tensor<1x8x6x6xui8>
CHECK:     qc.reduce sum {{.*}} -> tensor<1x8x1x1xsi32>
CHECK:     qc.where
CHECK:     qc.matmul {{.*}} -> tensor<1x8xsi32>
CHECK:     qc.softmax
CHECK:     qc.matmul {{.*}} -> tensor<1x5xsi32>

INTEGER:       qc.reduce min
INTEGER:       qc.quantize
INTEGER:       qc.matmul {{.*}} a_zero {{.*}} -> tensor<3x5xsi32>
INTEGER:       qc.rescale

REFUSED: QLinearMatMul
REFUSED-SAME: its scales have types
"""
import os
import re
import sys

import numpy as np


def compare(left, right):
    """Equal graphs: the same ops in the same order, whatever the values and
    constants are called."""
    def read(path):
        with open(path) as file:
            lines = [line.strip() for line in file]
        constants = {}
        ops = []
        names = {}
        for line in lines:
            match = re.match(r"(%\w+) = qc.constant (.*)", line)
            if match:
                constants[match.group(1)] = "<" + match.group(2) + ">"
                continue
            match = re.match(r"(%\w+) = (.*)", line)
            text = match.group(2) if match else line
            text = re.sub(r"%\w+", lambda m: constants.get(m.group(0), names.get(m.group(0), m.group(0))), text)
            if match:
                names[match.group(1)] = f"%v{len(names)}"
            ops.append(text)
        return ops
    first, second = read(left), read(right)
    for one, other in zip(first, second):
        if one != other:
            sys.exit(f"the graphs differ:\n  {one}\n  {other}")
    if len(first) != len(second):
        sys.exit("the graphs differ in length")


class Model:
    """Collects nodes and initializers in either style."""

    def __init__(self, qoperator):
        self.qoperator = qoperator
        self.nodes, self.initializers, self.count = [], [], 0

    def constant(self, value):
        from onnx import numpy_helper
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def node(self, op, inputs, domain="", **attributes):
        from onnx import helper
        self.count += 1
        output = f"v{self.count}"
        self.nodes.append(helper.make_node(op, inputs, [output], f"n{self.count}", domain=domain, **attributes))
        return output

    def parameters(self, scale, zero):
        return self.constant(np.array(scale, np.float32)), self.constant(np.array(zero))

    def dequantize(self, tensor, axis=None):
        attributes = {} if axis is None else {"axis": axis}
        return self.node("DequantizeLinear", list(tensor), **attributes)

    def quantize(self, value, scale, zero):
        return self.node("QuantizeLinear", [value, scale, zero]), scale, zero


def network(model):
    """Tensors are triples: codes, scale, zero point."""
    random = np.random.default_rng(1)
    u8 = lambda value: np.uint8(value)
    x = ("x", *model.parameters(0.02, u8(120)))
    w = random.integers(-127, 128, (4, 3, 3, 3), dtype=np.int8)
    w_scales = np.array([0.01, 0.02, 0.005, 0.03], np.float32)
    w = (model.constant(w), model.constant(w_scales), model.constant(np.zeros(4, np.int8)))
    b = random.integers(-500, 500, 4, dtype=np.int32)
    b_scales = np.float32(0.02) * w_scales
    y = model.parameters(0.05, u8(10))
    window = dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    if model.qoperator:
        conv = model.node("QLinearConv", [*x, *w, *y, model.constant(b)], **window), *y
    else:
        bias = model.dequantize((model.constant(b), model.constant(b_scales)), axis=0)
        conv = model.quantize(model.node("Conv", [model.dequantize(x), model.dequantize(w, axis=0), bias], **window), *y)

    def binary(op, float_op, left, right, target):
        if model.qoperator:
            return model.node(op, [*left, *right, *target], "com.microsoft"), *target
        return model.quantize(model.node(float_op, [model.dequantize(left), model.dequantize(right)]), *target)

    def unary(op, float_op, tensor, target, domain="com.microsoft", **attributes):
        if model.qoperator:
            return model.node(op, [*tensor, *target], domain, **attributes), *target
        return model.quantize(model.node(float_op, [model.dequantize(tensor)], **attributes), *target)

    added = binary("QLinearAdd", "Add", conv, conv, model.parameters(0.09, u8(20)))
    sigmoid = unary("QLinearSigmoid", "Sigmoid", added, model.parameters(1 / 256, u8(0)))
    leaky = unary("QLinearLeakyRelu", "LeakyRelu", added, model.parameters(0.08, u8(60)), alpha=0.1)
    product = binary("QLinearMul", "Mul", sigmoid, leaky, model.parameters(0.07, u8(60)))
    pooled = unary("QLinearAveragePool", "AveragePool", product, model.parameters(0.06, u8(50)),
                   kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    target = model.parameters(0.1, u8(90))
    if model.qoperator:
        joined = model.node("QLinearConcat", [*target, *pooled, *leaky], "com.microsoft", axis=1), *target
    else:
        joined = model.quantize(
            model.node("Concat", [model.dequantize(pooled), model.dequantize(leaky)], axis=1), *target)
    mean = unary("QLinearGlobalAveragePool", "GlobalAveragePool", joined, model.parameters(0.04, u8(100)))
    flat = model.node("Flatten", [mean[0]]), mean[1], mean[2]
    # Where chooses between rows of codes; softmax and a matrix product follow.
    choice = model.constant(np.arange(8) % 2 == 0)
    target = model.parameters(0.05, u8(80))
    constant = model.constant(random.integers(0, 255, (1, 8), dtype=np.uint8)), *model.parameters(0.03, u8(9))
    if model.qoperator:
        flat = model.node("QLinearWhere", [choice, *flat, *constant, *target], "com.microsoft"), *target
    else:
        flat = model.quantize(model.node("Where", [choice, model.dequantize(flat), model.dequantize(constant)]), *target)
    square = model.constant(random.integers(-127, 128, (8, 8), dtype=np.int8)), *model.parameters(0.01, np.int8(0))
    target = model.parameters(0.12, u8(130))
    if model.qoperator:
        flat = model.node("QLinearMatMul", [*flat, *square, *target]), *target
    else:
        flat = model.quantize(model.node("MatMul", [model.dequantize(flat), model.dequantize(square)]), *target)
    soft = model.parameters(1 / 256, u8(0))
    if model.qoperator:
        flat = model.node("QLinearSoftmax", [*flat, *soft], "com.microsoft", opset=13), *soft
    else:
        flat = model.quantize(model.node("Softmax", [model.dequantize(flat)]), *soft)
    weights = (model.constant(random.integers(-127, 128, (5, 8), dtype=np.int8)),
               model.constant(np.array(0.015, np.float32)), model.constant(np.int8(0)))
    gemm_bias = model.constant(random.integers(-900, 900, 5, dtype=np.int32))
    target = model.parameters(0.2, u8(128))
    if model.qoperator:
        return model.node("QGemm", [*flat, *weights, gemm_bias, *target], "com.microsoft", transB=1)
    bias = model.dequantize((gemm_bias, model.constant(np.float32(1 / 256) * np.float32(0.015))))
    gemm = model.node("Gemm", [model.dequantize(flat), model.dequantize(weights), bias], transB=1)
    return model.quantize(gemm, *target)[0]


def save(model, path, inputs, output, output_type):
    import onnx
    from onnx import TensorProto, helper
    last = model.nodes[-1]
    last.output[0] = "y" if last.output[0] == output else last.output[0]
    graph = helper.make_graph(
        model.nodes, "g",
        [helper.make_tensor_value_info(name, getattr(TensorProto, kind), shape) for name, kind, shape in inputs],
        [helper.make_tensor_value_info("y", getattr(TensorProto, output_type), None)], model.initializers)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13),
                                                    helper.make_opsetid("com.microsoft", 1)])
    onnx.save(proto, path)


def main(folder):
    for name in ("qoperator", "qdq"):
        model = Model(name == "qoperator")
        output = network(model)
        save(model, os.path.join(folder, name + ".onnx"), [("x", "UINT8", [1, 3, 6, 6])], output, "UINT8")
    model = Model(True)
    weights = model.constant(np.ones((4, 5), np.int8))
    scales = model.constant(np.full(5, 0.1, np.float32))
    output = model.node("DynamicQuantizeMatMul", ["x", weights, scales], "com.microsoft")
    save(model, os.path.join(folder, "integer.onnx"), [("x", "FLOAT", [3, 4])], output, "FLOAT")
    model = Model(True)
    scales = model.constant(np.full((3, 1), 0.1, np.float32)), model.constant(np.zeros((3, 1), np.uint8))
    weights = model.constant(np.ones((4, 5), np.uint8))
    single = model.parameters(0.2, np.uint8(0))
    output = model.node("QLinearMatMul", ["x", *scales, weights, *single, *single])
    save(model, os.path.join(folder, "refused.onnx"), [("x", "UINT8", [3, 4])], output, "UINT8")


if __name__ == "__main__":
    if sys.argv[1] == "--compare":
        compare(*sys.argv[2:])
    else:
        main(sys.argv[1])
