# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Two compiles of one model give identical bytes on every target, and results do
not depend on the number of threads."""
import filecmp
import os
import subprocess
import sys

import numpy as np
import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import networks  # noqa: E402
import qctest  # noqa: E402

OCR = os.path.join(networks.package_directory("rapidocr_onnxruntime"), "models")
NETWORKS = {
    "fashion": (os.path.join(qctest.ROOT, "test", "data", "fashion_cnn.onnx"), {"input": (4, 1, 28, 28)}),
    "classifier": (os.path.join(OCR, "ch_ppocr_mobile_v2.0_cls_infer.onnx"), {"x": (1, 3, 48, 192)}),
}


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """NETWORKS and an int8 version of the first."""
    folder = tmp_path_factory.mktemp("networks")
    random = np.random.default_rng(1)
    np.savez(folder / "calibration.npz", input=random.standard_normal((8, 1, 28, 28), np.float32))
    path = str(folder / "int8.onnx")
    subprocess.run([sys.executable, os.path.join(qctest.ROOT, "scripts", "quantize_qdq.py"), NETWORKS["fashion"][0],
                    folder / "calibration.npz", path, "--per-channel"], check=True, capture_output=True)
    return {**NETWORKS, "int8": (path, NETWORKS["fashion"][1])}


def compile_to(network, path, *options):
    qctest.compile_model(network[0], path, network[1], *options)


def same_tree(left, right):
    comparison = filecmp.dircmp(left, right)
    assert not comparison.left_only and not comparison.right_only
    _, mismatch, errors = filecmp.cmpfiles(left, right, comparison.common_files, shallow=False)
    assert not mismatch and not errors
    for folder in comparison.common_dirs:
        same_tree(os.path.join(left, folder), os.path.join(right, folder))


@pytest.mark.parametrize("name", [*NETWORKS, "int8"])
@pytest.mark.parametrize("target", ["cpu", "ptx", "hls"])
def test_compiling_twice_gives_the_same_bytes(networks, name, target, tmp_path):
    for copy in ("a", "b"):
        compile_to(networks[name], tmp_path / copy, "--target=" + target)
    if target == "cpu":
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    else:
        assert os.listdir(tmp_path / "a")
        same_tree(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("name", [*NETWORKS, "int8"])
def test_results_do_not_depend_on_threads(networks, name, tmp_path):
    compile_to(networks[name], tmp_path / "model.so")
    random = np.random.default_rng(2)
    (tmp_path / "inputs").mkdir()
    for run in range(2):
        np.savez(tmp_path / "inputs" / f"{run}.npz",
                 **{key: random.standard_normal(dims, np.float32) for key, dims in networks[name][1].items()})
    for threads in (1, 2, 3, 7):
        (tmp_path / str(threads)).mkdir()
        qctest.run_command([qctest.tool("qc-run"), str(tmp_path / "model.so"), "--inputs", str(tmp_path / "inputs"),
                            "--outputs", str(tmp_path / str(threads)), "--threads", str(threads)], 600)
    for run in range(2):
        expected = np.load(tmp_path / "1" / f"{run}.npz")
        assert expected.files
        for threads in (2, 3, 7):
            actual = np.load(tmp_path / str(threads) / f"{run}.npz")
            for key in expected.files:
                assert actual[key].tobytes() == expected[key].tobytes()


def test_quantizing_gives_the_same_bytes_on_any_number_of_cores(tmp_path):
    model, shapes = NETWORKS["fashion"]
    random = np.random.default_rng(3)
    np.savez(tmp_path / "calibration.npz", input=random.standard_normal((32, 1, 28, 28), np.float32))
    cores = sorted(os.sched_getaffinity(0))
    for name, allowed in (("one", cores[:1]), ("all", cores)):
        imported, passes = qctest.quantize_commands(
            model, tmp_path / f"{name}.mlir", tmp_path / "float.mlir", {"input": (1, *shapes["input"][1:])},
            f"calibration={tmp_path}/calibration.npz budget=avg-bits:5")
        qctest.run_command(imported, 60)
        subprocess.run(passes, check=True, capture_output=True,
                       env={name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"},
                       preexec_fn=lambda allowed=allowed: os.sched_setaffinity(0, allowed))
    assert (tmp_path / "one.mlir").read_bytes() == (tmp_path / "all.mlir").read_bytes()
