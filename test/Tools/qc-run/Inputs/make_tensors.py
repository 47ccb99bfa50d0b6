# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors for the model of test/Unit/Runtime/Inputs/Model.c in the given folder:
inputs x.npy and b.npy, outputs y.npy and numbers.npy, and y_wrong.npy with one
wrong element."""
import os
import sys

import numpy as np

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
x = np.linspace(-3, 3, 1000, dtype=np.float32)
b = np.arange(1000, dtype=np.float32)
y = x * np.tile(np.array([0.5, -2, 3, 0.1], np.float32), 250) + b
wrong = y.copy()
wrong[7] += 0.5
for name, array in {"x": x, "b": b, "y": y, "y_wrong": wrong, "x10": x[:10], "b10": b[:10], "y10": y[:10],
                    "numbers": np.arange(8, dtype=np.int32) ** 2}.items():
    np.save(os.path.join(folder, name + ".npy"), array)
