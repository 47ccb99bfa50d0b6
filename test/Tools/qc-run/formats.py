# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Files that numpy and onnx write are read as they mean them. The model's output
# is compared with them: of another type they are a mismatch that tells what was
# understood, of the same one they must match.
#
# REQUIRES: onnx
# RUN: rm -rf %t && %python %S/Inputs/make_tensors.py %t
# RUN: %python %s qc-run %test_model %t
import os
import subprocess
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

tool, model, folder = sys.argv[1:]


def run(*arguments):
    return subprocess.run([tool, model, *arguments], capture_output=True, text=True)


def expect_numbers(path):
    """What qc-run says of the int32 output 0, 1, 4 ... 49 compared with a file."""
    process = run("--random=1", "--program=main", f"--expect=numbers={path}", "--rtol=0", "--atol=0")
    assert process.returncode in (0, 1), (path, process.stderr)
    return process.stdout


squares = np.arange(8) ** 2
for order in "<>":
    path = os.path.join(folder, "squares.npy")
    np.save(path, squares.astype(order + "i4"))
    assert ": match" in expect_numbers(path), order
np.save(path, np.asfortranarray(squares.astype(np.int32).reshape(2, 4)))
assert "expected is int32[2,4]" in expect_numbers(path)
for dtype in ("bool", "int8", "uint8", "int16", "uint16", "uint32", "int64", "uint64", "float16", "float32", "float64"):
    np.save(path, squares.astype(dtype))
    assert f"expected is {dtype}[8]" in expect_numbers(path), dtype

path = os.path.join(folder, "squares.pb")
types = {name: number for name, number in onnx.TensorProto.DataType.items()
         if name not in ("UNDEFINED", "STRING", "COMPLEX64", "COMPLEX128") and number <= 24}
for name, number in types.items():
    for raw in (False, True):
        dtype = helper.tensor_dtype_to_np_dtype(number)
        values = (np.arange(8) % 2).astype(dtype)
        if raw:
            tensor = numpy_helper.from_array(values, "numbers")
            if tensor.data_type != number:
                continue
        else:
            tensor = helper.make_tensor("numbers", number, [8], values.astype(np.float32))
        with open(path, "wb") as file:
            file.write(tensor.SerializeToString())
        text = expect_numbers(path)
        known = {"FLOAT": "float32", "DOUBLE": "float64"}.get(name, name.lower())
        if name == "INT32":
            assert "MISMATCH of 6 of 8 elements" in text, text
        else:
            assert f"expected is {known}[8]" in text, (name, raw, text)
with open(path, "wb") as file:
    file.write(numpy_helper.from_array(squares.astype(np.int32)).SerializeToString())
assert ": match" in expect_numbers(path)

# The same inputs as .pb and as .npy give the same output.
for name in ("x", "b"):
    with open(os.path.join(folder, name + ".pb"), "wb") as file:
        file.write(numpy_helper.from_array(np.load(os.path.join(folder, name + ".npy"))).SerializeToString())
process = run(f"--input=x={folder}/x.pb", f"--input=scope/b:0={folder}/b.pb", f"--expect=y={folder}/y.npy", "--rtol=0",
              "--atol=0")
assert process.returncode == 0, process
