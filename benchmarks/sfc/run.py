#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures convolutions in the transform domain against direct ones.

  run.py [-k REGEX] [--threads 1,2] [--styles int8,fp32] [--algorithms auto,sfc-4,sfc-6] [--peers ort,openvino]

Rows are the 3x3 layers of ResNet-18/50, VGG-16 and YOLO-style detectors (four equal
layers one behind the other) and networks of ResNet-18's and VGG-16's shape; weights
are random. All runners take turns in one process; figures are medians. `gain` is the
direct form's time divided by the algorithm's, `ratio` the best peer's divided by
qc's best. `same` says whether qc's outputs have the direct form's bits (int8), or
their root mean square difference from it (fp32). The share of the peak is the direct
form's: of vpdpbusd for int8 where the CPU has it, of FMA for fp32.
"""
import argparse
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, os.pardir, "common"), os.path.join(HERE, os.pardir, "cpu")]
import environment  # noqa: E402


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", metavar="REGEX", default="", help="only rows that match, such as 'int8 56x56' or resnet18")
    parser.add_argument("--threads", default="1", help="default: 1")
    parser.add_argument("--styles", default="int8,fp32", help="default: int8,fp32")
    parser.add_argument("--algorithms", default="auto", help="default: auto")
    parser.add_argument("--peers", default="ort,openvino", help="default: ort,openvino")
    parser.add_argument("--seconds", type=float, default=0.5, help="for each runner of a row")
    return parser.parse_args()


def rows(styles):
    """(name, style, multiply-accumulates or None, what writes the model)"""
    import layers
    for style in styles:
        for layer in layers.LAYERS:
            yield (layer.name, style, layers.REPEATED * layer.macs,
                   lambda path, layer=layer, style=style: layers.write_layers(layer, style, path))
        for name in layers.NETWORKS:
            yield name, style, None, lambda path, name=name, style=style: layers.write_network(name, style, path)


def difference(outputs, reference, style):
    import numpy as np
    if style == "int8":
        return "yes" if all((outputs[name] == value).all() for name, value in reference.items()) else "NO"
    worst = max(np.sqrt(np.mean((outputs[name] - value)**2) / np.mean(value**2)) for name, value in reference.items())
    return f"{worst:.0e}"


def main():
    environment.enter()
    options = parse()
    import files
    import measure
    import peaks
    import peers as runners
    import report
    algorithms = options.algorithms.split(",")
    peers = {}
    for name in filter(None, options.peers.split(",")):
        name = runners.SHORT.get(name, name)
        if name not in runners.PEERS:
            sys.exit(f"error: no peer '{name}'; there are {', '.join(runners.PEERS)}")
        peers[name] = runners.PEERS[name]
    kinds = {algorithm: type("Qc", (runners.Qc,), {"arguments": (f"--conv-algorithm={algorithm}",)})
             for algorithm in ["direct", *algorithms]}
    threads = [int(count) for count in options.threads.split(",")]
    machine = peaks.machine(threads)
    report.header(machine)
    print(f"{'row':28} thr " + " ".join(f"{name[:11]:>11}" for name in [*kinds, *peers]) + f" {'of peak':>7} {'gain':>5} "
          f"{'ratio':>5} same", flush=True)
    failed = False
    for name, style, macs, write in rows(options.styles.split(",")):
        if not re.search(options.k, f"{style} {name}"):
            continue
        path = os.path.join(files.folder("bench"), "sfc_" + re.sub(r"\W+", "_", f"{style} {name}") + ".onnx")
        feed = write(path)
        for count in threads:
            loaded, reasons = {}, []
            for runner, kind in {**kinds, **peers}.items():
                try:
                    loaded[runner] = kind(path, feed, count)
                except runners.Unavailable as reason:
                    reasons.append(f"{runner}: {reason}"[:100])
            times = measure.interleaved(loaded, options.seconds)
            same = "-"
            if "direct" in loaded:
                outputs = {}
                for runner in kinds:
                    loaded[runner].run()
                    outputs[runner] = {key: value.copy() for key, value in loaded[runner].outputs().items()}
                same = " ".join(difference(outputs[algorithm], outputs["direct"], style) for algorithm in algorithms)
                failed |= "NO" in same
            peak = machine["peaks"][str(count)].get("fma" if style == "fp32" else "vpdpbusd")
            share = f"{macs / times['direct'] / 1e6 / peak:7.0%}" if macs and peak else f"{'-':>7}"
            best = min(times[algorithm] for algorithm in algorithms)
            others = [times[peer] for peer in peers if peer in times]
            ratio = f"{min(others) / min(best, times['direct']):5.2f}" if others else f"{'-':>5}"
            print(f"{style + ' ' + name:28} {count:3} "
                  + " ".join(f"{times[runner]:11.3f}" if runner in times else f"{'-':>11}" for runner in [*kinds, *peers])
                  + f" {share} {times['direct'] / best:5.2f} {ratio} {same} {'; '.join(reasons)}", flush=True)
    if failed:
        sys.exit("error: an int8 form has other bits than the direct one")


if __name__ == "__main__":
    main()
