#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How well the cheap metrics of qc-sensitivity predict its reference, model-mse
(one layer in one format, the whole model run): Spearman's rank correlation over
all layers and formats, and the mean of those over the layers within one format.

  sensitivity.py [--data DIR] [--rounding nearest] NETWORK...     such as resnet20 mobilenet_v2

The reference has 16 samples, fisher 4, moments 64, as in docs/quantization.md.
"""
import argparse
import json
import os
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "common"))
import environment  # noqa: E402

FORMATS = ("si3", "si4", "si6", "si8")
REFERENCE = "model-mse"
OF_FORMATS = ("fisher", "output-mse", "output-sqnr", "weight-sqnr", "hessian")
OF_LAYERS = ("entropy", "lim", "zd", "outliers")


def measure(case, shapes, rounding):
    """The table of sensitivities, {node: entry}."""
    import files
    import qctest
    inputs = files.calibration(case)
    with tempfile.TemporaryDirectory(prefix="qc-sensitivity-") as work:
        graph, fisher, table = (os.path.join(work, name) for name in ("float.mlir", "fisher.json", "table.json"))
        qctest.run_command([qctest.tool("qc-translate"), "--import-onnx", files.float_file(case), "--mlir-print-debuginfo",
                            "-o", graph, *(f"--shape={name}=" + "x".join(map(str, dims)) for name, dims in shapes.items())], 600)
        common = f"inputs={inputs} formats={','.join(FORMATS)} rounding={rounding}"
        for metrics, samples, path in ((f"fisher,{','.join(OF_LAYERS)},{','.join(OF_FORMATS[1:])}", 4, fisher),
                                       (REFERENCE, 16, table)):
            qctest.run_command([qctest.tool("qc-opt"), graph, "--mlir-print-debuginfo", "-o", os.devnull,
                                "--pass-pipeline=builtin.module(qc-calibrate{inputs=%s},qc-sensitivity{%s metrics=%s "
                                "model-limit=%d table=%s})" % (inputs, common, metrics, samples, path)], 3600)
        with open(fisher) as cheap, open(table) as reference:
            cheap, reference = json.load(cheap), json.load(reference)
    del cheap["#measured-on"]  # All other members are nodes.
    for name, entry in cheap.items():
        for kind, values in entry["formats"].items():
            values["metrics"][REFERENCE] = reference[name]["formats"][kind]["metrics"][REFERENCE]
    return cheap


def predict(entry, kind, metric):
    """The loss that the metric predicts for a layer in a format, as bit assignment
    takes it: metrics of layers say how much the weights' noise matters."""
    metrics = entry["formats"][kind]["metrics"]
    if metric in OF_FORMATS:
        return 10 ** (-metrics[metric] / 10) if metric.endswith("sqnr") else metrics[metric]
    importance = entry["metrics"][metric]
    return (1 - importance if metric == "zd" else importance) * 10 ** (-metrics["weight-sqnr"] / 10)


def main():
    environment.enter()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="DIR", help="the data folder (default: $QC_DATA or ../shared/data)")
    parser.add_argument("--rounding", default="gptq", choices=("nearest", "gptq"), help="of weights (default gptq)")
    parser.add_argument("networks", nargs="+", metavar="NETWORK")
    options = parser.parse_args()
    import rows
    from scipy.stats import spearmanr
    refeval, cases = rows.cases(rows.data_directory(options.data))
    by_name = {task.split("@")[0]: task for task in cases}
    columns = {}
    for name in options.networks:
        if name not in by_name:
            sys.exit(f"error: no network '{name}'; there are {', '.join(by_name)}")
        task = by_name[name]
        table = measure(cases[task], rows.Network(refeval, task, cases[task], 1).shapes(), options.rounding)
        layers = [entry for entry in table.values() if set(FORMATS) <= set(entry["formats"])]
        columns[name] = {}
        for metric in (*OF_FORMATS, *OF_LAYERS):
            pairs = {kind: [(predict(entry, kind, metric), entry["formats"][kind]["metrics"][REFERENCE])
                            for entry in layers] for kind in FORMATS}
            columns[name][metric] = (spearmanr(*zip(*sum(pairs.values(), []))).statistic,
                                     sum(spearmanr(*zip(*some)).statistic for some in pairs.values()) / len(FORMATS))
    print("| metric | " + " | ".join(columns) + " |")
    print("|" + "---|" * (len(columns) + 1))
    for metric in sorted((*OF_FORMATS, *OF_LAYERS), key=lambda metric: -columns[options.networks[0]][metric][0]):
        print(f"| `{metric}` | " + " | ".join("%.2f (%.2f)" % column[metric] for column in columns.values()) + " |")


if __name__ == "__main__":
    main()
