# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Memory of a compile: weights stay in the model's file or its external data,
and are packed one at a time.

What counts is what a process owns (RssAnon + RssShmem), its children included;
pages of mapped files are the system's. The bound for any model is 1.3 times its
weights and 300 MB. Where nothing is folded it is far less: the largest weight and
300 MB, which a single copy of all weights would break.
"""
import os
import subprocess
import sys
import time

import numpy as np
import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qctest  # noqa: E402

MEGABYTE = 1 << 20
BASE = 300 * MEGABYTE
VOCABULARY, WIDTH, LAYERS = 20000, 2048, 4  # 393 MB, of which 164 MB are the largest weight


def owned_bytes(pid, parent=None):
    """RssAnon + RssShmem of a process and its descendants. A child that has not
    executed its program yet has its parent's memory, not its own."""
    total = 0
    try:
        if parent and os.readlink(f"/proc/{pid}/exe") == os.readlink(f"/proc/{parent}/exe"):
            return 0
        with open(f"/proc/{pid}/status") as file:
            total = sum(int(line.split()[1]) << 10 for line in file if line.startswith(("RssAnon", "RssShmem")))
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                total += sum(owned_bytes(child, pid) for child in file.read().split())
    except OSError:  # It has just ended.
        pass
    return total


def peak_of(command, log):
    """The largest owned_bytes seen while the command ran; it must succeed."""
    with open(log, "w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
        peak = 0
        while process.poll() is None:
            peak = max(peak, owned_bytes(process.pid))
            time.sleep(0.002)
    with open(log) as file:
        assert process.returncode == 0, file.read()
    return peak


def make_model(folder, external):
    """An embedding, matrix products and a head. Returns the path and the weights."""
    import onnx
    from onnx import TensorProto, helper
    random = np.random.default_rng(5)
    nodes, weights = [helper.make_node("Gather", ["table", "ids"], ["x0"])], {}
    weights["table"] = random.random((VOCABULARY, WIDTH), np.float32) - np.float32(0.5)
    for i in range(LAYERS):
        weights[f"w{i}"] = random.random((WIDTH, WIDTH), np.float32) - np.float32(0.5)
        nodes += [helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"m{i}"]),
                  helper.make_node("Tanh", [f"m{i}"], [f"x{i + 1}"])]
    weights["head"] = random.random((WIDTH, VOCABULARY), np.float32) - np.float32(0.5)
    nodes.append(helper.make_node("MatMul", [f"x{LAYERS}", "head"], ["y"]))
    initializers = []
    with open(os.path.join(folder, "weights.bin"), "wb") as data:
        for name, array in weights.items():
            tensor = TensorProto(name=name, dims=array.shape, data_type=TensorProto.FLOAT)
            if external:
                tensor.data_location = TensorProto.EXTERNAL
                for key, value in (("location", "weights.bin"), ("offset", data.tell()), ("length", array.nbytes)):
                    tensor.external_data.add(key=key, value=str(value))
                data.write(array)
            else:
                tensor.raw_data = array.tobytes()
            initializers.append(tensor)
    graph = helper.make_graph(
        nodes, "large", [helper.make_tensor_value_info("ids", TensorProto.INT64, [2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, VOCABULARY])], initializers)
    path = os.path.join(folder, "model.onnx")
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path, weights


@pytest.mark.parametrize("external", [True, False], ids=["external-data", "in-the-model"])
def test_weights_are_never_copied(external, tmp_path):
    path, weights = make_model(str(tmp_path), external)
    library = str(tmp_path / "model.so")
    peak = peak_of([qctest.tool("qc-compile"), path, "-o", library], tmp_path / "log")
    largest = max(array.nbytes for array in weights.values())
    print(f"{peak / MEGABYTE:.0f} MB for {sum(a.nbytes for a in weights.values()) / MEGABYTE:.0f} MB of weights")
    assert peak <= largest + BASE

    ids = np.array([3, VOCABULARY - 1])
    x = weights["table"][ids]
    for i in range(LAYERS):
        x = np.tanh(x @ weights[f"w{i}"])
    np.save(tmp_path / "ids.npy", ids)
    np.save(tmp_path / "y.npy", x @ weights["head"])
    # Sums of 2,048 products of numbers below one in another order.
    qctest.run_command([qctest.tool("qc-run"), library, "--input", f"ids={tmp_path / 'ids.npy'}",
                        "--expect", f"y={tmp_path / 'y.npy'}", "--atol", "1e-3"], 60)


@pytest.mark.skipif(not qctest.data_directory(), reason="the data folder is missing (set QC_DATA)")
def test_folded_weights_keep_the_bound(tmp_path):
    """ResNet-50: weights are stored as f16, batch norms fold into convolutions."""
    model = os.path.join(qctest.data_directory(), "models", "imagenet", "resnet50_keras.f16.onnx")
    library = str(tmp_path / "model.so")
    peak = peak_of([qctest.tool("qc-compile"), model, "--bind", "N=1", "-o", library], tmp_path / "log")
    size = 2 * os.path.getsize(model)  # as f32
    print(f"{peak / MEGABYTE:.0f} MB for {size / MEGABYTE:.0f} MB of weights")
    assert peak <= 1.3 * size + BASE
