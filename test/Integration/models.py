#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles real networks for the CPU and compares them with onnxruntime.

  models.py [-k REGEX] [--runs N] [--threads 1] [--no-time] [--list] [--update]

The networks: all models of the data folder ($QC_DATA or ../shared/data), int8
versions of some of them made here with scripts/quantize_qdq.py, the `light`
models of the onnx package, the three models of rapidocr-onnxruntime. Inputs are
real ones where the data folder has a task for the model.

Float models: every output within 1e-3 of the reference's range, and the same
top-1 in each row, but for ties within that error. Int8 models: at least 99.9 %
of the outputs within one quantization step. Expected failures, with reasons, are
in models_xfail.json; an unexpected pass fails.
"""
import argparse
import glob
import importlib.util
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import numpy as np

import qctest

HERE = os.path.dirname(os.path.abspath(__file__))
FLOAT_TOLERANCE = 1e-3


class Case:
    """A network: `model()` gives its path, `feeds(n)` gives n input dictionaries."""

    def __init__(self, name, model, feeds, int8=False):
        self.name, self.model, self.feeds, self.int8 = name, model, feeds, int8


# ---------------------------------------------------------------------------
# Networks


def package_directory(package):
    return os.path.dirname(importlib.util.find_spec(package).origin)


def photo(data, height, width):
    """A real picture, or a drawn one where there is no data, as [3, H, W] in 0..255."""
    from PIL import Image
    files = sorted(glob.glob(os.path.join(data, "sets", "coco_val128", "images", "*.jpg"))) if data else []
    image = Image.open(files[0]).convert("RGB") if files else drawn_page(width, height)
    return np.asarray(image.resize((width, height), Image.BILINEAR), np.float32).transpose(2, 0, 1)


PAGE = ("Quantized networks", "on every target", "2026-11-22")


def drawn_page(width, height, lines=PAGE):
    """A picture of text for the OCR models."""
    from PIL import Image, ImageDraw, ImageFont
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    step = height // len(lines)
    font = ImageFont.load_default(size=max(10, int(min(step * 0.6, 1.6 * width / max(map(len, lines))))))
    for row, line in enumerate(lines):
        draw.text((width // 40, row * step + step // 8), line, fill="black", font=font)
    return image


def light_cases():
    import onnx
    folder = os.path.join(package_directory("onnx"), "backend", "test", "data", "light")
    data = qctest.data_directory()
    for path in sorted(glob.glob(os.path.join(folder, "light_*.onnx"))):
        def feeds(count, path=path):
            graph = onnx.load(path).graph
            constants = {tensor.name for tensor in graph.initializer}
            value, = [value for value in graph.input if value.name not in constants]
            dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
            image = photo(data, *dims[2:])[None] / 255
            yield {value.name: np.ascontiguousarray(image, np.float32)}
        yield Case(os.path.basename(path)[:-5], lambda path=path: path, feeds)


def ocr_input(width, height, lines):
    """A drawn page as the OCR models want it: [1, 3, H, W] in -1..1."""
    pixels = np.asarray(drawn_page(width, height, lines), np.float32).transpose(2, 0, 1)[None]
    return np.ascontiguousarray((pixels / 255 - 0.5) / 0.5, np.float32)


def ocr_cases():
    folder = os.path.join(package_directory("rapidocr_onnxruntime"), "models")

    pages = {
        "ch_PP-OCRv4_det_infer": lambda: ocr_input(320, 224, PAGE),
        "ch_PP-OCRv4_rec_infer": lambda: ocr_input(320, 48, ("Quantized networks",)),
        "ch_ppocr_mobile_v2.0_cls_infer": lambda: ocr_input(192, 48, ("2026-11-22",)),
    }
    for stem, make in pages.items():
        yield Case("rapidocr/" + stem, lambda stem=stem: os.path.join(folder, stem + ".onnx"),
                   lambda count, make=make: iter([{"x": make()}]))


def reference_evaluator(data):
    """The data folder's refeval.py as a module."""
    specification = importlib.util.spec_from_file_location("refeval", os.path.join(data, "tools", "refeval.py"))
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def data_cases(data):
    refeval = reference_evaluator(data)
    models = os.path.join(data, "models")
    peers = os.path.join(os.environ.get("QC_PEERS", ""), "bin", "python")

    def rows(task):
        # One row per run, whatever batch the task uses.
        for feed in refeval.TASKS[task][2]()[0]():
            count = len(next(iter(feed.values())))
            for row in range(count):
                yield {name: np.ascontiguousarray(values[row:row + 1]) for name, values in feed.items()}

    def calibration(task, folder, count=50):
        subprocess.run([sys.executable, os.path.join(data, "tools", "refeval.py"), "calib", task, folder, str(count)],
                       check=True, stdout=subprocess.DEVNULL)

    def quantized(task, *options):
        """Path of an int8 version of a task's model; made once."""
        key = "-".join([re.sub(r"\W+", "_", task), *(option.strip("-") for option in options)])
        path = os.path.join(cache("quantized"), key + ".onnx")
        if not os.path.exists(path):
            with tempfile.TemporaryDirectory() as folder:
                calibration(task, folder)
                python = peers if "--quantizer=nncf" in options else sys.executable
                subprocess.run([python, os.path.join(qctest.ROOT, "scripts", "quantize_qdq.py"),
                                os.path.join(models, refeval.TASKS[task][0]), folder, path + ".new", *options],
                               check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            os.rename(path + ".new", path)
        return path

    def minilm():
        path = os.path.join(cache("models"), "all-MiniLM-L6-v2.onnx")
        if not os.path.exists(path):
            subprocess.run([sys.executable, os.path.join(data, "tools", "export_minilm.py"), path + ".new"], check=True,
                           stdout=subprocess.DEVNULL)
            os.rename(path + ".new", path)
        return path

    seen = set()
    for task, (file, _, _) in refeval.TASKS.items():
        if file in seen:
            continue
        seen.add(file)
        model = minilm if "MiniLM" in file else lambda file=file: os.path.join(models, file)
        yield Case(file[:-5], model, lambda count, task=task: itertools.islice(rows(task), count), "int8" in file)
    yield Case("detect/version-RFB-320", lambda: os.path.join(models, "detect", "version-RFB-320.onnx"),
               lambda count: iter([{"input": np.ascontiguousarray((photo(data, 240, 320)[None] - 127) / 128, np.float32)}]))

    nncf = ()
    if os.path.exists(peers):
        nncf = (["--quantizer=nncf"], ["--quantizer=nncf", "--keep-batch-norm"])
    else:
        print("NNCF is not installed (scripts/setup --peers): its models are left out")
    # Weights in 7 bits, so that onnxruntime computes the same integers on CPUs
    # without VNNI, where its 16-bit sums would saturate.
    exact = "--reduce-range"
    for task, styles in {
        "cnn@fashion_mnist": ([exact, "--per-channel"], [exact, "--keep-batch-norm"], [exact, "--activations=s8"],
                              ["--weights=u8"], [exact, "--format=qoperator"], *nncf),
        "resnet8@cifar10": ([exact, "--per-channel"], [exact, "--keep-batch-norm"], *nncf),
        "resnet20@cifar10": ([exact, "--per-channel"],),
        "vww@coco_val128": ([exact, "--per-channel"],),
        "mobilenet_v1_0.25@nips17": ([exact, "--per-channel"],),
        "resnet50@nips17": ([exact, "--per-channel"],),
    }.items():
        for style in styles:
            name = "int8/" + task.split("@")[0] + "".join(option.removeprefix("-") for option in style)
            yield Case(name, lambda task=task, style=style: quantized(task, *style),
                       lambda count, task=task: itertools.islice(rows(task), count), int8=True)


def cache(name):
    path = os.path.join(qctest.CACHE, name)
    os.makedirs(path, exist_ok=True)
    return path


def all_cases():
    data = qctest.data_directory()
    cases = list(data_cases(data)) if data else []
    return [*cases, *light_cases(), *ocr_cases()], data


# ---------------------------------------------------------------------------
# Running


def onnxruntime_session(path, int8, threads):
    """onnxruntime with its own optimizations; for int8 models in full range on a
    CPU without VNNI, its unfused float meaning instead, as its fused kernels
    saturate there."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    with open("/proc/cpuinfo") as file:
        vnni = re.search(r"\b(avx512_vnni|avx_vnni)\b", file.read())
    if int8 and not vnni and "reduce-range" not in path and "weights=u8" not in path:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


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
    scale = max(float(e.max() - e.min()), 1e-30)
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
    parser.add_argument("--no-time", dest="time", action="store_false", help="do not measure latencies")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--update", action="store_true", help="rewrite the file of expected failures")
    parser.add_argument("--json", metavar="FILE", help="write the table there")
    options = parser.parse_args()

    cases, data = all_cases()
    cases = [case for case in cases if re.search(options.k, case.name)]
    if options.list:
        print("\n".join(case.name for case in cases))
        return
    if not data:
        print("the data folder is missing (set QC_DATA): only the models of PyPI packages are run")

    expected = qctest.ExpectedFailures(os.path.join(HERE, "models_xfail.json"))
    rows, results = [], {}
    print(f"{'network':58} {'compile':>8} {'qc':>9} {'ort':>9} {'ratio':>6} {'error':>9} {'top-1':>6} {'equal':>6}")
    for case in cases:
        try:
            row = run_case(case, options)
        except Exception as error:  # One network must not hide the others.
            row = {"name": case.name, "reason": f"run: {type(error).__name__}: {error}"[:300]}
        rows.append(row)
        results[case.name] = row["reason"]
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
