# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# make_inputs.py FOLDER COUNT NAME=SHAPE…: .npz files of values between -2 and 2.
import pathlib
import sys

import numpy as np

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(0)
for index in range(int(sys.argv[2])):
    arrays = {}
    for argument in sys.argv[3:]:
        name, shape = argument.split("=")
        arrays[name] = random.uniform(-2, 2, [int(size) for size in shape.split("x")]).astype(np.float32)
    np.savez(folder / f"{index:04}.npz", **arrays)
