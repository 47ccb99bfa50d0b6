# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels of independent elements that are cut into parts, against numpy in f64:
shapes that leave ends in every dimension, in the layout that convolutions give
them, between pages that must not be touched."""
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
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in "xy"]
    graph = helper.make_graph(nodes, "norm", ports[:1], ports[1:], [numpy_helper.from_array(w, "w")])
    model, artifact, file = (str(tmp_path / name) for name in ("model.onnx", "model.so", "x.npy"))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model)
    np.save(file, x)
    qctest.compile_model(model, artifact, {}, "--mcpu=native,x86-64")
    expected = response_norm(x.astype(np.float64), size, 0.7, beta, 1.25)
    for form in ([], ["--cpu-form=x86-64"]):
        actual = qctest.run_artifact(artifact, "cpu", {"x": file}, str(tmp_path), 60, "--guard", *form)["y"]
        np.testing.assert_allclose(actual, expected, rtol=2e-6, atol=1e-6)
