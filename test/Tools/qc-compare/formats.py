# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A float model against its quantized forms. One layer's weights have two bits:
# it, or what reads it, is the worst, and its line of the plan is shown.
#
# RUN: rm -rf %t && mkdir %t
# RUN: %python %S/../../Verification/Inputs/make_inputs.py %t/inputs 4 input=1x1x28x28
# RUN: echo '{"conv2+bn2": {"by": "user", "inputs": {"0": {"type": "ui8"}, "1": {"type": "si2", "granularity": "axis", "symmetric": true}}}}' > %t/plan.json
# RUN: qc-translate --import-onnx --bind N=1 %test_data/fashion_cnn.onnx --mlir-print-debuginfo -o %t/float.mlir
# RUN: qc-opt %t/float.mlir --qc-quantize-pipeline="calibration=%t/inputs plan=%t/plan.json" --mlir-print-debuginfo -o %t/qdq.mlir
# RUN: qc-opt %t/qdq.mlir --pass-pipeline="builtin.module(func.func(qc-normalize-qdq,qc-to-integer),canonicalize)" --mlir-print-debuginfo -o %t/integer.mlir
# RUN: qc-compile %t/qdq.mlir -o %t/model.so
# RUN: qc-compare %test_data/fashion_cnn.onnx --bind N=1 %t/qdq.mlir --inputs %t/inputs --format=json -o %t/qdq.json
# RUN: qc-compare %t/float.mlir %t/integer.mlir --inputs %t/inputs --format=json -o %t/integer.json
# RUN: qc-compare %t/float.mlir %t/model.so --inputs %t/inputs --format=json -o %t/library.json
# RUN: qc-compare %t/float.mlir %t/float.mlir --inputs %t/inputs --limit=1 --format=json --top=3 -o %t/same.json
# RUN: qc-compare %t/float.mlir %t/qdq.mlir --inputs %t/inputs --top=2 | FileCheck %s --check-prefix=TEXT
# RUN: qc-compare %t/float.mlir %t/qdq.mlir --inputs %t/inputs --format=html | FileCheck %s --check-prefix=HTML
# RUN: %python %s %t
#
# TEXT: node {{ *}}op {{ *}}SQNR dB {{ *}}inputs dB {{ *}}cosine {{ *}}max error  decision
# TEXT-COUNT-2: {{[a-z0-9]+ +[a-z_]+ +-?[0-9.]+}}
# TEXT-NOT: cosine
# TEXT: nodes and outputs, 4 samples; most noise is added at
# HTML: <!DOCTYPE html>
# HTML-NOT: {{src|href}}=
# HTML: bn2</td>{{.*}}input 1: si2{{.*}}(by user)
# HTML: </html>
import json
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
qdq, integer, library, same = (
    json.loads((folder / f"{name}.json").read_text()) for name in ("qdq", "integer", "library", "same"))


def rows(comparison):
    return {row["node"]: row for row in comparison["nodes"]}


# The layer, or what comes after it.
behind = ["bn2", "relu2", "conv3", "bn3", "relu3", "gap", "flat", "logits"]
assert qdq["samples"] == 4
assert qdq["nodes"][0]["node"] in behind, qdq["nodes"][0]
assert qdq["most_noise_at"] in ("bn2", "relu2"), qdq["most_noise_at"]
values = [row["sqnr"] for row in qdq["nodes"]]
assert values == sorted(values)
assert "input 1: si2" in rows(qdq)["bn2"]["decision"], rows(qdq)["bn2"]
assert "si8" in rows(qdq)["bn1"]["decision"]
assert rows(qdq)["bn1"]["sqnr"] > rows(qdq)["bn2"]["sqnr"] + 10
assert rows(qdq)["relu1"]["inputs"] == rows(qdq)["bn1"]["sqnr"]

# Codes are compared after an affine map and say the same.
codes = rows(integer)
assert any(row["max_error"] is None for row in codes.values())
for name in ("relu1", "relu2"):
    assert codes[name]["max_error"] is None
    assert abs(codes[name]["sqnr"] - rows(qdq)[name]["sqnr"]) < 1, (name, codes[name], rows(qdq)[name])

# A library has outputs alone.
assert [row["node"] for row in library["nodes"]] == ["logits"] and library["nodes"][0]["output"]
assert abs(library["nodes"][0]["sqnr"] - rows(qdq)["logits"]["sqnr"]) < 0.5

assert same["samples"] == 1 and len(same["nodes"]) == 3
assert all(row["sqnr"] == 200 and row["max_error"] == 0 for row in same["nodes"])
