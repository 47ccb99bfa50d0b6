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


EMPTY = """
func.func @main(%a: tensor<0x4xTYPE> {qc.name = "a"}, %b: tensor<2x0xTYPE> {qc.name = "b"}, %c: tensor<0x3xTYPE> {qc.name = "c"})
    -> (tensor<0x3xSUM> {qc.name = "rows"}, tensor<2x3xSUM> {qc.name = "terms"}, tensor<2x0xSUM> {qc.name = "columns"}) {
  %w = qc.constant dense<2> : tensor<4x3xTYPE> : tensor<4x3xTYPE>
  %v = qc.constant dense<> : tensor<3x0xTYPE> : tensor<3x0xTYPE>
  %d = qc.constant dense<3> : tensor<2x3xTYPE> : tensor<2x3xTYPE>
  %0 = qc.matmul %a, %w : (tensor<0x4xTYPE>, tensor<4x3xTYPE>) -> tensor<0x3xSUM>
  %1 = qc.matmul %b, %c : (tensor<2x0xTYPE>, tensor<0x3xTYPE>) -> tensor<2x3xSUM>
  %2 = qc.matmul %d, %v : (tensor<2x3xTYPE>, tensor<3x0xTYPE>) -> tensor<2x0xSUM>
  return %0, %1, %2 : tensor<0x3xSUM>, tensor<2x3xSUM>, tensor<2x0xSUM>
}
"""


@pytest.mark.parametrize("element, total", [("f32", "f32"), ("si8", "si32")])
def test_products_without_rows_terms_or_columns(element, total, tmp_path):
    text = EMPTY.replace("TYPE", element).replace("SUM", total)
    if element == "f32":
        text = text.replace("dense<2>", "dense<2.0>").replace("dense<3>", "dense<3.0>")
    (tmp_path / "empty.mlir").write_text(text)
    qctest.run_command([qctest.tool("qc-compile"), str(tmp_path / "empty.mlir"), "-o", str(tmp_path / "model.so")], 60)
    inputs = {name: np.zeros(shape, {"f32": np.float32, "si8": np.int8}[element])
              for name, shape in {"a": (0, 4), "b": (2, 0), "c": (0, 3)}.items()}
    for name, array in inputs.items():
        np.save(tmp_path / f"{name}.npy", array)
    (tmp_path / "outputs").mkdir()
    outputs = qctest.run_artifact(str(tmp_path / "model.so"), "cpu", {name: str(tmp_path / f"{name}.npy") for name in inputs},
                                  str(tmp_path / "outputs"))
    expected = {"rows": inputs["a"] @ np.ones((4, 3)), "terms": inputs["b"] @ inputs["c"], "columns": np.zeros((2, 0))}
    for name, array in expected.items():
        np.testing.assert_array_equal(outputs[name], array, strict=False)


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
