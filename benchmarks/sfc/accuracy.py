#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What fast convolutions cost in accuracy, on labelled data.

  accuracy.py [--data DIR] [-k REGEX] [--quick] [--json FILE]
  accuracy.py --from FILE.json     only print what was measured

Every network is quantized to int8 once (100 calibration inputs); then all its
convolutions that an algorithm is for are compiled directly, with exact products in
the transform domain, and with products of codes of 8, 6 and 4 bits there, for SFC
and for Winograd's F(2x2) and F(4x4). "SFC bounded" is SFC with 8 bits where a layer
loses no more than --conv-max-loss allows, "chosen" the same with the choice by cost. Columns: the task's metric, the share of rows with the float
model's argmax, the output's SQNR against the float model, and the layers whose
products are those of codes. Bars say what is asked of 8-bit SFC, and that exact
products give the direct form's outputs bit for bit; they are a report, the exit
code does not depend on them.

Needs what `scripts/setup --peers` makes, and gets it. What is made stays in the qc cache.
"""
import argparse
import dataclasses
import json
import os
import re
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(FOLDER, os.pardir, name) for name in ("common", "accuracy")]
import environment  # noqa: E402

TASKS = ("resnet20@cifar10", "resnet8@cifar10", "cnn@fashion_mnist", "squeezenet@nips17", "resnet50@nips17")
ALWAYS = "--conv-max-loss=1000"


@dataclasses.dataclass(frozen=True)
class Variant:
    """How convolutions multiply: qc-compile's arguments; `bits` of codes in the
    transform domain, if there are any."""
    name: str
    arguments: tuple
    bits: int = 0


VARIANTS = (
    Variant("direct", ("--conv-algorithm=direct",)), Variant("SFC exact", ("--conv-algorithm=sfc-6",)),
    *(Variant(f"{name} {bits} bits", (f"--conv-algorithm={algorithm}", f"--conv-bits={bits}", ALWAYS), bits)
      for name, algorithm in (("SFC", "sfc-6"), ("Winograd F(2x2)", "winograd(2x2,3x3)"), ("Winograd F(4x4)", "winograd(4x4,3x3)"))
      for bits in (8, 6, 4)),
    Variant("SFC bounded", ("--conv-algorithm=sfc-6",), 8), Variant("chosen", ("--conv-algorithm=auto",), 8))

TITLES = f"{'network':12} {'convolutions':24} {'rows':>6} {'float':>7} {'metric':>7} {'same %':>7} {'SQNR dB':>8} {'fast':>5}  bars"


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="DIR", help="the data folder (default: $QC_DATA or ../shared/data)")
    parser.add_argument("-k", metavar="REGEX", default="", help="only rows such as 'resnet50 SFC 8 bits' that match")
    parser.add_argument("--quick", action="store_true", help="a fifth of the rows of every data set")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of an inference (default: all)")
    parser.add_argument("--json", metavar="FILE", help="write the rows there; rows of FILE not measured now stay")
    parser.add_argument("--from", metavar="FILE", dest="source", help="measure nothing, show what FILE has")
    return parser.parse_args()


# ---------------------------------------------------------------------------
# Measuring


def compiled(network, quantized, variant):
    """The library of a variant, and the report of its convolutions."""
    import files
    import qctest
    name = re.sub(r"[^a-z0-9]+", "-", variant.name.lower())
    library = os.path.join(files.folder("sfc-accuracy"), f"{network.name}.{name}.so")
    report = library[:-2] + "json"
    arguments = list(variant.arguments)
    if variant.bits:
        arguments += [f"--conv-calibration={files.calibration(network.case)}", f"--conv-report={report}"]
    files.made_once(library, files.digest(quantized, qctest.tool("qc-compile"), repr(arguments)),
                    lambda path: qctest.compile_model(quantized, path, {}, *arguments, timeout=3600))
    if not variant.bits:
        return library, {}
    with open(report) as file:
        return library, json.load(file)


def measure(network, quantized, variant, value, threads):
    """A row of the result. `value` is the float file's metric."""
    import hashlib

    import evaluate
    import quantizers
    import qcrt
    library, layers = compiled(network, quantized, variant)
    digest = hashlib.sha256()

    class Runner(quantizers.Qc):
        def __init__(self):
            self.network, self.session = network, qcrt.Model(library).session(threads=threads)
            self.seconds = self.tokens = 0

        def __call__(self, feed):
            result = super().__call__(feed)
            digest.update(result.tobytes())
            return result
    line = {"network": network.name, "name": variant.name, "rows": network.rows, "float": value,
            **evaluate.evaluate(network, Runner(), threads)}
    return {**line, "outputs": digest.hexdigest(), "layers": layers}


# ---------------------------------------------------------------------------
# Report


def bars(line, lines):
    """[(what is asked for, whether the row does)]."""
    direct = next((other for other in lines if (other["network"], other["name"]) == (line["network"], "direct")), None)
    if not direct or direct["rows"] != line["rows"]:
        return []
    if line["name"] == "SFC exact":
        return [("direct's outputs", line["outputs"] == direct["outputs"])]
    if line["name"] not in ("SFC 8 bits", "SFC bounded", "chosen"):
        return []
    return [("direct - 0.3", line["metric"] >= direct["metric"] - 0.3), ("same - 1", line["same"] >= direct["same"] - 1)]


def row(line, lines):
    fast = sum(layer["used"] for layer in line["layers"].values())
    judged = "; ".join(f"{text}: {'met' if good else 'MISSED'}" for text, good in bars(line, lines))
    print(f"{line['network']:12} {line['name']:24} {line['rows']:6} {line['float']:7.2f} {line['metric']:7.2f} "
          f"{line['same']:7.2f} {line['sqnr_db']:8.2f} {fast or '':>5}  {judged}", flush=True)


def show(result):
    print(f"CPU: {result['cpu']}")
    print(TITLES)
    order = {variant.name: index for index, variant in enumerate(VARIANTS)}
    lines = sorted(result["rows"], key=lambda line: (line["network"], order[line["name"]]))
    for line in lines:
        row(line, lines)
    judged = [good for line in lines for _, good in bars(line, lines)]
    print(f"{sum(judged)} bars met, {len(judged) - sum(judged)} missed")


def main():
    options = parse()
    if options.source:
        with open(options.source) as file:
            return show(json.load(file))
    environment.enter()
    import evaluate
    import files
    import quantizers
    import rows
    refeval, cases = rows.cases(rows.data_directory(options.data))
    int8, = (configuration for configuration in rows.CONFIGURATIONS if (configuration.name, configuration.tool) == ("W8A8", "qc"))
    kept = []
    if options.json and os.path.exists(options.json):
        with open(options.json) as file:
            kept = json.load(file)["rows"]
    result = {"cpu": environment.cpu_name(), "rows": kept}
    print(TITLES)
    for task in TASKS:
        name = task.split("@")[0]
        chosen = [variant for variant in VARIANTS if re.search(options.k, f"{name} {variant.name}")]
        if not chosen:
            continue
        network = rows.Network(refeval, task, cases[task], 5 if options.quick else 1)
        quantized = files.quantized_module(network.case, int8.name, " ".join(int8.options), network.shapes())
        value = evaluate.score(network, quantizers.reference(network, options.threads))
        for variant in chosen:
            line = measure(network, quantized, variant, value, options.threads)
            result["rows"] = [other for other in result["rows"] if
                              (other["network"], other["name"]) != (line["network"], line["name"])] + [line]
            row(line, result["rows"])
            if options.json:
                with open(options.json, "w") as file:
                    json.dump(result, file, indent=1)
    show(result)


if __name__ == "__main__":
    main()
