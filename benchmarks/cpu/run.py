#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures qc against onnxruntime, OpenVINO and IREE on real networks.

  run.py [-k REGEX] [--threads 1,2] [--peers ort,openvino,iree] [--quick]
  run.py --prepare [-k REGEX]      only make files and compile
  run.py --from FILE.json          only print (and --plot) what was measured
  run.py --kernels REGEX           what each kernel of a network takes

The networks are those of the data folder (--models, $QC_DATA or ../shared/data)
and the `light` ones of the onnx package, fp32 and int8; files are the same for
all peers (prepare.py). Runs of all peers alternate, so that what disturbs the
machine disturbs all; the figures are medians. The ratio is the time of the
best peer divided by qc's: above 1, qc is faster. `error` is the root mean square
difference of qc's and onnxruntime's outputs as a share of their range.

Needs what `scripts/setup --peers` makes, and gets it.
"""
import argparse
import json
import math
import os
import re
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "common"))
import environment  # noqa: E402


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", metavar="DIR", help="the data folder's models (default: $QC_DATA or ../shared/data)")
    parser.add_argument("-k", metavar="REGEX", default="", help="only rows such as 'resnet50 fp32' that match")
    parser.add_argument("--peers", default="ort,openvino,iree", help="default: ort,openvino,iree")
    parser.add_argument("--iree-all", action="store_true",
                        help="IREE on all networks, not only on those of at most 2 MB")
    parser.add_argument("--threads", default="1,2", help="default: 1,2")
    parser.add_argument("--quick", action="store_true", help="a third of the time")
    parser.add_argument("--prepare", action="store_true", help="make files and compile, measure nothing")
    parser.add_argument("--json", metavar="FILE", help="write the rows there; rows of FILE not measured now stay")
    parser.add_argument("--from", metavar="FILE", dest="source", help="measure nothing, show what FILE has")
    parser.add_argument("--plot", metavar="FILE", help="draw the ratios (.png, .svg)")
    parser.add_argument("--kernels", metavar="REGEX", help="report the kernels of the rows that match")
    parser.add_argument("--list", action="store_true", help="names of the rows")
    options = parser.parse_args()
    options.threads = [int(count) for count in options.threads.split(",")]
    return options


def measure_row(row, threads, peers, options):
    """A row of the result; peers that cannot run it have a reason instead of a
    time."""
    import measure
    import peers as runners
    feed, model = row.feed(), row.file()
    result = {"network": row.network, "style": row.style, "threads": threads, "ms": {}, "reasons": {}}
    loaded = {}
    for name, kind in peers.items():
        if kind is runners.Iree and not options.iree_all and os.path.getsize(model) > 2 << 20:
            result["reasons"][name] = "not tried: a large file"
            continue
        try:
            if options.prepare:
                kind.prepare(model, feed, threads)
            else:
                loaded[name] = kind(model, feed, threads)
        except runners.Unavailable as reason:
            result["reasons"][name] = str(reason)
    if options.prepare:
        return result
    if "qc" in loaded and "onnxruntime" in loaded:
        result["error"] = measure.difference(loaded["qc"], loaded["onnxruntime"])
    result["ms"] = measure.interleaved(loaded, 0.3 if options.quick else 1.0)
    others = [time for name, time in result["ms"].items() if name != "qc"]
    if "qc" in result["ms"] and others:
        result["ratio"] = min(others) / result["ms"]["qc"]
    return result


def main():
    environment.enter()
    options = parse()
    import peaks
    import peers as runners
    import prepare
    import report
    if options.source:
        with open(options.source) as file:
            result = json.load(file)
        report.show(result)
        if options.plot:
            report.plot(result, options.plot)
        return
    rows = prepare.all_rows(options.models)
    if all(row.network.startswith("light_") for row in rows):
        print("the data folder is missing (--models, QC_DATA): only the light networks of the onnx package are measured")
    selected = [row for row in rows if re.search(options.kernels or options.k, row.name)]
    if not selected:
        sys.exit(f"error: no row matches '{options.kernels or options.k}' (--list)")
    if options.list:
        print("\n".join(row.name for row in selected))
        return
    if options.kernels:
        import kernels
        for row in selected:
            for threads in options.threads:
                kernels.report(row, threads)
        return

    peers = {"qc": runners.Qc}
    for name in filter(None, options.peers.split(",")):
        name = runners.SHORT.get(name, name)
        if name not in runners.PEERS:
            sys.exit(f"error: no peer '{name}'; there are {', '.join(runners.PEERS)}")
        peers[name] = runners.PEERS[name]
    result = {"machine": None if options.prepare else peaks.machine(options.threads), "rows": []}
    if not options.prepare:
        report.header(result["machine"])
    report.titles(peers)
    for row in selected:
        for threads in options.threads[:1] if options.prepare else options.threads:
            try:
                line = measure_row(row, threads, peers, options)
            except Exception as error:  # One row must not hide the others.
                line = {"network": row.network, "style": row.style, "threads": threads, "ms": {},
                        "reasons": {"file": f"{type(error).__name__}: {error}"[:300]}}
            report.row(line, peers)
            result["rows"].append(line)
    if options.prepare:
        return
    if options.json and os.path.exists(options.json):
        with open(options.json) as file:
            known = json.load(file)["rows"]
        now = {report.key(line) for line in result["rows"]}
        result["rows"] += [line for line in known if report.key(line) not in now]
    report.summary(result)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
    if options.plot:
        report.plot(result, options.plot)
    if not any(math.isfinite(line.get("ratio", math.nan)) for line in result["rows"]):
        sys.exit("error: nothing was measured against a peer")


if __name__ == "__main__":
    main()
