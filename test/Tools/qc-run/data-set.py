# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Data sets: a .npz in, a .npz of the same name out, whatever program each needs,
# with archives as numpy writes them, stored and deflated.
#
# REQUIRES: onnx
# RUN: rm -rf %t
# RUN: %python %s qc-run %test_model %t
import os
import subprocess
import sys

import numpy as np

tool, model, folder = sys.argv[1:]
inputs, outputs = os.path.join(folder, "in"), os.path.join(folder, "new", "out")
os.makedirs(inputs)
random = np.random.default_rng(1)
expected = {}
for index, size in enumerate([1000, 10, 1000, 10, 10]):
    x, b = random.standard_normal((2, size)).astype(np.float32)
    save = np.savez if index % 2 else np.savez_compressed
    save(os.path.join(inputs, f"{index}.npz"), **{"x": x, "scope/b:0": b})
    expected[f"{index}.npz"] = x * np.resize(np.array([0.5, -2, 3, 0.1], np.float32), size) + b
process = subprocess.run([tool, model, "--inputs", inputs, "--outputs", outputs, "--threads", "2"],
                         capture_output=True, text=True, check=True)
assert ": 5 files of a data set, " in process.stdout, process.stdout
assert sorted(os.listdir(outputs)) == sorted(expected)
for name, y in expected.items():
    with np.load(os.path.join(outputs, name)) as archive:
        assert archive["y"].dtype == np.float32 and (archive["y"] == y).all()
        if y.size == 1000:
            assert archive["numbers"].tolist() == [i * i for i in range(8)]
# An input that is missing, and one too many.
for name, arrays in (("missing", {"x": x}), ("surplus", {"x": x, "scope/b:0": b, "z": x})):
    os.makedirs(os.path.join(folder, name))
    np.savez(os.path.join(folder, name, "0.npz"), **arrays)
    process = subprocess.run([tool, model, "--inputs", os.path.join(folder, name), "--outputs", outputs],
                             capture_output=True, text=True)
    assert process.returncode == 2 and "0.npz: " in process.stderr, process.stderr
