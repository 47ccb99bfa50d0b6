# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels that convolutions surround, in the layout that these give them, against
numpy in f64: elements cut into parts and shuffles of channels, with shapes that
leave ends in every dimension, between pages that must not be touched."""
import os
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qctest  # noqa: E402


def response_norm(x, size, alpha, beta, bias):
    before, channels = (size - 1) // 2, x.shape[1]
    squares = np.stack([(x[:, max(0, c - before):c - before + size]**2).sum(axis=1) for c in range(channels)], axis=1)
    return x / (bias + alpha / size * squares)**beta


@pytest.mark.parametrize("channels, size, beta", [
    (19, 5, 0.75), (16, 1, 0.75), (37, 4, 0.5), (8, 7, 1.5), (9, 2, 0.8), (6, 20, 0.75), (40, 17, 1.0)])
def test_response_norm(channels, size, beta, tmp_path):
    """Behind a product with the identity, which has channels side by side."""
    random = np.random.default_rng(channels)
    x = random.standard_normal((2, channels, 3, 5)).astype(np.float32) * 3
    w = np.eye(channels, dtype=np.float32).reshape(channels, channels, 1, 1)
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]),
             helper.make_node("LRN", ["c"], ["n"], size=size, alpha=0.7, beta=beta, bias=1.25),
             helper.make_node("Conv", ["n", "w"], ["y"])]
    check(nodes, {"w": w}, x, response_norm(x.astype(np.float64), size, 0.7, beta, 1.25), tmp_path)


@pytest.mark.parametrize("groups, channels, size, extra", [
    (4, 34, (5, 6), ""), (2, 3, (7, 3), "Relu"), (3, 16, (4, 4), "split"), (5, 9, (9,), ""), (2, 8, (1, 1), "Relu")])
def test_channel_shuffle(groups, channels, size, extra, tmp_path):
    """Grouped product, shuffle, depthwise convolution: with an op in between, or the
    split tensor read in rows, too."""
    random = np.random.default_rng(channels)
    count = groups * channels
    x = random.standard_normal((2, count, *size)).astype(np.float32)
    w = random.standard_normal((count, channels) + (1,) * len(size)).astype(np.float32)
    v = random.standard_normal((count, 1) + (3,) * len(size)).astype(np.float32)
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], group=groups), helper.make_node("Reshape", ["c", "apart"], ["s"]),
             helper.make_node("Transpose", ["s"], ["t"], perm=[0, 2, 1, *range(3, 3 + len(size))]),
             helper.make_node("Reshape", ["t", "joint"], ["j"]),
             helper.make_node("Conv", ["j", "v"], ["d"], group=count, pads=[1] * 2 * len(size))]
    product = np.einsum("bgc...,gnc->bgn...", x.reshape(2, groups, channels, *size).astype(np.float64),
                        w.reshape(groups, channels, channels))
    scale = 1
    if extra == "Relu":
        nodes[2].input[0] = "r"
        nodes.insert(2, helper.make_node("Relu", ["s"], ["r"]))
        product = np.maximum(product, 0)
    if extra == "split":
        axes = list(range(2, 3 + len(size)))
        nodes += [helper.make_node("ReduceMean", ["s"], ["m"], axes=axes),
                  helper.make_node("ReduceSum", ["m", "axes"], ["f"], keepdims=0)]
        scale = product.mean(axis=tuple(axes)).sum(axis=1).reshape(2, *[1] * (1 + len(size)))
        nodes.append(helper.make_node("Mul", ["d", "u"], ["y"]))
        nodes.insert(-1, helper.make_node("Reshape", ["f", "column"], ["u"]))
    else:
        nodes[-1].output[0] = "y"
    shuffled = np.moveaxis(product, 1, 2).reshape(x.shape)
    padded = np.pad(shuffled, ((0, 0), (0, 0), *[(1, 1)] * len(size)))
    expected = 0
    for tap in np.ndindex(v.shape[2:]):
        part = tuple(slice(at, at + extent) for at, extent in zip(tap, size))
        expected = expected + padded[:, :, *part] * v[:, 0, *tap].astype(np.float64).reshape(-1, *[1] * len(size))
    constants = {"w": w, "v": v, "apart": np.array([2, groups, channels, *size]), "joint": np.array([2, count, *size]),
                 "axes": np.array([1, *range(2, 3 + len(size))]), "column": np.array([2] + [1] * (1 + len(size)))}
    check(nodes, constants, x, expected * scale, tmp_path)


def check(nodes, constants, x, expected, folder):
    """That a graph from `x` to `y`, both of x's shape, gives `expected`."""
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in "xy"]
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", ports[:1], ports[1:], weights)
    model, artifact, file = (str(folder / name) for name in ("model.onnx", "model.so", "x.npy"))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model)
    np.save(file, x)
    scale = np.abs(expected).max()
    for form in qctest.cpu_forms():
        qctest.compile_model(model, artifact, {}, "--mcpu=" + form)
        actual = qctest.run_artifact(artifact, "cpu", {"x": file}, str(folder), 60, "--guard")["y"]
        np.testing.assert_allclose(actual / scale, expected / scale, rtol=2e-6, atol=1e-6)
    actual = qctest.compile_and_run(model, "ptx-sim", {"x": x}, str(folder))["y"]
    np.testing.assert_allclose(actual / scale, expected / scale, rtol=2e-6, atol=1e-6)
