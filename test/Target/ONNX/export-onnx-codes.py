# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# REQUIRES: onnxruntime
# RUN: rm -rf %t && mkdir -p %t && %python %s write %t
# RUN: qc-translate --export-onnx --external-data=%t/codes.data %t/codes.mlir -o %t/codes.onnx
# RUN: %python %s run %t
"""Codes of widths that ONNX lacks, stored wider: constants hold the same numbers, and
what is quantized at run time saturates as before. The weights lie in a file."""
import sys

import numpy as np

TYPES = {"si3": (-4, 3, "INT4"), "ui3": (0, 7, "UINT4"), "si5": (-16, 15, "INT8"), "ui6": (0, 63, "UINT8"), "si7": (-64, 63, "INT8")}
ROWS = 600


def codes(low, high):
    return np.arange(ROWS * 3) % (high - low + 1) + low


def write(folder):
    arguments, results, types, body = [], [], [], []
    for name, (low, high, _) in TYPES.items():
        zero = low + 2
        rows = ", ".join(str(list(row)) for row in codes(low, high).reshape(ROWS, 3).tolist())
        arguments.append(f'%x_{name}: tensor<64xf32> {{qc.name = "x_{name}"}}')
        results += [f'tensor<{ROWS}x3xf32> {{qc.name = "w_{name}"}}', f'tensor<64xf32> {{qc.name = "y_{name}"}}']
        types += [f"tensor<{ROWS}x3xf32>", "tensor<64xf32>"]
        body.append(f"""
  %c_{name} = qc.constant dense<[{rows}]> : tensor<{ROWS}x3x{name}> : tensor<{ROWS}x3x{name}> loc("codes_{name}")
  %s_{name} = qc.constant dense<0.3> : tensor<f32> : tensor<f32>
  %z_{name} = qc.constant dense<{zero}> : tensor<{name}> : tensor<{name}>
  %w_{name} = qc.dequantize %c_{name}, %s_{name}, %z_{name} {{axis = 0 : i64}} : (tensor<{ROWS}x3x{name}>, tensor<f32>, tensor<{name}>) -> tensor<{ROWS}x3xf32>
  %q_{name} = qc.quantize %x_{name}, %s_{name}, %z_{name} {{axis = 0 : i64}} : (tensor<64xf32>, tensor<f32>, tensor<{name}>) -> tensor<64x{name}>
  %y_{name} = qc.dequantize %q_{name}, %s_{name}, %z_{name} {{axis = 0 : i64}} : (tensor<64x{name}>, tensor<f32>, tensor<{name}>) -> tensor<64xf32>""")
    values = ", ".join(f"%w_{name}, %y_{name}" for name in TYPES)
    with open(f"{folder}/codes.mlir", "w") as file:
        file.write(f"func.func @main({', '.join(arguments)}) -> ({', '.join(results)}) {{{''.join(body)}\n"
                   f"  return {values} : {', '.join(types)}\n}}\n")


def run(folder):
    import onnx
    import onnxruntime
    path = f"{folder}/codes.onnx"
    onnx.checker.check_model(path, full_check=True)
    tensors = {tensor.name: tensor for tensor in onnx.load(path, load_external_data=False).graph.initializer}
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = np.linspace(-30, 30, 64, dtype=np.float32)
    outputs = dict(zip([output.name for output in session.get_outputs()], session.run(None, {f"x_{name}": x for name in TYPES})))
    for name, (low, high, stored) in TYPES.items():
        tensor = tensors[f"codes_{name}"]
        assert tensor.data_type == onnx.TensorProto.DataType.Value(stored), name
        large = ROWS * 3 // (2 if "4" in stored else 1) >= 1024
        assert (tensor.data_location == onnx.TensorProto.EXTERNAL) == large, name
        zero, scale = low + 2, np.float32(0.3)
        np.testing.assert_array_equal(outputs[f"w_{name}"], ((codes(low, high) - zero).astype(np.float32) * scale).reshape(ROWS, 3))
        q = np.clip(np.rint(x / scale) + zero, low, high)
        np.testing.assert_array_equal(outputs[f"y_{name}"], (q - zero).astype(np.float32) * scale)


{"write": write, "run": run}[sys.argv[1]](sys.argv[2])
