#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares and times real networks on a GPU of a machine that cannot build qc.

  packed.py pack FOLDER [-k REGEX] [--runs N]      where qc is built
  packed.py run FOLDER --qc-run PATH [--device cuda|ptx-sim] [-k REGEX] [--repeat N] [--profile N]

`pack` compiles networks for the GPU, and for the CPU what they are compared
with, and writes FOLDER/NAME/{model/, case.json, input_I_J.npy, output_I_J.npy}.
`run` needs FOLDER, this file, qc-run, Python and numpy.

Outputs of int8 networks must have the CPU's bits. Float networks may differ from
it by 1e-3 of an output's range, as they may from onnxruntime in models.py: the
targets sum in different orders. Latency is a whole run from host memory to host
memory, copies of inputs and outputs included.
"""
import argparse
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

FLOAT_TOLERANCE = 1e-3
PACKED = (r"^fashion_mnist/fashion_cnn$|^cifar10/resnet|^tiny/vww|^imagenet/(resnet50_keras|mobilenet_v[12])"
          r"|^int8/(cnn|resnet8|resnet20|resnet50|vww|mobilenet_v1_0.25)-reduce-range-per-channel$")


# ---------------------------------------------------------------------------
# Where qc is built


def pack(options):
    import networks
    import qctest
    data = qctest.data_directory()
    if not data:
        sys.exit("error: the data folder is missing (set QC_DATA)")
    for case in networks.data_cases(data):
        if not re.search(options.k or PACKED, case.name):
            continue
        folder = os.path.join(options.folder, re.sub(r"\W+", "_", case.name))
        if os.path.exists(os.path.join(folder, "case.json")):
            continue
        os.makedirs(folder, exist_ok=True)
        feeds = list(itertools.islice(case.feeds(options.runs), options.runs))
        shapes = {name: value.shape for name, value in feeds[0].items()}
        qctest.compile_model(case.model(), os.path.join(folder, "model"), shapes, "--target=ptx")
        runs = []
        with tempfile.TemporaryDirectory(prefix="qc-pack-") as work:
            library = os.path.join(work, "model.so")
            qctest.compile_model(case.model(), library, shapes)
            for index, feed in enumerate(feeds):
                inputs, outputs = {}, {}
                for position, (name, value) in enumerate(feed.items()):
                    inputs[name] = f"input_{index}_{position}.npy"
                    np.save(os.path.join(folder, inputs[name]), value)
                files = {name: os.path.join(folder, file) for name, file in inputs.items()}
                results = qctest.run_artifact(library, "cpu", files, work)
                for position, (name, value) in enumerate(results.items()):
                    outputs[name] = f"output_{index}_{position}.npy"
                    np.save(os.path.join(folder, outputs[name]), value)
                runs.append({"inputs": inputs, "outputs": outputs})
        # Written last: without it the folder is not a case.
        with open(os.path.join(folder, "case.json"), "w") as file:
            json.dump({"name": case.name, "int8": case.int8, "runs": runs}, file, indent=1)
        print(case.name, flush=True)


# ---------------------------------------------------------------------------
# Where the GPU is


def run_case(folder, case, options):
    """Prints a row; the result is None if all outputs match, else the reason."""
    worst = 0.0
    for index, run in enumerate(case["runs"]):
        with tempfile.TemporaryDirectory(prefix="qc-packed-") as work:
            last = index + 1 == len(case["runs"])
            command = [options.qc_run, os.path.join(folder, "model"), f"--device={options.device}", "--json",
                       "--output", work]
            if last and options.repeat > 1:
                command += ["--warmup", "10", "--repeat", str(options.repeat)]
            for name, file in run["inputs"].items():
                command += ["--input", f"{name}={os.path.join(folder, file)}"]
            process = subprocess.run(command, capture_output=True, text=True, timeout=options.timeout)
            if process.returncode:
                return (process.stderr or process.stdout).strip()[:600]
            report = json.loads(process.stdout)
            for output in report["outputs"]:
                actual = np.load(output["file"])
                expected = np.load(os.path.join(folder, run["outputs"][output["name"]]))
                if actual.dtype != expected.dtype or actual.shape != expected.shape:
                    return f"output '{output['name']}' is {actual.dtype}{list(actual.shape)}"
                if case["int8"] and actual.tobytes() != expected.tobytes():
                    return (f"run {index}, output '{output['name']}': {int((actual != expected).sum())} of "
                            f"{actual.size} elements differ from the CPU's")
                wide = expected.astype(np.float64)
                error = float(np.abs(actual - wide).max()) / max(float(wide.max() - wide.min()), 1e-30)
                worst = max(worst, error)
                if not error <= FLOAT_TOLERANCE:
                    return f"run {index}, output '{output['name']}': error {error:.1e} of the range"
            latency = report["latency_ms"]
            if last:
                print(f"{case['name']:48} {latency['median']:9.3f} {latency['p90']:9.3f} {worst:9.1e}", flush=True)
            if last and options.profile:
                profile(command, options.profile, options.timeout)
    return None


def profile(command, count, timeout):
    """Prints the launches that take longest."""
    launches = json.loads(subprocess.run([*command, "--profile"], capture_output=True, text=True, check=True,
                                         timeout=timeout).stdout)["launches"]
    total = sum(launch["mean_ms"] for launch in launches)
    print(f"    {len(launches)} launches, {total:.3f} ms one by one")
    for launch in sorted(launches, key=lambda launch: -launch["mean_ms"])[:count]:
        print(f"    {launch['mean_ms']:9.4f} ms  {launch['name'][:60]}")


def run(options):
    failures, count = {}, 0
    print(f"{'network':48} {'median ms':>9} {'p90 ms':>9} {'error':>9}")
    for entry in sorted(os.listdir(options.folder)):
        folder = os.path.join(options.folder, entry)
        if not os.path.exists(os.path.join(folder, "case.json")):
            continue
        with open(os.path.join(folder, "case.json")) as file:
            case = json.load(file)
        if not re.search(options.k, case["name"]):
            continue
        count += 1
        try:
            reason = run_case(folder, case, options)
        except subprocess.TimeoutExpired:
            reason = f"did not end within {options.timeout} s"
        if reason:
            failures[case["name"]] = reason
            print(f"FAIL {case['name']}: {reason}", flush=True)
    print(f"{count - len(failures)} passed, {len(failures)} failed", flush=True)
    sys.exit(1 if failures or not count else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="pack|run")
    packing, running = commands.add_parser("pack"), commands.add_parser("run")
    for command in (packing, running):
        command.add_argument("folder")
        command.add_argument("-k", metavar="REGEX", default="", help="only networks whose names match")
    packing.set_defaults(function=pack)
    packing.add_argument("--runs", type=int, default=2, help="inputs per network")
    running.set_defaults(function=run)
    running.add_argument("--qc-run", required=True, metavar="PATH")
    running.add_argument("--device", choices=("cuda", "ptx-sim"), default="cuda")
    running.add_argument("--repeat", type=int, default=200)
    running.add_argument("--profile", type=int, default=0, metavar="N", help="show the N longest launches of each")
    running.add_argument("--timeout", type=int, default=120)
    options = parser.parse_args()
    options.function(options)


if __name__ == "__main__":
    main()
