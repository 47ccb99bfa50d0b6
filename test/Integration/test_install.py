# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The installed package as another project sees it: the examples are built with
gcc 12 against it, and find_package refuses another version."""
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qctest  # noqa: E402

MODULE = """
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = qc.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
"""


def run(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    path = tmp_path_factory.mktemp("install")
    process = run("cmake", "--install", qctest.BUILD, "--prefix", path)
    assert process.returncode == 0, process.stderr
    return path


def configure(prefix, source, build):
    paths = ";".join([str(prefix), os.environ["QC_ONNX"], os.environ["QC_LLVM"]])
    return run("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={paths}",
               "-DCMAKE_C_COMPILER=gcc", "-DCMAKE_CXX_COMPILER=g++")


def test_embedding(prefix, tmp_path):
    process = configure(prefix, os.path.join(qctest.ROOT, "examples", "embed"), tmp_path / "build")
    assert process.returncode == 0, process.stderr
    process = run("cmake", "--build", tmp_path / "build")
    assert process.returncode == 0, process.stdout
    (tmp_path / "model.mlir").write_text(MODULE)
    process = run(tmp_path / "build" / "embed", tmp_path / "model.mlir")
    assert process.returncode == 0, process.stderr
    # The kernel, the op in it, its terminator and the dispatch.
    assert "embed.ops = 4 : i64" in process.stdout
    assert "qc.kernel" in process.stdout


def test_running(prefix, tmp_path):
    """examples/run computes what qc-run computes, with another compiler's C."""
    process = configure(prefix, os.path.join(qctest.ROOT, "examples", "run"), tmp_path / "build")
    assert process.returncode == 0, process.stderr
    process = run("cmake", "--build", tmp_path / "build")
    assert process.returncode == 0, process.stdout
    library = tmp_path / "model.so"
    qctest.compile_model(os.path.join(qctest.ROOT, "test", "data", "fashion_cnn.onnx"), library,
                         {"input": (1, 1, 28, 28)})
    image = np.random.default_rng(4).standard_normal((1, 1, 28, 28), np.float32)
    image.tofile(tmp_path / "x")
    np.save(tmp_path / "x.npy", image)
    process = run(tmp_path / "build" / "run", library, tmp_path / "x", tmp_path / "y")
    assert process.returncode == 0, process.stderr
    expected = qctest.run_artifact(str(library), "cpu", {"input": str(tmp_path / "x.npy")}, str(tmp_path))["logits"]
    assert (tmp_path / "y").read_bytes() == expected.tobytes()
    process = run(tmp_path / "build" / "run", tmp_path / "x.npy", tmp_path / "x", tmp_path / "y")
    assert process.returncode == 1 and "x.npy" in process.stderr


def test_another_version_is_refused(prefix, tmp_path):
    shutil.copytree(os.path.join(qctest.ROOT, "examples", "embed"), tmp_path / "source")
    lists = tmp_path / "source" / "CMakeLists.txt"
    lists.write_text(lists.read_text().replace("find_package(QC 0.1", "find_package(QC 99.0"))
    process = configure(prefix, tmp_path / "source", tmp_path / "build")
    assert process.returncode != 0
    assert "99.0" in process.stderr
