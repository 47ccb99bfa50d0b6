# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The commands of the README on a real network: compiling in one step and in
three, exit codes of qc-run, several shapes in one library, what a library imports."""
import os
import subprocess
import sys

import numpy as np
import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import models  # noqa: E402
import qctest  # noqa: E402

FASHION = os.path.join(qctest.ROOT, "test", "data", "fashion_cnn.onnx")


@pytest.fixture(scope="module")
def fashion(tmp_path_factory):
    """Folder with model.so, x.npy and y.npy, the answer of onnxruntime."""
    folder = tmp_path_factory.mktemp("fashion")
    image = np.random.default_rng(3).standard_normal((1, 1, 28, 28), np.float32)
    np.save(folder / "x.npy", image)
    np.save(folder / "y.npy", models.onnxruntime_session(FASHION, False, 1).run(["logits"], {"input": image})[0])
    qctest.run_command([qctest.tool("qc-compile"), FASHION, "--bind", "N=1", "-o", str(folder / "model.so")], 600)
    return folder


def qc_run(library, folder, *options):
    return subprocess.run([qctest.tool("qc-run"), library, "--input", f"input={folder / 'x.npy'}", *options],
                          capture_output=True, text=True)


def test_expected_output_gives_exit_code_0(fashion):
    process = qc_run(fashion / "model.so", fashion, "--expect", f"logits={fashion / 'y.npy'}", "--atol", "1e-4")
    assert process.returncode == 0, process.stdout + process.stderr


def test_another_output_gives_exit_code_1(fashion, tmp_path):
    np.save(tmp_path / "wrong.npy", np.load(fashion / "y.npy") + 1)
    assert qc_run(fashion / "model.so", fashion, "--expect", f"logits={tmp_path / 'wrong.npy'}").returncode == 1


def test_three_steps_give_the_same_results(fashion, tmp_path):
    """Translate, optimize and compile as a pipe of MLIR text."""
    steps = (f"set -o pipefail; '{qctest.tool('qc-translate')}' --import-onnx '{FASHION}' --bind N=1 | "
             f"'{qctest.tool('qc-opt')}' --qc-cpu-pipeline | '{qctest.tool('qc-compile')}' - -o '{tmp_path}/model.so'")
    process = subprocess.run(["bash", "-c", steps], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    outputs = []
    for library in (fashion / "model.so", tmp_path / "model.so"):
        (work := tmp_path / f"outputs{len(outputs)}").mkdir()
        outputs.append(qctest.run_artifact(str(library), "cpu", {"input": str(fashion / "x.npy")}, str(work))["logits"])
    assert outputs[0].tobytes() == outputs[1].tobytes()


def test_a_library_imports_nothing(fashion):
    symbols = qctest.run_command(["nm", "-D", "--undefined-only", str(fashion / "model.so")], 60)
    assert symbols.strip() == ""


@pytest.mark.skipif(not qctest.data_directory(), reason="the data folder is missing (set QC_DATA)")
def test_one_library_serves_two_lengths(tmp_path):
    """A language model, whose sequence length is bound to two values."""
    model = os.path.join(qctest.data_directory(), "models", "nlp", "stories15M.f16.onnx")
    qctest.run_command([qctest.tool("qc-compile"), model, "--bind", "N=1", "--bind", "T=5,24",
                        "-o", str(tmp_path / "model.so")], 900)
    session = models.onnxruntime_session(model, False, 1)
    for length in (24, 5):
        tokens = np.random.default_rng(length).integers(3, 30000, (1, length), np.int64)
        expected = session.run(["logits"], {"input_ids": tokens})[0]
        np.save(tmp_path / "tokens.npy", tokens)
        (work := tmp_path / str(length)).mkdir()
        actual = qctest.run_artifact(str(tmp_path / "model.so"), "cpu", {"input_ids": str(tmp_path / "tokens.npy")},
                                     str(work))["logits"]
        good, error, _, _ = models.judge(actual, expected, None)
        assert good, f"length {length}: largest error {error:.2e} of the range"
