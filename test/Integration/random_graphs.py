#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares qc with onnxruntime and with the reference decompositions on random
graphs (graph_generator.py), under qc-run --guard, in code for this CPU and for
lesser and emulated wider ones, with every launch divided among 1 to 4 threads.

  random_graphs.py [--count 300] [--first SEED] [--save DIR]
  random_graphs.py MODEL.onnx...      models that failed before

A failure is made smaller and saved as an ONNX file. Such files in
test/data/regress are run before the random graphs.

The reference is onnxruntime without optimizations, which executes QDQ graphs as
written, in float; its fused integer kernels round differently. What equals it:

  exact    every bit: see graph_generator.py
  scaled   every code. Floats within 2e-5 of the tensor's largest magnitude: the
           order of float sums of up to some hundred terms. An input is used only
           if no QuantizeLinear's operand is within 1e-3 steps of a tie, where a
           difference of the last bit would be one of a step.
  float    1e-4 of the largest magnitude, as up to twenty float operators follow
           each other
"""
import argparse
import glob
import os
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper

import graph_generator
import graph_minimizer
import onnx_nodes
import qctest

REGRESS = os.path.join(qctest.ROOT, "test", "data", "regress")
TOLERANCE = {"exact": 0, "scaled": 2e-5, "float": 1e-4}
TIE = 1e-3
ATTEMPTS = 40
CHUNK = 25
# Every other graph is for this CPU, the rest for others.
FORMS = [form for other in qctest.cpu_forms()[1:] for form in ("native", other)]


class NoInput(Exception):
    """Every input tried has a value near a tie."""


def seed_of(model):
    """The seed of the inputs of a saved model."""
    return int(next((entry.value for entry in model.metadata_props if entry.key == "seed"), 0))


def kind_of(model):
    return model.graph.name.removeprefix("random-")


def random_inputs(model, random):
    """Floats are multiples of 1/8 up to 8, so that exact graphs are exact; codes
    are any."""
    feeds = {}
    for value in model.graph.input:
        shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
        if dtype.kind == "f":
            feeds[value.name] = np.clip(np.round(random.normal(0, 2, shape) * 8), -64, 64).astype(dtype) / 8
        elif dtype == bool:
            feeds[value.name] = random.integers(0, 2, shape).astype(bool)
        else:
            info = np.iinfo(dtype)
            feeds[value.name] = random.integers(max(info.min, -1000), min(info.max, 1000) + 1, shape).astype(dtype)
    return feeds


class Reference:
    """onnxruntime on a model; also what goes into QuantizeLinear nodes."""

    def __init__(self, model):
        import onnxruntime
        self.names = [value.name for value in model.graph.output]
        infos = graph_minimizer.tensor_infos(model)
        self.watched = []
        watching = onnx.ModelProto()
        watching.CopyFrom(model)
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        known = set(self.names) | {value.name for value in model.graph.input}
        for node in model.graph.node:
            if node.op_type == "QuantizeLinear" and node.input[1] in constants:
                self.watched.append((node.input[0], constants[node.input[1]]))
                if node.input[0] not in known:
                    known.add(node.input[0])
                    watching.graph.output.append(onnx.helper.make_tensor_value_info(node.input[0], *infos[node.input[0]]))
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(watching.SerializeToString(), options)

    def run(self, feeds):
        """(outputs, whether a value is near a tie)"""
        values = dict(zip((output.name for output in self.session.get_outputs()), self.session.run(None, feeds)))
        near = False
        for name, scale in self.watched:
            operand = values.get(name, feeds.get(name)).astype(np.float64) / scale
            inside = np.abs(operand) < 400
            near |= bool((np.abs(np.abs(operand - np.floor(operand)) - 0.5)[inside] < TIE).any())
        return {name: values[name] for name in self.names}, near

    def choose(self, model, seed):
        """Inputs and outputs without ties where they matter."""
        random = np.random.default_rng(seed)
        for _ in range(ATTEMPTS):
            feeds = random_inputs(model, random)
            outputs, near = self.run(feeds)
            if not near or kind_of(model) != "scaled":
                return feeds, outputs
        raise NoInput()


def compare(kind, outputs, expected):
    """None, or how the outputs differ."""
    for name, reference in expected.items():
        if name not in outputs:
            return f"result: output '{name}' is missing"
        largest = float(np.abs(reference[np.isfinite(reference)]).max(initial=0)) if reference.size else 0.0
        wrong = qctest.difference(outputs[name], reference, 0, TOLERANCE.get(kind, 1e-4) * largest)
        if wrong:
            return f"result: output '{name}': {wrong}"
    return None


class Graph:
    """A graph with its input and what it should give, as files in a folder."""

    def __init__(self, name, model, folder, seed):
        self.name, self.model, self.folder, self.seed = name, model, folder, seed
        self.kind = kind_of(model)
        self.feeds, self.expected = Reference(model).choose(model, seed)
        os.makedirs(folder, exist_ok=True)
        onnx.save(model, os.path.join(folder, "model.onnx"))
        self.inputs, self.outputs = {}, {}
        for index, value in enumerate(model.graph.input):
            self.inputs[value.name] = os.path.join(folder, f"input_{index}.pb")
            with open(self.inputs[value.name], "wb") as file:
                file.write(numpy_helper.from_array(self.feeds[value.name], value.name).SerializeToString())
        for index, value in enumerate(model.graph.output):
            self.outputs[value.name] = os.path.join(folder, f"output_{index}.pb")

    def run(self, artifact):
        """None if qc's result is right, else why not."""
        with tempfile.TemporaryDirectory() as work:
            try:
                options = ["--guard", "--divide", "--threads", str(1 + self.seed % 4)]
                actual = qctest.run_artifact(artifact, "cpu", self.inputs, work, 60, *options)
            except qctest.RunFailure as failure:
                text = str(failure)
                return text if qctest.is_automatic(text) else "run: " + text
        return compare(self.kind, actual, self.expected)

    def reference_line(self):
        return "\t".join([os.path.join(self.folder, "model.onnx"), ",".join(self.inputs.values()),
                          ",".join(self.outputs.values())])

    def check_reference(self, failed):
        """The same for qc-reference, which has run; `failed` is its message."""
        if failed:
            return f"reference: {failed}"
        wrong = compare(self.kind, {name: qctest.read_tensor(path) for name, path in self.outputs.items()}, self.expected)
        return wrong and "reference: " + wrong


def run_reference(graphs, work):
    """{name: message of a failure} of qc-reference."""
    batch = os.path.join(work, "reference.txt")
    with open(batch, "w") as file:
        file.write("".join(graph.reference_line() + "\n" for graph in graphs))
    try:
        text = qctest.run_command([qctest.tool("qc-reference"), "--batch", batch], 300)
    except qctest.RunFailure as failure:
        return {graph.name: str(failure) for graph in graphs} if len(graphs) == 1 else {
            name: message for graph in graphs for name, message in run_reference([graph], work).items()}
    failures = {}
    for graph, line in zip(graphs, text.splitlines(), strict=True):
        if not line.startswith("OK"):
            failures[graph.name] = line
    return failures


def check(graphs, work):
    """{name: None or reason}"""
    by_name = {graph.name: graph for graph in graphs}
    results = {}
    for index, form in enumerate(FORMS):
        names = [graph.name for graph in graphs if graph.seed // 4 % len(FORMS) == index]
        for name, artifact, reason in onnx_nodes.compile_all(names, "cpu", os.path.join(work, "graphs"), work, "--mcpu=" + form):
            results[name] = reason or by_name[name].run(artifact)
            if artifact:
                os.unlink(artifact)
    failures = run_reference(graphs, work)
    for graph in graphs:
        results[graph.name] = results[graph.name] or graph.check_reference(failures.get(graph.name))
    return results


def check_model(model, seed):
    """None or a reason, for one model; models that onnxruntime does not run, or
    that have no input without ties, count as right."""
    with tempfile.TemporaryDirectory(prefix="qc-graph-") as work:
        try:
            graph = Graph("graph", model, os.path.join(work, "graphs", "graph"), seed)
        except Exception:
            return None
        return check([graph], work)["graph"]


def stage_of(reason):
    """What minimization must not change: where a failure shows."""
    return reason.split(":")[0]


def minimized(seed, model, reason):
    """A small model that fails as `model` does: first the same graph with small
    extents, then parts of it."""
    stage = stage_of(reason)
    fails = lambda smaller: (found := check_model(smaller, seed)) is not None and stage_of(found) == stage  # noqa: E731
    for cap in (1, 2, 3, 5):
        smaller = graph_generator.generate(seed, cap)[0]
        if fails(smaller):
            model = smaller
            break
    return graph_minimizer.minimize(model, fails)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help="only these models")
    parser.add_argument("--count", type=int, default=300, help="random graphs to check")
    parser.add_argument("--first", type=int, default=0, help="seed of the first")
    parser.add_argument("--save", default=os.path.join(qctest.BUILD, "random-graphs"), help="folder for failures")
    parser.add_argument("-v", action="store_true", help="print every graph")
    options = parser.parse_args()

    files = options.models or sorted(glob.glob(os.path.join(REGRESS, "*.onnx")))
    queue = [(os.path.basename(file).removesuffix(".onnx"), onnx.load(file), None) for file in files]
    passed, without_input, failures, seed, wanted = 0, 0, [], options.first, options.count if not options.models else 0
    while queue or wanted > 0:
        with tempfile.TemporaryDirectory(prefix="qc-graphs-") as work:
            graphs = []
            while len(graphs) < CHUNK and (queue or wanted > 0):
                if queue:
                    name, model, own = queue.pop()
                else:
                    name, model, own, seed = f"seed-{seed}", graph_generator.generate(seed)[0], seed, seed + 1
                    wanted -= 1
                try:
                    graph = Graph(name, model, os.path.join(work, "graphs", name), seed_of(model) if own is None else own)
                except NoInput:
                    if own is None:
                        failures.append((name, model, own, "result: every input has a value near a tie"))
                    without_input += 1
                    wanted += own is not None
                    continue
                graph.own = own
                graphs.append(graph)
            for name, reason in check(graphs, work).items():
                graph = next(graph for graph in graphs if graph.name == name)
                passed += reason is None
                if reason:
                    failures.append((name, graph.model, graph.own, reason))
                if reason or options.v:
                    print("FAIL" if reason else "PASS", name, graph.kind, len(graph.model.graph.node), "nodes", reason or "",
                          flush=True)
    for name, model, own, reason in failures[:5]:
        if own is None:
            continue
        small = minimized(own, model, reason)
        onnx.helper.set_model_props(small, {"seed": str(own)})
        os.makedirs(options.save, exist_ok=True)
        path = os.path.join(options.save, name + ".onnx")
        onnx.save(small, path)
        print(f"{name}: {len(small.graph.node)} nodes in {path}: {check_model(small, own)}", flush=True)
    print(f"{passed} graphs agree, {len(failures)} do not, {without_input} had no input without ties")
    qctest.finish(passed, len(failures), 0)


if __name__ == "__main__":
    main()
