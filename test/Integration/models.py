#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles real networks for the CPU and compares them with onnxruntime.

  models.py [-k REGEX] [--runs N] [--threads 1] [--time] [--list] [--update]

The networks are those of networks.py. Several run at once, but for --time, which
also measures latencies.

Float models: every output within 1e-3 of the reference's range, and the same
top-1 in each row, but for ties within that error. Int8 models: at least 99.9 %
of the outputs within one quantization step. Expected failures, with reasons, are
in models_xfail.json; an unexpected pass fails.
"""
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import tempfile
import time

import numpy as np

import networks
import qctest

HERE = os.path.dirname(os.path.abspath(__file__))
FLOAT_TOLERANCE = 1e-3


# ---------------------------------------------------------------------------
# Running


def onnxruntime_session(path, int8, threads):
    """onnxruntime with its own optimizations, whose fused kernels compute what an
    int8 model says in integers. Without VNNI its kernels for signed codes add
    pairs of products in 16 saturating bits; those for unsigned codes are exact,
    so there it gets the same model on unsigned codes."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    with open("/proc/cpuinfo") as file:
        vnni = re.search(r"\b(avx512_vnni|avx_vnni)\b", file.read())
    if int8 and not vnni:
        path = on_unsigned_codes(path)
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def on_unsigned_codes(path):
    """The QDQ model with 128 added to all signed 8-bit codes and zero points: the
    same numbers, without the kernels for unsigned times signed codes, whose sums
    saturate. A model whose activations are all signed has none of these; it is
    returned as it is, as its fusions would be others, and so is a model whose own
    inputs and outputs are such codes, or whose codes go through other operators than
    Q and DQ."""
    import onnx
    from onnx import numpy_helper
    model = onnx.load(path)
    graph = model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}

    def is_signed(name):
        return name in tensors and tensors[name].data_type == onnx.TensorProto.INT8

    shifted = {}

    def shift(name):
        if name not in shifted:
            values = numpy_helper.to_array(tensors[name]).astype(np.int16) + 128
            shifted[name] = numpy_helper.from_array(values.astype(np.uint8), name + "_unsigned")
        return shifted[name].name

    quantizing = ("QuantizeLinear", "DequantizeLinear")
    nodes = [node for node in graph.node if node.op_type in quantizing]
    codes = {node.output[0] for node in nodes if node.op_type == "QuantizeLinear"}
    used = {name for node in graph.node if node.op_type not in quantizing for name in node.input}
    activations = [node for node in nodes if node.op_type == "QuantizeLinear"]
    if all(len(node.input) > 2 and is_signed(node.input[2]) for node in activations):
        return path
    if codes & (used | {value.name for value in graph.output}) or not nodes:
        return path
    for node in nodes:
        if len(node.input) < 3 or not is_signed(node.input[2]):
            if is_signed(node.input[0]):
                return path
            continue
        node.input[2] = shift(node.input[2])
        if is_signed(node.input[0]):
            node.input[0] = shift(node.input[0])
    graph.initializer.extend(shifted.values())
    # Types of values between are inferred anew.
    del graph.value_info[:]
    return model.SerializeToString()


def output_step(path, name):
    """The quantization step of an output, if the model dequantizes it last."""
    import onnx
    from onnx import numpy_helper
    graph = onnx.load(path).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if name in node.output and node.op_type == "DequantizeLinear" and node.input[1] in constants:
            return float(np.max(numpy_helper.to_array(constants[node.input[1]])))
    return None


def judge(actual, expected, step):
    """(accepted, largest error as a share of the range, share of rows with the
    same top-1, share of equal elements). `step` is None for float models."""
    if actual.shape != expected.shape:
        raise ValueError(f"shape {list(actual.shape)} instead of {list(expected.shape)}")
    a, e = actual.astype(np.float64), expected.astype(np.float64)
    if not np.isfinite(e).all() or a.size == 0:
        raise ValueError("the reference is empty or not finite")
    if not np.isfinite(a).all():
        return False, float("inf"), 0.0, 0.0
    error = np.abs(a - e)
    scale = qctest.get_scale(e)
    relative = float(error.max()) / scale
    rows_a, rows_e = a.reshape(-1, a.shape[-1] if a.ndim else 1), e.reshape(-1, e.shape[-1] if e.ndim else 1)
    chosen = np.take_along_axis(rows_e, rows_a.argmax(1)[:, None], 1)[:, 0]
    # A tie: qc's choice is the reference's maximum up to the allowed error.
    slack = FLOAT_TOLERANCE * scale if step is None else step
    same = float((chosen >= rows_e.max(1) - slack).mean())
    equal = float((a == e).mean())
    if step is None:
        return relative <= FLOAT_TOLERANCE and same == 1.0, relative, same, equal
    return float((error <= 1.001 * step).mean()) >= 0.999, relative, same, equal


def run_case(case, options):
    """A row of the table; 'reason' is None if the case passed."""
    row = {"name": case.name, "reason": None}
    with tempfile.TemporaryDirectory(prefix="qc-models-") as work:
        path = case.model()
        feeds = list(case.feeds(options.runs))
        # Programs are for fixed shapes; runs in another shape are another program.
        shapes = [tuple((name, value.shape) for name, value in feed.items()) for feed in feeds]
        feeds = [feed for feed, shape in zip(feeds, shapes) if shape == shapes[0]]
        session = onnxruntime_session(path, case.int8, options.threads)
        names = [output.name for output in session.get_outputs()]

        library = os.path.join(work, "model.so")
        try:
            row["compile_s"] = qctest.compile_model(path, library, dict(shapes[0]))
        except qctest.RunFailure as failure:
            row["reason"] = "compile: " + clean(failure)
            return row

        os.mkdir(inputs := os.path.join(work, "inputs"))
        outputs = os.path.join(work, "outputs")
        for index, feed in enumerate(feeds):
            np.savez(os.path.join(inputs, f"{index:05}.npz"), **feed)
        command = [qctest.tool("qc-run"), library, "--threads", str(options.threads)]
        try:
            qctest.run_command([*command, "--inputs", inputs, "--outputs", outputs], 900)
        except qctest.RunFailure as failure:
            row["reason"] = "run: " + clean(failure)
            return row

        worst, tops, equals, accepted = 0.0, [], [], True
        for index, feed in enumerate(feeds):
            expected = dict(zip(names, session.run(names, feed)))
            with np.load(os.path.join(outputs, f"{index:05}.npz")) as actual:
                for name in names:
                    step = output_step(path, name) if case.int8 else None
                    if case.int8 and step is None:
                        # A float output of an int8 model: a step of 8 bits of its range.
                        step = float(expected[name].max() - expected[name].min()) / 255
                    good, error, top, equal = judge(actual[name], expected[name], step)
                    accepted &= good
                    worst = max(worst, error)
                    tops.append(top)
                    equals.append(equal)
        row.update(error=worst, top1=float(np.mean(tops)), equal=float(np.mean(equals)), runs=len(feeds))
        if not accepted:
            row["reason"] = (f"result: largest error {worst:.2e} of the range, same top-1 {row['top1']:.1%}, "
                             f"equal {row['equal']:.2%}")
        if options.time:
            row["qc_ms"] = qc_latency(command, feeds[0], work)
            row["ort_ms"] = onnxruntime_latency(onnxruntime_session(path, False, options.threads), names, feeds[0])
    return row


def clean(failure):
    """The message without kind and folders."""
    return re.sub(r"/\S*/", "", re.sub(r"^(run|crash|hang): ", "", str(failure)))[:300]


def qc_latency(command, feed, work):
    """Median milliseconds of a run, as qc-run measures it."""
    arguments = []
    for index, (name, value) in enumerate(feed.items()):
        np.save(file := os.path.join(work, f"timed_{index}.npy"), value)
        arguments += ["--input", f"{name}={file}"]
    report = qctest.run_command([*command, *arguments, "--repeat", "20", "--json"], 900)
    return json.loads(report)["latency_ms"]["median"]


def onnxruntime_latency(session, names, feed):
    session.run(names, feed)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        session.run(names, feed)
        times.append((time.perf_counter() - start) * 1e3)
    return float(np.median(times))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", metavar="REGEX", default="", help="only networks whose names match")
    parser.add_argument("--runs", type=int, default=3, help="inputs per network")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--time", action="store_true", help="also measure latencies, one network at a time")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--update", action="store_true", help="rewrite the file of expected failures")
    parser.add_argument("--json", metavar="FILE", help="write the table there")
    options = parser.parse_args()

    cases, data = networks.all_cases()
    cases = [case for case in cases if re.search(options.k, case.name)]
    if options.list:
        print("\n".join(case.name for case in cases))
        return
    if not data:
        print("the data folder is missing (set QC_DATA): only the models of PyPI packages are run")

    expected = qctest.ExpectedFailures(os.path.join(HERE, "models_xfail.json"))
    rows, results = [], {}
    print(f"{'network':58} {'compile':>8} {'qc':>9} {'ort':>9} {'ratio':>6} {'error':>9} {'top-1':>6} {'equal':>6}")

    def run(case):
        try:
            return run_case(case, options)
        except Exception as error:  # One network must not hide the others.
            return {"name": case.name, "reason": f"run: {type(error).__name__}: {error}"[:300]}

    with concurrent.futures.ThreadPoolExecutor(1 if options.time else qctest.jobs()) as pool:
        for row in pool.map(run, cases):
            rows.append(row)
            results[row["name"]] = row["reason"]
            print(table_line(row), flush=True)
    if options.update:
        expected.update(results)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=1)
    failed = [name for name, reason in results.items() if reason and name not in expected.reasons]
    xfailed = [name for name, reason in results.items() if reason and name in expected.reasons]
    surprising = [name for name, reason in results.items() if not reason and name in expected.reasons]
    for name in failed:
        print(f"FAIL {name}: {results[name]}")
    for name in surprising:
        print(f"UNEXPECTED PASS {name}: remove it from models_xfail.json (it says: {expected.reasons[name]})")
    passed = len(results) - len(failed) - len(xfailed) - len(surprising)
    qctest.finish(passed, len(failed) + len(surprising), len(xfailed))


def table_line(row):
    def cell(key, form, width):
        return f"{row[key]:{form}}" if key in row else " " * (width - 1) + "-"
    ratio = f"{row['qc_ms'] / row['ort_ms']:6.2f}" if "qc_ms" in row else "     -"
    return (f"{row['name'][:58]:58} {cell('compile_s', '7.1f', 7)}s {cell('qc_ms', '9.2f', 9)} {cell('ort_ms', '9.2f', 9)} "
            f"{ratio} {cell('error', '9.1e', 9)} {cell('top1', '6.1%', 6)} {cell('equal', '6.1%', 6)}"
            + (f"  {row['reason']}" if row["reason"] else ""))


if __name__ == "__main__":
    main()
