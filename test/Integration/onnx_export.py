#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exports every node test that qc computes and runs the export.

  onnx_export.py [-k REGEX] [-j N] [--floor N] [-v]
  onnx_export.py --update      rewrite the expected failures
  onnx_export.py --keep DIR    leave the exported models there

A test is imported and exported by one qc-translate. The ONNX checker must accept
the export with full checks, onnxruntime must compute the test's outputs from it,
and so must qc (qc-reference) after importing it. What onnxruntime has no
kernel for, or gets wrong from the test's own model too, ONNX's reference evaluator
computes. Outputs are compared as ONNX's own runner does it, integers exactly.

Tests that qc does not compute (onnx_nodes_xfail_cpu.json) are left out. Expected
failures, with reasons, are in onnx_export_xfail.json: a failure that is not there
fails the run, and so does a test there that passes.
"""
import argparse
import concurrent.futures
import json
import os
import queue
import re
import shutil
import sys
import tempfile
import time

import numpy as np

import onnx_nodes
import qctest

HERE = os.path.dirname(os.path.abspath(__file__))
CHUNK = 60
TIMEOUT = 120


# ---------------------------------------------------------------------------
# Running a model outside qc: a process of its own, which may crash


def serve():
    """Answers lines `FOLDER<tab>MODEL` with a line: the runtime that computed the
    test's outputs from the model, or what is wrong."""
    import warnings
    warnings.filterwarnings("ignore")
    import onnxruntime
    onnxruntime.set_default_logger_severity(4)
    for line in sys.stdin:
        folder, model, entry = line.rstrip("\n").split("\t")
        try:
            answer = judge(folder, model, json.loads(entry))
        except Exception as error:  # A runtime's or the checker's.
            answer = f"result: {type(error).__name__}: {error}"
        print(re.sub(r"\s+", " ", answer)[:400], flush=True)


def judge(folder, path, test):
    import onnx
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    inputs = {name: qctest.read_tensor(os.path.join(folder, f"input_{i}.pb")) for i, name in enumerate(test["inputs"])}
    wanted = {name: qctest.read_tensor(os.path.join(folder, f"output_{i}.pb")) for i, name in enumerate(test["outputs"])}
    if [value.name for value in model.graph.output] != test["outputs"]:
        return "result: the outputs are " + ", ".join(value.name for value in model.graph.output)
    def compare(computed):
        for name, expected in wanted.items():
            wrong = qctest.difference(computed[name], expected, test["rtol"], test["atol"])
            if wrong:
                return f"output '{name}': {wrong}"
        return None

    wrong = try_onnxruntime(model, inputs, compare)
    if wrong is None:
        return "onnxruntime"
    if wrong and try_onnxruntime(onnx.load(os.path.join(folder, "model.onnx")), inputs, compare) is None:
        return "result: onnxruntime: " + wrong
    from onnx.reference import ReferenceEvaluator
    with np.errstate(all="ignore"):
        wrong = compare(dict(zip(wanted, ReferenceEvaluator(model).run(None, inputs))))
    return "result: reference: " + wrong if wrong else "reference"


def try_onnxruntime(model, inputs, compare):
    """None if the outputs are right, else what is wrong: nothing where onnxruntime
    has no kernel."""
    try:
        computed = run_onnxruntime(model, inputs)
    except Exception as error:  # onnxruntime's have no common class.
        return f"{type(error).__name__}: {error}"
    return "" if computed is None else compare(computed)


def run_onnxruntime(model, inputs):
    """The outputs by name, or None where onnxruntime has no kernel or cannot take
    the inputs' types."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    except state.NotImplemented:
        return None
    except state.Fail as error:
        # Operator sets and types that it does not know yet.
        if re.search(r"Opset|opset|not implemented|Unsupported|unsupported", str(error)):
            return None
        raise
    types = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
    feeds = {}
    for name, value in inputs.items():
        if value.dtype.kind != "V" and value.dtype.isbuiltin == 1:
            feeds[name] = onnxruntime.OrtValue.ortvalue_from_numpy(value)
        elif value.dtype.itemsize <= 2 and qctest.packed_bits(value.dtype) == 8:
            bits = value.view({1: np.uint8, 2: np.uint16}[value.dtype.itemsize])
            feeds[name] = onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, types[name])
        else:
            return None
    try:
        values = session.run_with_ort_values(None, feeds)
    except state.NotImplemented:
        return None
    outputs = {}
    for info, value in zip(model.graph.output, values):
        dtype = qctest.numpy_type_of(info.type.tensor_type.elem_type)
        if dtype.isbuiltin == 1:
            outputs[info.name] = value.numpy()
        elif qctest.packed_bits(dtype) == 8:
            outputs[info.name] = bits_of(value, dtype)
        else:
            return None
    return outputs


def bits_of(value, dtype):
    """An output of a type that numpy lacks."""
    import ctypes
    shape = value.shape()
    count = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    data = ctypes.string_at(value.data_ptr(), count) if count else b""
    return np.frombuffer(data, dtype).reshape(shape)


# ---------------------------------------------------------------------------
# Stages


def export(name, root, work):
    """None, or why the test cannot be exported."""
    try:
        qctest.run_command([qctest.tool("qc-translate"), "--import-onnx", "--export-onnx", "--mlir-print-debuginfo",
                            f"{root}/{name}/model.onnx", "-o", f"{work}/{name}.onnx"], TIMEOUT)
    except qctest.RunFailure as failure:
        return onnx_nodes.clean("export: " + str(failure), root, name)
    return None


def reimport(names, root, index, work):
    """{name: None or what is wrong} of qc on its own exports."""
    lines = []
    for name in names:
        inputs = ",".join(f"{root}/{name}/input_{i}.pb" for i in range(len(index[name]["inputs"])))
        outputs = ",".join(f"{work}/{name}_{i}.pb" for i in range(len(index[name]["outputs"])))
        lines.append(f"{work}/{name}.onnx\t{inputs}\t{outputs}\n")
    results = {}
    with tempfile.NamedTemporaryFile("w", dir=work, suffix=".txt") as batch:
        batch.writelines(lines)
        batch.flush()
        try:
            text = qctest.run_command([qctest.tool("qc-reference"), "--batch", batch.name], 600)
        except qctest.RunFailure as failure:
            # One crash must not hide the others.
            if len(names) == 1:
                return {names[0]: onnx_nodes.clean(f"reimport: {failure}", root, names[0])}
            middle = len(names) // 2
            return {**reimport(names[:middle], root, index, work), **reimport(names[middle:], root, index, work)}
    for line in text.splitlines():
        state, path, message = (line.split("\t") + [""])[:3]
        name = os.path.basename(path).removesuffix(".onnx")
        results[name] = None if state == "OK" else "reimport: " + onnx_nodes.clean(message, root, name)
    for name in names:
        if results.setdefault(name, "reimport: no answer") is not None:
            continue
        for i, output in enumerate(index[name]["outputs"]):
            wrong = qctest.difference(qctest.read_tensor(f"{work}/{name}_{i}.pb"),
                                      qctest.read_tensor(f"{root}/{name}/output_{i}.pb"),
                                      index[name]["rtol"], index[name]["atol"])
            if wrong and not results[name]:
                results[name] = f"reimport: output '{output}': {wrong}"
    return results


def run_chunk(names, root, index, workers, keep):
    """{name: (None or the reason of a failure, the runtime)}. A worker is taken from
    the queue and given back."""
    results = {}
    worker = workers.get()
    with tempfile.TemporaryDirectory(prefix="qc-export-") as work:
        exported = []
        for name in names:
            reason = export(name, root, work)
            if reason:
                results[name] = (reason, "")
                continue
            exported.append(name)
            try:
                answer = worker.ask(f"{root}/{name}\t{work}/{name}.onnx\t{json.dumps(index[name])}")
            except (qctest.Worker.Crashed, qctest.Worker.Hung) as error:
                answer = f"crash: the runtime {error}"
            passed = answer in ("onnxruntime", "reference")
            results[name] = (None if passed else onnx_nodes.clean(answer, root, name), answer)
        workers.put(worker)
        for name, reason in reimport(exported, root, index, work).items():
            own, runtime = results[name]
            results[name] = (own or reason, runtime)
        if keep:
            for name in exported:
                shutil.copy(f"{work}/{name}.onnx", keep)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", metavar="REGEX", default="", help="only tests whose names match")
    parser.add_argument("-j", metavar="N", type=int, default=qctest.jobs())
    parser.add_argument("--floor", type=int, default=0, help="fail if fewer tests pass")
    parser.add_argument("--update", action="store_true", help="rewrite the file of expected failures")
    parser.add_argument("--keep", metavar="DIR", help="leave the exported models there")
    parser.add_argument("-v", action="store_true", help="print every test")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return

    start = time.monotonic()
    root, index = onnx_nodes.export_tests()
    failing = qctest.ExpectedFailures(os.path.join(HERE, "onnx_nodes_xfail_cpu.json")).reasons
    names = [name for name in sorted(index) if re.search(options.k, name) and name not in failing]
    if not names:
        sys.exit(f"error: no test matches '{options.k}'")
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
    # Neighbours by name are alike; strides spread the slow ones over the chunks.
    count = max(1, (len(names) + CHUNK - 1) // CHUNK)
    results = {}
    workers = queue.SimpleQueue()
    for _ in range(options.j):
        workers.put(qctest.Worker([sys.executable, os.path.abspath(__file__), "--serve"], TIMEOUT))
    with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        for part in pool.map(lambda i: run_chunk(names[i::count], root, index, workers, options.keep), range(count)):
            results.update(part)
            if options.v:
                for name, (reason, runtime) in sorted(part.items()):
                    print("FAIL" if reason else "PASS", name, reason or runtime, flush=True)

    while not workers.empty():
        workers.get().close()

    expected = qctest.ExpectedFailures(os.path.join(HERE, "onnx_export_xfail.json"))
    reasons = {name: results[name][0] for name in names}
    if options.update:
        expected.update(reasons)
    passed = [name for name in names if reasons[name] is None]
    failed = [name for name in names if reasons[name] is not None and name not in expected.reasons]
    xfailed = [name for name in names if reasons[name] is not None and name in expected.reasons]
    surprising = [name for name in passed if name in expected.reasons]
    for name in failed:
        print(f"FAIL {name}: {reasons[name]}")
    for name in surprising:
        print(f"UNEXPECTED PASS {name}: remove it from onnx_export_xfail.json (it says: {expected.reasons[name]})")
    below = len(passed) < options.floor
    if below:
        print(f"BELOW THE FLOOR: {len(passed)} of at least {options.floor} tests pass")
    references = sum(runtime == "reference" for _, runtime in results.values())
    print(f"{len(passed)} of {len(names)} node tests pass, {references} of them computed by ONNX's reference as onnxruntime "
          f"lacks kernels, {len(xfailed)} fail as expected, in {time.monotonic() - start:.0f} s")
    qctest.finish(len(passed) - len(surprising), len(failed) + len(surprising) + below, len(xfailed))


if __name__ == "__main__":
    main()
