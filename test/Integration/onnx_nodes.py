#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs every node test that the installed `onnx` package defines on one target.

  onnx_nodes.py --target cpu|ptx-sim|hls-csim [-k REGEX] [-j N] [--floor N]
  onnx_nodes.py --target cpu --guard     with every buffer between inaccessible pages
  onnx_nodes.py --list [-k REGEX]
  onnx_nodes.py --target T --update      rewrite the expected failures
  onnx_nodes.py --target ptx-sim --pack FOLDER, and where there is a GPU, with QC_BUILD/bin/qc-run:
  onnx_nodes.py --target cuda --packed FOLDER

A test is a model, inputs and expected outputs. Models are compiled as they are:
what the test feeds as an input stays an input. `qc-compile --batch` compiles many
in one process, each runs in a process of its own, so a crash or a hang costs one
test, not the run. Outputs are compared as ONNX's own runner
does it, integers exactly.

Expected failures, with reasons, are in onnx_nodes_xfail_cpu.json; what fails on
another target alone is in onnx_nodes_xfail_TARGET.json. A failure that is not
there fails the run, and so does a test there that passes.
"""
import argparse
import collections
import concurrent.futures
import fcntl
import json
import os
import re
import shutil
import sys
import tempfile
import time
import warnings

import hls_csim
import qctest

HERE = os.path.dirname(os.path.abspath(__file__))
COMPILE_TIMEOUT = 120
# Tests that are compiled in one process. HLS projects of a chunk are one program,
# and of such a program's time to build a second is for itself.
CHUNK, HLS_CHUNK = 24, 100


def export_tests():
    """Writes all tests to the cache once: DIR/NAME/{model.onnx,input_I.pb,output_I.pb}
    and DIR/index.json = {name: {rtol, atol, inputs, outputs, reason}}; `reason`
    is set when a test's values are not tensors. Returns DIR and the index."""
    import onnx
    root = os.path.join(qctest.CACHE, f"node-tests-{onnx.__version__}-1")
    os.makedirs(qctest.CACHE, exist_ok=True)
    with open(root + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(root, "index.json")):
            shutil.rmtree(root, ignore_errors=True)
            os.makedirs(root)
            write_tests(root)
    with open(os.path.join(root, "index.json")) as file:
        return root, json.load(file)


def write_tests(root):
    import numpy
    import onnx
    from onnx import numpy_helper
    from onnx.backend.test.loader import load_model_tests
    warnings.filterwarnings("ignore")
    index = {}
    for test in load_model_tests(kind="node"):
        folder = os.path.join(root, test.name)
        os.makedirs(folder)
        with open(os.path.join(folder, "model.onnx"), "wb") as file:
            file.write(test.model.SerializeToString())
        # ONNX's node tests have one data set each; more would be more tests.
        (inputs, outputs), = test.data_sets
        entry = {"rtol": test.rtol, "atol": test.atol, "inputs": [], "outputs": []}
        for kind, values, infos in (("input", inputs, test.model.graph.input),
                                    ("output", outputs, test.model.graph.output)):
            for position, (value, info) in enumerate(zip(values, infos, strict=True)):
                entry[kind + "s"].append(info.name)
                which = info.type.WhichOneof("value")
                if which != "tensor_type":
                    entry["reason"] = f"{kind} '{info.name}' is a {which.removesuffix('_type')}, not a tensor"
                    continue
                if not isinstance(value, onnx.TensorProto):
                    value = numpy_helper.from_array(numpy.asarray(value), info.name)
                if value.data_type == onnx.TensorProto.STRING:
                    entry["reason"] = f"{kind} '{info.name}' holds strings"
                with open(os.path.join(folder, f"{kind}_{position}.pb"), "wb") as file:
                    file.write(value.SerializeToString())
        index[test.name] = entry
    with open(os.path.join(root, "index.json.new"), "w") as file:
        json.dump(index, file)
    os.rename(os.path.join(root, "index.json.new"), os.path.join(root, "index.json"))


def compile_all(names, target, root, work, *options):
    """Compiles tests in as few processes as possible, with more `options` of
    qc-compile. Yields (name, artefact or None, reason or None)."""
    arguments, suffix, _ = qctest.TARGETS[target]
    names = list(names)
    while names:
        with tempfile.NamedTemporaryFile("w", dir=work, suffix=".txt") as batch:
            for name in names:
                batch.write(f"{root}/{name}/model.onnx\t{work}/{name}{suffix}\n")
            batch.flush()
            worker = qctest.Worker([qctest.tool("qc-compile"), *arguments, *options, "--batch", batch.name], COMPILE_TIMEOUT)
            try:
                worker.start()
                while names:
                    state, _, message = worker.read_line().split("\t", 2)
                    name = names.pop(0)
                    if state == "OK":
                        yield name, f"{work}/{name}{suffix}", None
                    else:
                        yield name, None, "compile: " + clean(message, root, name)
            except qctest.Worker.Crashed as crash:
                yield names.pop(0), None, f"crash: qc-compile {crash}"
            except qctest.Worker.Hung as hang:
                yield names.pop(0), None, f"hang: qc-compile gave {hang}"
            except ValueError:
                yield names.pop(0), None, "crash: qc-compile --batch printed a line it should not"
            finally:
                worker.close()


def pack(names, target, root, index, folder):
    """Writes FOLDER/NAME/{artifact, input_I.pb, output_I.pb} and FOLDER/index.json for
    a machine that cannot compile: the tests that compile."""
    packed = {}
    os.makedirs(folder)
    for name, artifact, reason in compile_all(names, target, root, folder):
        if reason:
            continue
        shutil.copytree(os.path.join(root, name), os.path.join(folder, name + ".new"),
                        ignore=shutil.ignore_patterns("model.onnx"))
        os.rename(artifact, os.path.join(folder, name + ".new", "artifact"))
        os.rename(os.path.join(folder, name + ".new"), os.path.join(folder, name))
        packed[name] = index[name]
    with open(os.path.join(folder, "index.json"), "w") as file:
        json.dump(packed, file)
    print(f"{len(packed)} of {len(names)} tests packed")


def clean(message, root, name):
    """One line without the paths of this machine."""
    message = message.replace(f"{root}/{name}/model.onnx", "model.onnx").strip()
    message = re.sub(r"/\S*/", "", message)
    return re.sub(r"\s+", " ", message)[:300]


def run_chunk(names, target, root, index, options=(), packed=False):
    """Compiles (if they are not packed) and runs some tests. Returns {name: None if passed, else reason}."""
    results = {}
    if packed:
        for name in names:
            folder = os.path.join(root, name)
            results[name] = run_test(
                lambda inputs, files: qctest.run_artifact(os.path.join(folder, "artifact"), target, inputs, files,
                                                          qctest.TARGETS[target][2]), folder, index[name])
        return {name: reason and clean(reason, root, name) for name, reason in results.items()}
    with tempfile.TemporaryDirectory(prefix="qc-nodes-") as work:
        artifacts = {}
        for name, artifact, reason in compile_all(names, target, root, work):
            results[name] = reason
            if not artifact:
                continue
            if target == "hls-csim":
                artifacts[name] = artifact
                continue
            results[name] = run_test(
                lambda inputs, files: qctest.run_artifact(artifact, target, inputs, files, qctest.TARGETS[target][2], *options),
                os.path.join(root, name), index[name])
            # Artefacts of a chunk together can be large.
            shutil.rmtree(artifact) if os.path.isdir(artifact) else os.unlink(artifact)
        if artifacts:
            results.update(run_hls_projects(artifacts, root, index, work))
    return {name: reason and clean(reason, root, name) for name, reason in results.items()}


def run_hls_projects(projects, root, index, work):
    """Simulates projects {test name: folder} as each compiler builds them, one with
    the streams of the project and one with the vendor's. The result is that of
    run_chunk."""
    results = {}
    for compiler, streams in zip(hls_csim.compilers(), ("", hls_csim.vendor_flags())):
        together = os.path.join(work, "together-" + os.path.basename(compiler))
        simulations = hls_csim.build_together(list(projects.values()), together, compiler, "-O0 -Werror " + streams)
        for name, project in projects.items():
            def run(inputs, files):
                if isinstance(simulations[project], qctest.RunFailure):
                    raise simulations[project]
                values = {name: qctest.read_tensor(path) for name, path in inputs.items()}
                return simulations[project].run([values], files, qctest.TARGETS["hls-csim"][2])[0]
            results[name] = results.get(name) or run_test(run, os.path.join(root, name), index[name])
    return results


def run_test(run, folder, test):
    """None if the outputs are right, else the reason. `run` takes the inputs'
    files by name and a folder for its own, and returns the outputs by name."""
    inputs = {name: os.path.join(folder, f"input_{position}.pb") for position, name in enumerate(test["inputs"])}
    with tempfile.TemporaryDirectory(prefix="qc-node-") as work:
        try:
            outputs = run(inputs, work)
        except qctest.RunFailure as failure:
            text = str(failure)
            return text if qctest.is_automatic(text) else "run: " + text
    for position, name in enumerate(test["outputs"]):
        if name not in outputs:
            return f"result: output '{name}' is missing"
        expected = qctest.read_tensor(os.path.join(folder, f"output_{position}.pb"))
        wrong = qctest.difference(outputs[name], expected, test["rtol"], test["atol"])
        if wrong:
            return f"result: output '{name}': {wrong}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", choices=qctest.TARGETS, default="cpu")
    parser.add_argument("-k", metavar="REGEX", default="", help="only tests whose names match")
    parser.add_argument("-j", metavar="N", type=int, default=qctest.jobs())
    parser.add_argument("--list", action="store_true", help="print the names of the tests")
    parser.add_argument("--update", action="store_true", help="rewrite the file of expected failures")
    parser.add_argument("--floor", type=int, default=0, help="fail if fewer tests pass")
    parser.add_argument("--shard", metavar="I/N", default="0/1", help="only every N-th test, from the I-th")
    parser.add_argument("--guard", action="store_true", help="run under qc-run --guard (CPU)")
    parser.add_argument("-v", action="store_true", help="print every test")
    parser.add_argument("--pack", metavar="FOLDER", help="compile only, into a folder")
    parser.add_argument("--packed", metavar="FOLDER", help="run what --pack has compiled")
    options = parser.parse_args()

    if options.packed:
        root = options.packed
        with open(os.path.join(root, "index.json")) as file:
            index = json.load(file)
    else:
        root, index = export_tests()
    names = sorted(name for name in index if re.search(options.k, name))
    shard, shards = map(int, options.shard.split("/"))
    names = names[shard::shards]
    if options.list:
        print("\n".join(names))
        return
    if not names:
        sys.exit(f"error: no test matches '{options.k}'")

    guard = ["--guard"] if options.guard else []
    if options.pack:
        pack([name for name in names if "reason" not in index[name]], options.target, root, index, options.pack)
        return
    start = time.monotonic()
    # Tests that hold no tensors at all cannot be fed; they fail for that reason.
    results = {name: "run: " + index[name]["reason"] for name in names if "reason" in index[name]}
    runnable = [name for name in names if name not in results]
    # Neighbours by name are alike; strides spread the slow ones over the chunks.
    size = HLS_CHUNK if options.target == "hls-csim" else CHUNK
    count = max(1, (len(runnable) + size - 1) // size)
    chunks = [runnable[i::count] for i in range(count)] if runnable else []
    with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        for part in pool.map(lambda chunk: run_chunk(chunk, options.target, root, index, guard, bool(options.packed)), chunks):
            results.update(part)
            if options.v:
                for name, reason in sorted(part.items()):
                    print("PASS" if reason is None else "FAIL", name, reason or "", flush=True)

    # What cannot be imported or fed fails everywhere, for one reason.
    everywhere = qctest.ExpectedFailures(os.path.join(HERE, "onnx_nodes_xfail_cpu.json"))
    expected = everywhere if options.target == "cpu" else qctest.ExpectedFailures(
        os.path.join(HERE, f"onnx_nodes_xfail_{options.target}.json"), everywhere)
    if options.update:
        expected.update(results)
    passed = [name for name in names if results[name] is None]
    xfailed = [name for name in names if results[name] is not None and name in expected.reasons]
    failed = [name for name in names if results[name] is not None and name not in expected.reasons]
    surprising = [name for name in passed if name in expected.reasons]

    kinds = collections.Counter(summary_of(results[name]) for name in names if results[name] is not None)
    if kinds:
        print("reasons for failing, expected or not:")
        for kind, count in kinds.most_common(60):
            print(f"  {count:5}  {kind}")
    for name in failed:
        print(f"FAIL {name}: {results[name]}")
    for name in surprising:
        print(f"UNEXPECTED PASS {name}: remove it from {os.path.basename(expected.place(name))}"
              f" (it says: {expected.reasons[name]})")
    below = len(passed) < options.floor
    if below:
        print(f"BELOW THE FLOOR: {len(passed)} of at least {options.floor} tests pass")
    print(f"{options.target}: {len(passed)} of {len(names)} node tests pass, {len(xfailed)} fail as expected, "
          f"in {time.monotonic() - start:.0f} s")
    qctest.finish(len(passed) - len(surprising), len(failed) + len(surprising) + below, len(xfailed))


def summary_of(reason):
    """Names and numbers taken out, so that like reasons count together."""
    reason = re.sub(r"'[^']*'|\"[^\"]*\"", "…", reason)
    reason = re.sub(r"\[[^\]]*\]|\d[\d.e+-]*", "#", reason)
    return reason[:110]


if __name__ == "__main__":
    main()
