# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Real networks with real inputs, for tests and benchmarks.

All models of the data folder ($QC_DATA or ../shared/data), int8 versions of some
of them made here with scripts/quantize_qdq.py, the `light` models of the onnx
package, the three models of rapidocr-onnxruntime. Inputs are real ones where the
data folder has a task for the model. What is made stays in the qc cache.
"""
import glob
import importlib.util
import itertools
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

import qctest


class Case:
    """A network: `model()` gives its path, `feeds(n)` gives n input dictionaries,
    `calibrate(folder, n)` writes n others as .npz files."""

    def __init__(self, name, model, feeds, int8=False, calibrate=None):
        self.name, self.model, self.feeds, self.int8 = name, model, feeds, int8
        self.calibrate = calibrate or self.calibrate_on_feeds

    def calibrate_on_feeds(self, folder, count):
        """For networks without a task: there is nothing else to calibrate on."""
        for index, feed in enumerate(self.feeds(count)):
            np.savez(os.path.join(folder, f"{index:04}.npz"), **feed)


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


def logits_only(path):
    """The network of `path` up to the input of its last Softmax, if it ends in one.

    The weights of the `light` networks are constants, so that their 1000 logits are
    equal, and up to 1e10, where neighbouring floats are 1024 apart. Of their softmax
    any order of summation makes 0 and 1 where 1/1000 is meant."""
    import onnx
    graph = (model := onnx.load(path)).graph
    last = graph.node[-1]
    if last.op_type != "Softmax":
        return path
    result = os.path.join(cache("models"), os.path.basename(path)[:-5] + "_logits.onnx")
    if not os.path.exists(result):
        graph.output[0].name = last.input[0]
        graph.node.remove(last)
        onnx.save(model, result + ".new")
        os.rename(result + ".new", result)
    return result


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
        yield Case(os.path.basename(path)[:-5], lambda path=path: logits_only(path), feeds)


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
    folder = os.path.join(data, "models")

    def rows(task):
        # One row per run, whatever batch the task uses.
        for feed in refeval.TASKS[task][2]()[0]():
            count = len(next(iter(feed.values())))
            for row in range(count):
                yield {name: np.ascontiguousarray(values[row:row + 1]) for name, values in feed.items()}

    def task_case(name, model, task, int8=False):
        def calibrate(target, count):
            subprocess.run([sys.executable, os.path.join(data, "tools", "refeval.py"), "calib", task, target, str(count)],
                           check=True, stdout=subprocess.DEVNULL)
        return Case(name, model, lambda count: itertools.islice(rows(task), count), int8, calibrate)

    def minilm():
        path = os.path.join(cache("models"), "all-MiniLM-L6-v2.onnx")
        if not os.path.exists(path):
            subprocess.run([sys.executable, os.path.join(data, "tools", "export_minilm.py"), path + ".new"], check=True,
                           stdout=subprocess.DEVNULL)
            os.rename(path + ".new", path)
        return path

    seen = {}
    for task, (file, _, _) in refeval.TASKS.items():
        if file in seen:
            continue
        model = minilm if "MiniLM" in file else lambda file=file: os.path.join(folder, file)
        yield (case := task_case(file[:-5], model, task, "int8" in file))
        seen[file] = case
    yield Case("detect/version-RFB-320", lambda: os.path.join(folder, "detect", "version-RFB-320.onnx"),
               lambda count: iter([{"input": np.ascontiguousarray((photo(data, 240, 320)[None] - 127) / 128, np.float32)}]))

    nncf = ()
    if os.path.exists(peers_python()):
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
        case = seen[refeval.TASKS[task][0]]
        for style in styles:
            key = "-".join([re.sub(r"\W+", "_", task), *(option.strip("-") for option in style)])
            path = os.path.join(cache("quantized"), key + ".onnx")
            yield Case("int8/" + task.split("@")[0] + "".join(option.removeprefix("-") for option in style),
                       lambda case=case, path=path, style=style: quantized(case, case.model(), path, *style),
                       case.feeds, int8=True)


def peers_python():
    """The interpreter of the environment with other compilers and quantizers."""
    return os.path.join(os.environ.get("QC_PEERS", ""), "bin", "python")


def quantized(case, model, path, *options, samples=50):
    """Makes `path`, an int8 version of `model` calibrated with the network's
    data, unless it is there; returns it."""
    if not os.path.exists(path):
        with tempfile.TemporaryDirectory() as folder:
            case.calibrate(folder, samples)
            python = peers_python() if "--quantizer=nncf" in options else sys.executable
            subprocess.run([python, os.path.join(qctest.ROOT, "scripts", "quantize_qdq.py"), model, folder,
                            path + ".new", *options], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.rename(path + ".new", path)
    return path


def cache(name):
    path = os.path.join(qctest.CACHE, name)
    os.makedirs(path, exist_ok=True)
    return path


def all_cases():
    data = qctest.data_directory()
    cases = list(data_cases(data)) if data else []
    return [*cases, *light_cases(), *ocr_cases()], data
