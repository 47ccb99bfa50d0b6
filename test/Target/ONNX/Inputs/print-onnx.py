# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints models that the ONNX checker accepts as text."""
import sys

import onnx

for path in sys.argv[1:]:
    onnx.checker.check_model(path, full_check=True)
    print(onnx.printer.to_text(onnx.load(path)))
