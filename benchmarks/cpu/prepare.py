# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The files that are measured: of every network one float file with batch norms
folded, and int8 files that onnxruntime's quantizer and NNCF make of that file
with the same calibration inputs. All peers get the same files, with all shapes
fixed. What is made stays in the qc cache."""
import os
import re
import subprocess
import sys

import networks
import numpy as np
import qctest

TOKENS = 128
STYLES = {
    # name of a style: quantize_qdq.py's arguments, the first that work.
    # onnxruntime's quantizer fails per channel where a bias is no vector.
    "int8-ort": (["--per-channel"], []),
    "int8-nncf": (["--quantizer=nncf"],),
}


class Row:
    """A network in one style: `file()` makes its file, `feed()` gives an input."""

    def __init__(self, case, style):
        self.case, self.style = case, style
        self.network = re.sub(r"^.*/|\.f16$", "", case.name)
        self.name = f"{self.network} {style}"

    def feed(self):
        """A real input; token sequences have 128 tokens, repeated to get there."""
        feed = next(iter(self.case.feeds(1)))
        return {name: np.resize(value, (1, TOKENS)) if value.dtype == np.int64 and value.ndim == 2 else value
                for name, value in feed.items()}

    def file(self):
        path = os.path.join(folder(), f"{self.network}.{self.style}.onnx")
        if not os.path.exists(path):
            fix_shapes(self._dynamic_file(), path + ".new", self.feed())
            os.rename(path + ".new", path)
        return path

    def _dynamic_file(self):
        if self.style == "int8-published":
            return self.case.model()
        prepared = os.path.join(folder(), f"{self.network}.prepared.onnx")
        if not os.path.exists(prepared):
            quantizer = os.path.join(qctest.ROOT, "scripts", "quantize_qdq.py")
            subprocess.run([sys.executable, quantizer, self.case.model(), "-", prepared + ".new", "--quantizer=none"],
                           check=True, stdout=subprocess.DEVNULL)
            os.rename(prepared + ".new", prepared)
        if self.style == "fp32":
            return prepared
        path = os.path.join(folder(), f"{self.network}.{self.style}.dynamic.onnx")
        for arguments in STYLES[self.style]:
            try:
                return networks.quantized(self.case, prepared, path, *arguments, samples=20)
            except subprocess.CalledProcessError as error:
                failure = error
        raise failure


def folder():
    return networks.cache("bench")


def fix_shapes(source, target, feed):
    """Writes a model whose inputs have the shapes of `feed` and whose other
    shapes are inferred from them."""
    import onnx
    model = onnx.load(source)
    constants = {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        if value.name in constants:
            continue
        dims = value.type.tensor_type.shape.dim
        del dims[:]
        for size in feed[value.name].shape:
            dims.add().dim_value = size
    # What files say of other tensors may be symbols, or another batch.
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    onnx.save(model, target)


def all_rows(models=None):
    """All rows, smallest network first within the order of the networks."""
    data = models and os.path.dirname(os.path.abspath(models)) or qctest.data_directory()
    if data and not os.path.exists(os.path.join(data, "tools", "refeval.py")):
        sys.exit(f"error: {data} is not the data folder (no tools/refeval.py there)")
    cases = [*(networks.data_cases(data) if data else ()), *networks.light_cases()]
    rows = []
    for case in cases:
        if case.name.startswith("int8/"):
            continue  # made here, of the prepared files
        styles = ["int8-published"] if case.int8 else ["fp32", "int8-ort", "int8-nncf"]
        rows += [Row(case, style) for style in styles]
    return rows
