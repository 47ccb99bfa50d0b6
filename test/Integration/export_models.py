#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exports real networks and compares the exports with the originals.

  export_models.py [-k REGEX] [--runs N]

The networks are those of networks.py, QDQ and QOperator files among them. Each is
imported and exported twice, which must give equal bytes. onnxruntime runs original
and export, and OpenVINO, where it is installed (scripts/setup --peers), the
export; outputs are judged as models.py judges qc's. Where OpenVINO's own int8 numbers
are others than onnxruntime's it runs the original too.
"""
import argparse
import concurrent.futures
import filecmp
import os
import re
import tempfile

import numpy as np

import models
import networks
import qctest

# Runs in the environment of the peers, which has no onnxruntime.
OPENVINO = """
import sys
import numpy
import openvino
model, feeds, results = sys.argv[1:]
core = openvino.Core()
compiled = core.compile_model(core.read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
with numpy.load(feeds) as feed:
    outputs = compiled({name: feed[name] for name in feed.files})
numpy.savez(results, *[outputs[i] for i in range(len(compiled.outputs))])
"""


def export(path, shapes, work):
    """Imports a model for these input shapes and exports it; returns the file."""
    module, exported = os.path.join(work, "model.mlir"), os.path.join(work, "model.onnx")
    shapes = ["--shape=" + name + "=" + "x".join(map(str, shape)) for name, shape in shapes]
    qctest.run_command([qctest.tool("qc-translate"), "--import-onnx", "--mlir-print-debuginfo", *shapes, path, "-o", module], 900)
    for file in (exported, exported + ".again"):
        qctest.run_command([qctest.tool("qc-translate"), "--export-onnx", module, "-o", file], 900)
    if not filecmp.cmp(exported, exported + ".again", shallow=False):
        raise qctest.RunFailure("run: two exports of one module differ")
    return exported


def judge(case, path, names, actual, expected):
    """What is wrong with outputs, or None; and the largest error."""
    worst = 0.0
    for name, a, e in zip(names, actual, expected, strict=True):
        step = None
        if case.int8:
            step = models.output_step(path, name) or float(e.max() - e.min()) / 255
        good, error, top, _ = models.judge(a, e, step)
        worst = max(worst, error)
        if not good:
            return f"output '{name}': largest error {error:.2e} of the range, same top-1 {top:.1%}", worst
    return None, worst


def run_openvino(model, feed, work):
    np.savez(feeds := os.path.join(work, "feed.npz"), **feed)
    results = os.path.join(work, "results.npz")
    qctest.run_command([networks.peers_python(), "-c", OPENVINO, model, feeds, results], 900)
    with np.load(results) as outputs:
        return [outputs[name] for name in outputs.files]


def run_case(case, runs, with_openvino):
    """(reason of a failure or None, a line about the rest)."""
    with tempfile.TemporaryDirectory(prefix="qc-export-") as work:
        path = case.model()
        feeds = list(case.feeds(runs))
        shapes = [tuple((name, value.shape) for name, value in feed.items()) for feed in feeds]
        feeds = [feed for feed, shape in zip(feeds, shapes) if shape == shapes[0]]
        exported = export(path, shapes[0], work)
        import onnx
        onnx.checker.check_model(exported, full_check=True)
        original = models.onnxruntime_session(path, case.int8, 1)
        session = models.onnxruntime_session(exported, case.int8, 1)
        names = [output.name for output in original.get_outputs()]
        if names != [output.name for output in session.get_outputs()]:
            return "the outputs have other names", ""
        worst = 0.0
        for feed in feeds:
            expected = original.run(names, feed)
            wrong, error = judge(case, path, names, session.run(names, feed), expected)
            worst = max(worst, error)
            if wrong:
                return "onnxruntime: " + wrong, ""
        text = f"opset {onnx.load(exported, load_external_data=False).opset_import[0].version}, onnxruntime {worst:.1e}"
        if with_openvino:
            computed = run_openvino(exported, feeds[-1], work)
            wrong, error = judge(case, path, names, computed, expected)
            text += f", OpenVINO {error:.1e}"
            if wrong:
                wrong, error = judge(case, path, names, computed, run_openvino(path, feeds[-1], work))
                text += f" and {error:.1e} from its own"
            if wrong:
                return "OpenVINO: " + wrong, text
        return None, text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", metavar="REGEX", default="", help="only networks whose names match")
    parser.add_argument("--runs", type=int, default=2, help="inputs per network")
    options = parser.parse_args()
    cases, data = networks.all_cases()
    cases = [case for case in cases if re.search(options.k, case.name)]
    if not data:
        print("the data folder is missing (set QC_DATA): only the models of PyPI packages are run")
    with_openvino = os.path.exists(networks.peers_python())
    if not with_openvino:
        print("OpenVINO is not installed (scripts/setup --peers)")

    def run(case):
        try:
            return run_case(case, options.runs, with_openvino)
        except Exception as error:  # One network must not hide the others.
            return f"{type(error).__name__}: {error}"[:400], ""

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(qctest.jobs()) as pool:
        for case, (reason, text) in zip(cases, pool.map(run, cases)):
            print("FAIL" if reason else "PASS", case.name, text, reason or "", flush=True)
            failed += reason is not None
    qctest.finish(len(cases) - failed, failed, 0)


if __name__ == "__main__":
    main()
