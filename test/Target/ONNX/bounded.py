# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# REQUIRES: onnx
# Sanitizer builds have no compiler.
# UNSUPPORTED: sanitizer
# RUN: rm -rf %t && mkdir -p %t && %python %s %t qc-compile qc-run
# RUN: qc-translate --import-onnx %t/boxes.onnx | FileCheck %s
# RUN: not qc-translate --import-onnx %t/topk.onnx 2>&1 | FileCheck %s --check-prefix=TOPK
# RUN: not qc-translate --import-onnx %t/mixed.onnx 2>&1 | FileCheck %s --check-prefix=MIXED
# RUN: not qc-translate --import-onnx %t/branch.onnx 2>&1 | FileCheck %s --check-prefix=BRANCH
"""Results of data-dependent size: what they pass through keeps their extents, and
the tools cut outputs to them. Compared with numpy, several inputs per artefact.

CHECK:      func.func @main
CHECK-SAME: -> (tensor<12x4xf32> {qc.extents = 2 : i64, qc.name = "boxes"}, tensor<1xsi64> {qc.name = "count"}, tensor<2xsi64> {qc.name = "boxes.extents"})
CHECK:      qc.suppress

TOPK:       topk.onnx: node 'topk' (op TopK, domain ai.onnx, opset 17): a value's size is known only at run time (at most 6); accepted: outputs, Gather
MIXED:      node 'add' (op Add, {{.*}}: operands have run-time sizes that need not agree in dimension 0
BRANCH:     node 'if' (op If, {{.*}}: a value's size is known only at run time
"""
import json
import os
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

work, compiler, runner = sys.argv[1:4]


def save(name, nodes, inputs, outputs, constants=()):
    types = {np.float32: TensorProto.FLOAT, np.int64: TensorProto.INT64, np.bool_: TensorProto.BOOL}
    info = lambda entry: helper.make_tensor_value_info(entry[0], types[entry[1]], entry[2])
    graph = helper.make_graph([helper.make_node(*node[:3], **(node[3] if len(node) > 3 else {})) for node in nodes],
                              "g", [info(i) for i in inputs], [info(o) for o in outputs],
                              [numpy_helper.from_array(np.asarray(v), k) for k, v in dict(constants).items()])
    path = os.path.join(work, name + ".onnx")
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def check(name, inputs, expected):
    """Runs NAME.so; the outputs must have the shapes and values of `expected`."""
    command = [runner, os.path.join(work, name + ".so"), "--json", "--output", os.path.join(work, "out")]
    for kind, values in (("--input", inputs), ("--expect", expected)):
        for key, value in values.items():
            file = os.path.join(work, f"{kind[2:]}-{key}.npy")
            np.save(file, np.asarray(value))
            command += [kind, f"{key}={file}"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{name}: {command} gives {result.returncode}:\n{result.stdout}{result.stderr}")
    report = json.loads(result.stdout)
    for output in report["outputs"]:
        key = output["name"]
        value = np.load(os.path.join(work, "out", key + ".npy"))
        assert value.shape == np.shape(expected[key]), (name, key, value.shape, np.shape(expected[key]))
    assert {output["name"] for output in report["outputs"]} == set(expected)


def build(path):
    subprocess.run([compiler, path, "-o", path.replace(".onnx", ".so")], check=True)


f32, i64 = np.float32, np.int64

# Positions: a matrix whose second dimension varies, moved together for the output.
save("positions", [("NonZero", ["x"], ["p"]), ("Shape", ["p"], ["s"]), ("Transpose", ["p"], ["t"]),
                   ("GatherND", ["x", "t"], ["v"]), ("Mul", ["v", "two"], ["w"]), ("Size", ["v"], ["n"])],
     [("x", f32, [3, 4])], [("p", i64, None), ("s", i64, [2]), ("w", f32, None), ("n", i64, [])],
     {"two": f32(2)})
build(os.path.join(work, "positions.onnx"))
for x in (np.zeros((3, 4), f32), np.ones((3, 4), f32), np.array([[0, 1, 0, 2], [0, 0, 0, 0], [3, 0, 4, 5]], f32)):
    p = np.array(np.nonzero(x))
    check("positions", {"x": x}, {"p": p, "s": np.array(p.shape), "w": 2 * x[x != 0], "n": i64(p.shape[1])})

# Slices count from the end that there is; gathers too.
save("slices", [("Compress", ["x", "keep"], ["c"], {"axis": 0}), ("Slice", ["c", "m2", "far", "zero"], ["tail"]),
                ("Slice", ["c", "one", "m1", "zero"], ["middle"]), ("Slice", ["c", "zero", "far", "zero", "step"], ["even"]),
                ("Gather", ["c", "m1"], ["last"], {"axis": 0}), ("Unsqueeze", ["c", "zero"], ["u"]),
                ("Concat", ["c", "c"], ["wide"], {"axis": 1}), ("Reshape", ["c", "m1"], ["flat"])],
     [("x", f32, [5, 2]), ("keep", np.bool_, [5])],
     [(key, f32, None) for key in ("tail", "middle", "even", "last", "u", "wide", "flat")],
     {"m2": [i64(-2)], "m1": [i64(-1)], "zero": [i64(0)], "one": [i64(1)], "far": [i64(2**63 - 1)], "step": [i64(2)]})
build(os.path.join(work, "slices.onnx"))
x = np.arange(10, dtype=f32).reshape(5, 2)
for keep in ([1, 0, 0, 0, 0], [0, 1, 1, 0, 1], [1, 1, 1, 1, 1]):
    c = x[np.array(keep, bool)]
    check("slices", {"x": x, "keep": np.array(keep, bool)},
          {"tail": c[-2:], "middle": c[1:-1], "even": c[::2], "last": c[[-1]], "u": c[None],
           "wide": np.concatenate([c, c], 1), "flat": c.reshape(-1)})

# The end of a detector: suppression, then the boxes that it takes.
save("boxes", [("NonMaxSuppression", ["b", "s", "limit", "iou", "score"], ["sel"]),
               ("Slice", ["sel", "two", "three", "one"], ["col"]), ("Squeeze", ["col", "one"], ["idx"]),
               ("Squeeze", ["b", "zero"], ["flat"]), ("Gather", ["flat", "idx"], ["boxes"], {"axis": 0}),
               ("Shape", ["idx"], ["count"])],
     [("b", f32, [1, 6, 4]), ("s", f32, [1, 2, 6])], [("boxes", f32, None), ("count", i64, [1])],
     {"limit": i64(6), "iou": f32(0.5), "score": f32(0.3), "zero": [i64(0)], "one": [i64(1)], "two": [i64(2)],
      "three": [i64(3)]})
build(os.path.join(work, "boxes.onnx"))
boxes = np.array([[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, 2, 1, 3], [0, 2.1, 1, 3.1], [5, 5, 6, 6], [5, 5, 6, 6]], f32)
scores = np.array([[0.9, 0.8, 0.5, 0.6, 0.2, 0.4], [0, 0, 0, 0, 0, 0]], f32)
check("boxes", {"b": boxes[None], "s": scores[None]}, {"boxes": boxes[[0, 3, 5]], "count": [i64(3)]})
check("boxes", {"b": boxes[None], "s": 0 * scores[None]}, {"boxes": boxes[:0], "count": [i64(0)]})

# Known at compile time: the result has one size.
save("constant", [("NonZero", ["mask"], ["p"]), ("Squeeze", ["p", "zero"], ["i"]), ("Gather", ["x", "i"], ["y"])],
     [("x", f32, [4, 2])], [("y", f32, [2, 2])], {"mask": np.array([0, 1, 0, 1], i64), "zero": [i64(0)]})
build(os.path.join(work, "constant.onnx"))
x = np.arange(8, dtype=f32).reshape(4, 2)
check("constant", {"x": x}, {"y": x[[1, 3]]})

# Refused.
save("topk", [("NonZero", ["x"], ["p"]), ("Squeeze", ["p", "zero"], ["v"]), ("TopK", ["v", "one"], ["y", "i"], {"name": "topk"})],
     [("x", f32, [6])], [("y", i64, [1])], {"zero": [i64(0)], "one": [i64(1)]})
save("mixed", [("NonZero", ["x"], ["p"]), ("NonZero", ["z"], ["q"]), ("Squeeze", ["p", "zero"], ["v"]),
               ("Squeeze", ["q", "zero"], ["w"]), ("Add", ["v", "w"], ["y"], {"name": "add"})],
     [("x", f32, [6]), ("z", f32, [6])], [("y", i64, None)], {"zero": [i64(0)]})
branch = lambda name: helper.make_graph([helper.make_node("Identity", ["p"], [name])], name, [],
                                        [helper.make_tensor_value_info(name, TensorProto.INT64, None)])
save("branch", [("NonZero", ["x"], ["p"]),
                ("If", ["c"], ["y"], {"name": "if", "then_branch": branch("a"), "else_branch": branch("b")})],
     [("x", f32, [6]), ("c", np.bool_, [])], [("y", i64, None)])
