#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scores networks on labelled data through qc-compile and qc-run, and requires the
accuracy that onnxruntime reaches on the same inputs: at most one image apart.

  accuracy.py [-k REGEX] [--list]

Needs the data folder ($QC_DATA or ../shared/data); skips, saying so, without.
Tasks whose inputs change their shape from run to run are left out: a program is for
one combination of shapes.
"""
import argparse
import concurrent.futures
import os
import re
import tempfile
import time

import numpy as np

import models
import networks
import qctest

VARYING_SHAPES = {"minilm@stsb_test", "minilm@stsb_dev", "stories15M@tinystories"}
# Metrics are percentages of counted rows, except these: absolute tolerances.
TOLERANCES = {"mAP50_95": 0.15, "mAP50": 0.15}


def score(refeval, task, work):
    """(qc's metrics, onnxruntime's metrics, seconds of each)."""
    file, output, make = refeval.TASKS[task]
    path = os.path.join(refeval.M, file)
    feeds, metric = make()
    session = models.onnxruntime_session(path, "int8" in file, 1)
    os.mkdir(inputs := os.path.join(work, "inputs"))
    reference, seconds, shapes = [], 0.0, None
    for index, feed in enumerate(feeds()):
        np.savez(os.path.join(inputs, f"{index:05}.npz"), **feed)
        shapes = shapes or {name: value.shape for name, value in feed.items()}
        start = time.monotonic()
        reference.append(session.run([output], feed)[0])
        seconds += time.monotonic() - start
    library = os.path.join(work, "model.so")
    qctest.compile_model(path, library, shapes)
    outputs = os.path.join(work, "outputs")
    start = time.monotonic()
    qctest.run_command([qctest.tool("qc-run"), library, "--inputs", inputs, "--outputs", outputs], 3600)
    elapsed = time.monotonic() - start
    results = []
    for index in range(len(reference)):
        with np.load(os.path.join(outputs, f"{index:05}.npz")) as arrays:
            results.append(arrays[output])
    return metric(results), metric(reference), elapsed, seconds


def agree(actual, expected):
    """Whether the metrics are at most one image apart."""
    count = expected.get("n") or expected.get("images")
    return all(abs(actual[key] - value) <= TOLERANCES.get(key, 100 / count + 0.006)
               for key, value in expected.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", metavar="REGEX", default="", help="only tasks whose names match")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    data = qctest.data_directory()
    if not data:
        print("the data folder is missing (set QC_DATA): nothing was scored\n0 passed, 0 failed, 1 skipped")
        return
    refeval = networks.reference_evaluator(data)
    tasks = [task for task in refeval.TASKS if re.search(options.k, task) and task not in VARYING_SHAPES]
    if options.list:
        print("\n".join(tasks))
        return

    def run(task):
        """Whether the task is as good, and a line about it."""
        with tempfile.TemporaryDirectory(prefix="qc-accuracy-") as work:
            try:
                actual, expected, ours, theirs = score(refeval, task, work)
            except qctest.RunFailure as failure:
                return False, f"FAIL {task}: {failure}"
        good = agree(actual, expected)
        text = "  ".join(f"{key} {actual[key]} ({expected[key]})" for key in expected)
        return good, f"{'ok  ' if good else 'FAIL'} {task:28} qc (onnxruntime): {text}   {ours:.1f} s ({theirs:.1f} s)"

    # The longest start first, lest one be left alone at the end: about those with the
    # largest files.
    tasks.sort(key=lambda task: os.path.getsize(os.path.join(refeval.M, refeval.TASKS[task][0])), reverse=True)
    passed = 0
    with concurrent.futures.ThreadPoolExecutor(qctest.jobs()) as pool:
        for good, line in pool.map(run, tasks):
            passed += good
            print(line, flush=True)
    qctest.finish(passed, len(tasks) - passed, 0)


if __name__ == "__main__":
    main()
