#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The demo: what qc does with real networks, in one table.

  demo.py FOLDER      (scripts/demo sets up, builds and calls this)

1. A network trained on Fashion-MNIST, float and int8, on all 10,000 test images.
2. The text detector and recogniser of rapidocr-onnxruntime each compiled
   for two sizes into one library, on a page that is drawn here.
3. The int8 network of 1 as PTX and as an HLS project, executed in simulation:
   the integers must equal the CPU's.

Every figure is measured in this run and compared with onnxruntime, both on one
thread. Ends with exit code 1 if a comparison fails.
"""
import gzip
import os
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "test", "Integration"))
import models  # noqa: E402
import networks  # noqa: E402
import qctest  # noqa: E402

FASHION = "/usr/share/datasets/fashion-mnist"  # Debian's package dataset-fashion-mnist
BATCH = 100
SIMULATED_IMAGES = 4
SIMULATIONS = {"ptx": ("PTX, simulated", "ptx-sim"), "hls": ("HLS, C simulation", "hls-csim")}


def fashion(kind):
    """Images [n, 1, 28, 28], normalised as for training, and labels [n]."""
    def read(name, header):
        with gzip.open(os.path.join(FASHION, f"{kind}-{name}.gz")) as file:
            return np.frombuffer(file.read(), np.uint8)[header:]
    labels = read("labels-idx1-ubyte", 8)
    pixels = read("images-idx3-ubyte", 16).reshape(len(labels), 1, 28, 28).astype(np.float32)
    return (pixels / 255 - np.float32(0.2860)) / np.float32(0.3530), labels


def save_feeds(folder, feeds):
    os.makedirs(folder, exist_ok=True)
    for index, feed in enumerate(feeds):
        np.savez(os.path.join(folder, f"{index:05}.npz"), **feed)
    return folder


def run_feeds(artifact, inputs, outputs, name):
    """Output `name` of every run, concatenated."""
    os.makedirs(outputs, exist_ok=True)
    qctest.run_command([qctest.tool("qc-run"), artifact, "--inputs", inputs, "--outputs", outputs], 900)
    return np.concatenate([np.load(os.path.join(outputs, file))[name] for file in sorted(os.listdir(outputs))])


def describe(model):
    """Nodes, parameters and megabytes of an ONNX file."""
    import onnx
    graph = onnx.load(model).graph
    tensors = [*graph.initializer, *(attribute.t for node in graph.node if node.op_type == "Constant"
                                     for attribute in node.attribute if attribute.name == "value")]
    parameters = sum(int(np.prod(tensor.dims)) for tensor in tensors)
    return len(graph.node), parameters, os.path.getsize(model) / 1e6


class Table:
    def __init__(self):
        from rich.table import Table as RichTable
        self.table = RichTable(title="qc and onnxruntime, one thread")
        for heading in ("network", "target", "nodes", "parameters", "compile", "artefact", "qc", "onnxruntime", "ratio",
                        "error / range", "accuracy"):
            self.table.add_column(heading, justify="left" if heading in ("network", "target") else "right")
        self.failures = []
        self.count = 0

    def row(self, network, target, model, artifact, seconds, qc_ms=None, ort_ms=None, error=None, accuracy=""):
        nodes, parameters, _ = describe(model)
        size = sum(os.path.getsize(os.path.join(folder, file)) for folder, _, files in os.walk(artifact) for file in files) \
            if os.path.isdir(artifact) else os.path.getsize(artifact)
        self.table.add_row(
            network, target, str(nodes), f"{parameters / 1e3:,.0f} k", f"{seconds:.1f} s", f"{size / 1e6:.2f} MB",
            f"{qc_ms:.2f} ms" if qc_ms else "", f"{ort_ms:.2f} ms" if ort_ms else "",
            f"{qc_ms / ort_ms:.2f}" if qc_ms and ort_ms else "", "" if error is None else f"{error:.1e}", accuracy)

    def part(self, function, *arguments):
        """Runs a part; what does not compile or run is a failure, the rest goes on."""
        try:
            return function(*arguments)
        except qctest.RunFailure as failure:
            self.expect(False, str(failure))
            return None

    def expect(self, condition, message):
        print(("ok    " if condition else "WRONG ") + message, flush=True)
        self.count += 1
        if not condition:
            self.failures.append(message)


def fashion_part(folder, table):
    """Part 1. Returns the int8 model, some images and the CPU's answers."""
    float_model = os.path.join(ROOT, "test", "data", "fashion_cnn.onnx")
    int8_model = os.path.join(folder, "fashion_cnn.int8.onnx")
    train, _ = fashion("train")
    calibration = save_feeds(os.path.join(folder, "calibration"), ({"input": image[None]} for image in train[:200]))
    qctest.run_command([sys.executable, os.path.join(ROOT, "scripts", "quantize_qdq.py"), float_model, calibration,
                        int8_model, "--per-channel", "--reduce-range"], 600)

    images, labels = fashion("t10k")
    inputs = save_feeds(os.path.join(folder, "fashion-inputs"),
                        ({"input": images[i:i + BATCH]} for i in range(0, len(images), BATCH)))
    answers = {}
    for model, kind in ((float_model, "fp32"), (int8_model, "int8")):
        library = os.path.join(folder, f"fashion_cnn.{kind}.so")
        seconds = qctest.compile_model(model, library, {"input": (BATCH, 1, 28, 28)})
        logits = run_feeds(library, inputs, os.path.join(folder, f"fashion-outputs-{kind}"), "logits")
        session = models.onnxruntime_session(model, False, 1)
        reference = np.concatenate([session.run(["logits"], {"input": images[i:i + BATCH]})[0]
                                    for i in range(0, len(images), BATCH)])
        accuracy = float((logits.argmax(1) == labels).mean())
        expected = float((reference.argmax(1) == labels).mean())
        error = float(np.abs(logits - reference).max() / np.ptp(reference))
        single = os.path.join(folder, f"fashion_cnn.{kind}.1.so")
        qctest.compile_model(model, single, {"input": (1, 1, 28, 28)})
        feed = {"input": images[:1]}
        qc_ms = models.qc_latency([qctest.tool("qc-run"), single, "--threads", "1"], feed, folder)
        ort_ms = models.onnxruntime_latency(session, ["logits"], feed)
        table.row("Fashion-MNIST CNN " + kind, "cpu", model, library, seconds, qc_ms, ort_ms, error,
                  f"{accuracy:.2%} ({expected:.2%})")
        table.expect(abs(accuracy - expected) <= 1e-4, f"{kind}: accuracy {accuracy:.2%} on 10,000 images, onnxruntime's {expected:.2%}")
        if kind == "fp32":
            table.expect(error <= models.FLOAT_TOLERANCE, f"fp32: largest error {error:.1e} of the range")
        answers[kind] = logits
    return int8_model, images[:SIMULATED_IMAGES], answers["int8"][:SIMULATED_IMAGES]


def ocr_part(folder, table):
    """Part 2."""
    directory = os.path.join(networks.package_directory("rapidocr_onnxruntime"), "models")
    page = networks.drawn_page(320, 224)
    page.save(os.path.join(folder, "page.png"))
    sizes = {"ch_PP-OCRv4_det_infer": ((320, 224), (448, 320)), "ch_PP-OCRv4_rec_infer": ((320, 48), (480, 48))}
    for stem, shapes in sizes.items():
        model = os.path.join(directory, stem + ".onnx")
        session = models.onnxruntime_session(model, False, 1)
        name = session.get_outputs()[0].name
        library = os.path.join(folder, stem + ".so")
        seconds = qctest.compile_model(model, library, {"x": [(1, 3, height, width) for width, height in shapes]})
        for width, height in shapes:
            feed = {"x": networks.ocr_input(width, height, ("Quantized networks",) if height == 48 else networks.PAGE)}
            inputs = save_feeds(os.path.join(folder, f"{stem}.{width}x{height}.in"), [feed])
            result = run_feeds(library, inputs, inputs[:-3] + ".out", name)
            reference = session.run([name], feed)[0]
            good, error, _, _ = models.judge(result, reference, None)
            qc_ms = models.qc_latency([qctest.tool("qc-run"), library, "--threads", "1"], feed, folder)
            ort_ms = models.onnxruntime_latency(session, [name], feed)
            table.row(f"{stem} {width}x{height}", "cpu", model, library, seconds, qc_ms, ort_ms, error)
            table.expect(good, f"{stem} at {width}x{height}: largest error {error:.1e} of the range")


def simulate(artifact, device, image, folder):
    np.save(file := os.path.join(folder, "simulated.npy"), image)
    work = os.path.join(artifact, "run")
    os.makedirs(work, exist_ok=True)
    return qctest.run_artifact(artifact, device, {"input": file}, work)["logits"]


def simulated_part(folder, table, target, model, images, answers):
    """Part 3 for one target."""
    label, device = SIMULATIONS[target]
    artifact = os.path.join(folder, f"fashion_cnn.int8.{target}")
    seconds = qctest.compile_model(model, artifact, {"input": (1, 1, 28, 28)}, f"--target={target}")
    logits = np.concatenate([simulate(artifact, device, image[None], folder) for image in images])
    table.row("Fashion-MNIST CNN int8", label, model, artifact, seconds)
    table.expect(bool((logits == answers).all()),
                 f"{label}: {logits.size} outputs of {len(images)} images equal the CPU's bit for bit")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = os.path.abspath(sys.argv[1])
    os.makedirs(folder, exist_ok=True)
    table = Table()
    fashion_results = table.part(fashion_part, folder, table)
    table.part(ocr_part, folder, table)
    if fashion_results:
        for target in SIMULATIONS:
            table.part(simulated_part, folder, table, target, *fashion_results)
    from rich.console import Console
    Console(width=None if sys.stdout.isatty() else 180).print(table.table)
    print("accuracy: qc (onnxruntime); the artefacts are in", folder)
    qctest.finish(table.count - len(table.failures), len(table.failures), 0)


if __name__ == "__main__":
    main()
