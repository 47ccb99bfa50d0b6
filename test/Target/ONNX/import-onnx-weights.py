# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Large constants: what exporters do to weights folds, in C++, whatever the size."""
# REQUIRES: onnx
# RUN: %python %s %t.onnx
# RUN: qc-translate --import-onnx %t.onnx --mlir-elide-resource-strings-if-larger=1 | FileCheck %s
import sys

import numpy
from onnx import TensorProto, helper, numpy_helper

# CHECK-LABEL: func.func @main
# CHECK-NOT: xf16
# CHECK-NOT: qc.cast
# CHECK-NOT: qc.transpose
# CHECK-NOT: qc.slice
# CHECK-NOT: qc.quantize
# CHECK-DAG: qc.constant dense_resource<{{.*}}> : tensor<300x200xf32>
# CHECK-DAG: qc.constant dense_resource<{{.*}}> : tensor<200x300xsi8>
# CHECK-DAG: qc.constant dense_resource<{{.*}}> : tensor<150x200xf32>
# CHECK-DAG: qc.constant dense_resource<{{.*}}> : tensor<400x300xf32>
# CHECK: return
generator = numpy.random.default_rng(1)
weights = generator.standard_normal((200, 300)).astype(numpy.float16)
constants = {
    "half": weights, "scale": numpy.float32(0.05), "zero": numpy.int8(0),
    "start": numpy.array([1]), "end": numpy.array([300]), "axis": numpy.array([0]), "step": numpy.array([2]),
}
nodes = [
    helper.make_node("Cast", ["half"], ["w"], to=TensorProto.FLOAT),
    helper.make_node("Transpose", ["w"], ["wt"]),
    helper.make_node("QuantizeLinear", ["w", "scale", "zero"], ["wq"]),
    helper.make_node("DequantizeLinear", ["wq", "scale", "zero"], ["wd"]),
    helper.make_node("Slice", ["wt", "start", "end", "axis", "step"], ["ws"]),
    helper.make_node("Concat", ["w", "w"], ["ww"], axis=0),
    helper.make_node("MatMul", ["x", "wt"], ["y0"]),
    helper.make_node("MatMul", ["y0", "wd"], ["y1"]),
    helper.make_node("MatMul", ["z", "ws"], ["y2"]),
    helper.make_node("MatMul", ["ww", "xt"], ["y3"]),
]
value = helper.make_tensor_value_info
graph = helper.make_graph(
    nodes, "weights",
    [value("x", TensorProto.FLOAT, [1, 300]), value("z", TensorProto.FLOAT, [1, 150]),
     value("xt", TensorProto.FLOAT, [300, 1])],
    [value("y1", TensorProto.FLOAT, None), value("y2", TensorProto.FLOAT, None), value("y3", TensorProto.FLOAT, None)],
    [numpy_helper.from_array(numpy.asarray(array), name) for name, array in constants.items()])
with open(sys.argv[1], "wb") as file:
    file.write(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
