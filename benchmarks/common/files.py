# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The files that are compared: of every network one float file with batch norms
folded, 100 calibration inputs, and int8 files that onnxruntime's quantizer, NNCF
and qc make of these. What is made stays in the qc cache and is made anew when what
it was made of has changed."""
import glob
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

import networks
import numpy as np
import qctest

CALIBRATION_INPUTS = 100
TOKENS = 256  # of a calibration sequence
QUANTIZER = os.path.join(qctest.ROOT, "scripts", "quantize_qdq.py")
STYLES = {
    # name of a style: quantize_qdq.py's arguments, the first that work.
    # onnxruntime's quantizer fails per channel where a bias is no vector.
    "int8-ort": (["--per-channel"], []),
    "int8-nncf": (["--quantizer=nncf"],),
}
# Weights of matrix products in blocks of 4 bits, for language models.
BLOCK_STYLES = {f"w4g{block}-ort": (["--quantizer=nbits", f"--block={block}"],) for block in (32, 128)}


def folder(name="bench"):
    return networks.cache(name)


def network_name(case):
    return re.sub(r"^.*/|\.f16$", "", case.name)


def digest(*parts):
    """A hash of files and texts."""
    state = hashlib.sha256()
    for part in parts:
        if os.path.isfile(part):
            with open(part, "rb") as file:
                while piece := file.read(1 << 20):
                    state.update(piece)
        else:
            state.update(part.encode())
    return state.hexdigest()


def made_once(path, key, make):
    """Calls make(path) unless `path` was made with the same key."""
    mark = path + ".key"
    if os.path.exists(path) and os.path.exists(mark):
        with open(mark) as file:
            if file.read() == key:
                return path
    if os.path.exists(mark):
        os.unlink(mark)
    make(path)
    with open(mark, "w") as file:
        file.write(key)
    return path


def cost_of(path):
    """What making `path` took, where that was measured."""
    with open(path + ".cost") as file:
        return json.load(file)


def keep_cost(path, cost):
    with open(path + ".cost", "w") as file:
        json.dump(cost, file)


def calibration(case):
    """The folder of calibration inputs. Token sequences of several lengths are
    joined and cut to one, unless something goes with each."""
    path = os.path.join(folder(), network_name(case) + ".calibration")
    key = digest(repr((CALIBRATION_INPUTS, TOKENS)), os.path.join(qctest.data_directory() or "", "tools", "refeval.py"))

    def make(path):
        os.makedirs(path, exist_ok=True)
        for old in glob.glob(os.path.join(path, "*.npz")):
            os.unlink(old)
        case.calibrate(path, CALIBRATION_INPUTS)
        files = sorted(glob.glob(os.path.join(path, "*.npz")))
        feeds = [dict(np.load(file)) for file in files]
        if len(feeds[0]) > 1 or len({value.shape for feed in feeds for value in feed.values()}) == 1:
            return
        name = next(iter(feeds[0]))
        joined = np.concatenate([feed[name].reshape(-1) for feed in feeds])
        for file in files:
            os.unlink(file)
        for index in range(len(joined) // TOKENS):
            np.savez(os.path.join(path, f"{index:04}.npz"), **{name: joined[None, index * TOKENS:(index + 1) * TOKENS]})
    return made_once(path, key, make)


def float_file(case):
    """The float file that everybody begins with."""
    path = os.path.join(folder(), network_name(case) + ".prepared.onnx")
    return made_once(path, digest(case.model(), QUANTIZER), lambda path: subprocess.run(
        [sys.executable, QUANTIZER, case.model(), "-", path, "--quantizer=none"], check=True, stdout=subprocess.DEVNULL))


def quantized_module(case, name, options, shapes):
    """What qc makes of the float file for these input shapes, with `options` of
    --qc-quantize-pipeline: an .mlir file called after the network and `name`, with
    its plan beside it; `cost_of` it is known. Raises RunFailure."""
    path = os.path.join(folder("accuracy"), f"{network_name(case)}.{name}.mlir")
    source, inputs = float_file(case), calibration(case)
    key = digest(source, qctest.tool("qc-opt"), qctest.tool("qc-translate"), options, repr(sorted(shapes.items())),
                 *sorted(glob.glob(inputs + "/*.npz")))

    def make(path):
        with tempfile.TemporaryDirectory(prefix="qc-accuracy-", dir=folder("accuracy")) as work:
            commands = qctest.quantize_commands(
                source, path, os.path.join(work, "float.mlir"), shapes,
                f"calibration={inputs} {options} report={path.removesuffix('.mlir')}.plan.json")
            costs = [qctest.run_measured(command, 3600) for command in commands]
        keep_cost(path, {"seconds": sum(cost["seconds"] for cost in costs),
                         "cpu_seconds": sum(cost["cpu_seconds"] for cost in costs),
                         "peak_bytes": max(cost["peak_bytes"] for cost in costs)})
    return made_once(path, key, make)


def exported_file(case, shapes):
    """The QDQ file that qc writes of what it makes of the float file."""
    module = quantized_module(case, "W8A8", "weights=si8", shapes)
    path = os.path.join(folder(), f"{network_name(case)}.int8-qc.dynamic.onnx")
    return made_once(path, digest(module, qctest.tool("qc-translate")), lambda path: qctest.run_command(
        [qctest.tool("qc-translate"), "--export-onnx", module, "-o", path], 900))


def quantized_file(case, style):
    """What a peer makes of the float file in one of the styles; `cost_of` it is
    known. Raises RunFailure where the peer cannot."""
    path = os.path.join(folder(), f"{network_name(case)}.{style}.dynamic.onnx")
    source, inputs, attempts = float_file(case), calibration(case), {**STYLES, **BLOCK_STYLES}[style]

    def make(path):
        for arguments in attempts:
            try:
                keep_cost(path, qctest.run_measured([networks.peers_python(), QUANTIZER, source, inputs, path, *arguments], 3600))
                return
            except qctest.RunFailure as error:
                failure = error
        raise failure
    return made_once(path, digest(source, QUANTIZER, repr(attempts), *sorted(glob.glob(inputs + "/*.npz"))), make)


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


def weight_bytes(path):
    """Bytes of the constants of an ONNX file."""
    import onnx
    model = onnx.load(path, load_external_data=False)
    total = 0
    for tensor in model.graph.initializer:
        width = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize * 8
        width = {onnx.TensorProto.INT4: 4, onnx.TensorProto.UINT4: 4}.get(tensor.data_type, width)
        total += -(-int(np.prod(tensor.dims, dtype=np.int64)) * width // 8)
    return total
