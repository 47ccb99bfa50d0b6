#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares what qc, onnxruntime's quantizer and NNCF make of the same float file
and the same 100 calibration inputs, on labelled data.

  run.py [--data DIR] [-k REGEX] [--rows uniform,low-bits,mixed,lm] [--quick]
  run.py --from FILE.json          only print (and --plot) what was measured

A row is a network in one configuration: WnA8 has weights of n bits (qc: the
first layer at least 8) and activations of 8; avgnA8 formats that qc chose for an
average of n bits. Rows of the language model have weights in blocks (Wngm: m
elements per scale) and float activations, but for W8A8. Columns: the float file's task metric and the row's, the share of output
rows with the same argmax as float, the output's SQNR, bytes of the weights, and
what quantizing took. qc's rows are those of the compiled program, the peers' of
their file in onnxruntime. Bars say what is asked of qc and whether it is met;
they are a report, the exit code does not depend on them.

Needs what `scripts/setup --peers` makes, and gets it. What is made stays in the qc cache.
"""
import argparse
import json
import os
import re
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "common"))
import environment  # noqa: E402


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="DIR", help="the data folder (default: $QC_DATA or ../shared/data)")
    parser.add_argument("-k", metavar="REGEX", default="", help="only rows such as 'resnet50 W8A8 qc' that match")
    parser.add_argument("--rows", metavar="GROUPS", help="uniform, low-bits, mixed, lm (default: all)")
    parser.add_argument("--quick", action="store_true", help="a fifth of the rows of every data set")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of an inference (default: all)")
    parser.add_argument("--json", metavar="FILE", help="write the rows there; rows of FILE not measured now stay")
    parser.add_argument("--from", metavar="FILE", dest="source", help="measure nothing, show what FILE has")
    parser.add_argument("--plot", metavar="FILE", help="draw accuracy against size (.png, .svg)")
    parser.add_argument("--list", action="store_true", help="names of the rows")
    return parser.parse_args()


def measure(network, configuration, value, threads):
    """A row of the result. `value` is the float file's metric."""
    import evaluate
    import quantizers
    line = {"network": network.name, "name": configuration.name, "group": configuration.group,
            "tool": configuration.tool, "rows": network.rows, "float": value}
    try:
        runner = quantizers.TOOLS[configuration.tool](network, configuration, threads)
        line.update(evaluate.evaluate(network, runner, threads), weight_bytes=runner.weight_bytes, cost=runner.cost)
        if network.length:
            line["tokens_per_s"] = runner.tokens / runner.seconds
        return line
    except quantizers.Unavailable as reason:
        return {**line, "reason": str(reason)}


def save(result, path):
    with open(path, "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


def main():
    environment.enter()
    options = parse()
    import evaluate
    import quantizers
    import report
    import rows
    if options.source:
        with open(options.source) as file:
            result = json.load(file)
        report.show(result)
        if options.plot:
            report.plot(result, options.plot)
        return
    groups = options.rows.split(",") if options.rows else rows.GROUPS
    for group in groups:
        if group not in rows.GROUPS:
            sys.exit(f"error: no rows '{group}'; there are {', '.join(rows.GROUPS)}")
    refeval, cases = rows.cases(rows.data_directory(options.data))
    selected = {task: chosen for task in cases if (chosen := [
        configuration for configuration in rows.configurations(task) if configuration.group in groups and
        re.search(options.k, f"{task.split('@')[0]} {configuration.name} {configuration.tool}")])}
    if not selected:
        sys.exit(f"error: no row matches '{options.k}' (--list)")
    if options.list:
        print("\n".join(f"{task.split('@')[0]} {configuration.name} {configuration.tool}"
                        for task, chosen in selected.items() for configuration in chosen))
        return
    result = {"cpu": environment.cpu_name(), "rows": []}
    kept = []
    if options.json and os.path.exists(options.json):
        with open(options.json) as file:
            kept = json.load(file)["rows"]
    print(report.TITLES)
    for task, chosen in selected.items():
        network = rows.Network(refeval, task, cases[task], 5 if options.quick else 1)
        value = evaluate.score(network, quantizers.reference(network, options.threads))
        for configuration in chosen:
            line = measure(network, configuration, value, options.threads)
            result["rows"].append(line)
            kept = [other for other in kept if report.key(other) != report.key(line)]
            report.row(line, result["rows"] + kept)
            if options.json:
                save({**result, "rows": result["rows"] + kept}, options.json)
    result["rows"] += kept
    report.show(result)
    if options.plot:
        report.plot(result, options.plot)


if __name__ == "__main__":
    main()
