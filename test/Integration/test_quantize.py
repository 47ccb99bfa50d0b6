# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantizing float models: the int8 program that runs against the float model and
against onnxruntime on the exported QDQ file, formats of weights, resuming a
calibration and its memory, and what is refused.

One network is made here; fashion_cnn is calibrated and compared on real pictures
where the data folder is, on random ones without; ResNet-8 is skipped without it."""
import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import onnx
import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import models  # noqa: E402
import networks  # noqa: E402
import qctest  # noqa: E402

FASHION = os.path.join(qctest.ROOT, "test", "data", "fashion_cnn.onnx")
SAMPLES = 100
IMAGES = 100


def save_model(path, nodes, weights, inputs, output):
    from onnx import TensorProto, checker, helper, numpy_helper, save
    graph = helper.make_graph(
        nodes, "network", [helper.make_tensor_value_info(name, kind, dims) for name, kind, dims in inputs],
        [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    save(model, path)


def make_convolutional(path):
    """Plain, depthwise and pointwise convolutions, a batch norm, a residual sum, a
    concatenation, pools and a classifier. The depthwise convolution's input channels
    reach from 1 to 30."""
    from onnx import TensorProto, helper
    random = np.random.default_rng(7)

    def normal(*shape, scale=None):
        scale = scale or np.sqrt(2 / np.prod(shape[1:]))
        return (random.standard_normal(shape) * scale).astype(np.float32)
    weights = {"w0": normal(16, 3, 3, 3), "b0": normal(16, scale=0.2), "w1": normal(16, 1, 3, 3),
               "w2": normal(16, 16, 1, 1), "b2": normal(16, scale=0.2), "w3": normal(16, 16, 3, 3),
               "gamma": 1 + normal(16, scale=0.2), "beta": normal(16, scale=0.2), "mean": normal(16, scale=0.2),
               "var": 1 + np.abs(normal(16, scale=0.2)), "w4": normal(32, 10), "b4": normal(10, scale=0.2)}
    weights["w0"] *= np.logspace(0, 1.5, 16, dtype=np.float32).reshape(16, 1, 1, 1)
    weights["w1"] /= np.logspace(0, 1.5, 16, dtype=np.float32).reshape(16, 1, 1, 1)
    node = helper.make_node
    nodes = [node("Conv", ["input", "w0", "b0"], ["c0"], pads=[1, 1, 1, 1]), node("Relu", ["c0"], ["r0"]),
             node("Conv", ["r0", "w1"], ["c1"], pads=[1, 1, 1, 1], group=16),
             node("BatchNormalization", ["c1", "gamma", "beta", "mean", "var"], ["n1"]), node("Relu", ["n1"], ["r1"]),
             node("Conv", ["r1", "w2", "b2"], ["c2"]), node("Add", ["c2", "r0"], ["s2"]),
             node("MaxPool", ["s2"], ["p2"], kernel_shape=[2, 2], strides=[2, 2]),
             node("Conv", ["p2", "w3"], ["c3"], pads=[1, 1, 1, 1]), node("Relu", ["c3"], ["r3"]),
             node("Concat", ["p2", "r3"], ["j3"], axis=1), node("GlobalAveragePool", ["j3"], ["g3"]),
             node("Flatten", ["g3"], ["f3"]), node("Gemm", ["f3", "w4", "b4"], ["logits"])]
    save_model(path, nodes, weights, [("input", TensorProto.FLOAT, ["N", 3, "H", "W"])], ("logits", ["N", 10]))


def make_dense(path, is_tied=False):
    """An embedding, two matrix products and a classifier: 1.3 M weights. Returns how
    many differ: the classifier may be the embedding's transpose."""
    from onnx import TensorProto, helper
    random = np.random.default_rng(8)
    shapes = {"table": (1024, 512), "w0": (512, 256), "w1": (256, 512), "head": (512, 1024)}
    weights = {name: (random.standard_normal(dims) / np.sqrt(dims[0] if name != "table" else 1)).astype(np.float32)
               for name, dims in shapes.items()}
    if is_tied:
        weights["head"] = np.ascontiguousarray(weights["table"].T)
    node = helper.make_node
    nodes = [node("Gather", ["table", "ids"], ["x0"], name="embed"), node("MatMul", ["x0", "w0"], ["x1"], name="up"),
             node("Relu", ["x1"], ["x2"]), node("MatMul", ["x2", "w1"], ["x3"], name="down"),
             node("MatMul", ["x3", "head"], ["logits"], name="head")]
    save_model(path, nodes, weights, [("ids", TensorProto.INT64, [1, 16])], ("logits", [1, 16, 1024]))
    return sum(array.size for name, array in weights.items() if not is_tied or name != "head")


class Network:
    """A float file, a folder of calibration inputs and others to compare on, and
    the least SQNR in dB that int8 must reach."""

    def __init__(self, name, folder):
        self.folder = folder
        os.mkdir(calibration := os.path.join(folder, "calibration"))
        self.model, self.calibration = os.path.join(folder, "float.onnx"), calibration
        random = np.random.default_rng(9)
        data = qctest.data_directory()
        if name == "made":
            make_convolutional(self.model)
            feeds, self.floor = ({"input": random.standard_normal((1, 3, 16, 16), np.float32)} for _ in itertools.count()), 30
        elif name == "fashion_cnn" and not data:
            self.model, self.floor = FASHION, 30
            feeds = ({"input": random.standard_normal((1, 1, 28, 28), np.float32)} for _ in itertools.count())
        else:
            if not data:
                pytest.skip("the data folder is missing (set QC_DATA)")
            case = next(case for case in networks.data_cases(data) if case.name.endswith(name))
            self.model, self.floor = case.model(), {"fashion_cnn": 38, "resnet8_cifar10": 35}[name]
            case.calibrate(calibration, SAMPLES)
            feeds = case.feeds(IMAGES)
        if not os.listdir(calibration):
            for index in range(SAMPLES):
                np.savez(os.path.join(calibration, f"{index:04}.npz"), **next(feeds))
        self.feeds = list(itertools.islice(feeds, IMAGES))
        self.shapes = {key: value.shape for key, value in self.feeds[0].items()}
        session = models.onnxruntime_session(self.model, False, 1)
        self.expected = [session.run(None, feed)[0] for feed in self.feeds]


@pytest.fixture(scope="module", params=["made", "fashion_cnn", "resnet8_cifar10"])
def network(request, tmp_path_factory):
    return Network(request.param, str(tmp_path_factory.mktemp(request.param)))


@pytest.fixture(scope="module")
def quantized(network):
    """The network in int8, as MLIR."""
    return quantize(network.model, os.path.join(network.folder, "int8.mlir"), network.shapes,
                    f"calibration={network.calibration} report={network.folder}/plan.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Network("made", str(tmp_path_factory.mktemp("made")))


def quantize(model, target, shapes, options):
    for command in qctest.quantize_commands(model, target, f"{target}.float.mlir", shapes, options):
        qctest.run_command(command, 300)
    return target


def export(model):
    """The module as an ONNX file beside it."""
    target = model.removesuffix("mlir") + "onnx"
    qctest.run_command([qctest.tool("qc-translate"), "--export-onnx", model, "-o", target], 60)
    return target


def assert_exact(model, feeds, outputs):
    """The program's outputs are those of the exported file, node by node, where
    activations are float: but for sums of up to 512 f32 products in another order."""
    session = literal_session(export(model))
    for feed, output in zip(feeds, outputs):
        expected, = session.run(None, feed)
        np.testing.assert_allclose(output["logits"], expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def run(model, feeds, work):
    """Outputs of the compiled program, a dictionary for each feed, and the bytes
    of its weights."""
    os.makedirs(inputs := os.path.join(work, "inputs"))
    library, outputs = os.path.join(work, "model.so"), os.path.join(work, "outputs")
    qctest.compile_model(model, library, {})
    for index, feed in enumerate(feeds):
        np.savez(os.path.join(inputs, f"{index:04}.npz"), **feed)
    qctest.run_command([qctest.tool("qc-run"), library, "--inputs", inputs, "--outputs", outputs], 300)
    results = []
    for index in range(len(feeds)):
        with np.load(os.path.join(outputs, f"{index:04}.npz")) as arrays:
            results.append(dict(arrays))
    information = json.loads(qctest.run_command([qctest.tool("qc-run"), library, "--info", "--json"], 60))
    return results, information["weights_bytes"]


def literal_session(model):
    """Each node as it is written: products of dequantized weights may else be computed
    with 8-bit activations."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def sqnr(expected, actual):
    e, a = (np.concatenate([array.reshape(-1) for array in arrays]).astype(np.float64) for arrays in (expected, actual))
    return 10 * np.log10((e**2).sum() / max(((e - a)**2).sum(), 1e-300))


def test_the_compiled_program_is_near_the_float_model(network, quantized, tmp_path):
    outputs, _ = run(quantized, network.feeds, str(tmp_path))
    decibels = sqnr(network.expected, [next(iter(output.values())) for output in outputs])
    print(f"{decibels:.1f} dB")
    assert decibels >= network.floor


def expose_codes(source, target, pieces):
    """Writes the QDQ model with every activation's codes as outputs, and `pieces`,
    whose codes are computed from given ones, named like them with " given"
    behind. Returns (codes, what they are rounded from, scale) for each."""
    from onnx import numpy_helper
    model = onnx.load(source)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    quantized = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    codes = [node.output[0] for node in quantized]
    types = {value.name: value for value in onnx.shape_inference.infer_shapes(model).graph.value_info}
    model.graph.output.extend(types[name] for name in codes)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name in codes:
                node.input[index] = name + " given"
    for name in codes:
        given = model.graph.input.add()
        given.CopyFrom(types[name])
        given.name += " given"
    own = {value.name for value in [*model.graph.input, *model.graph.output]}
    reals = dict.fromkeys(node.input[0] for node in quantized)
    model.graph.output.extend(types[name] for name in reals if name not in own)
    onnx.save(model, pieces)
    return [(node.output[0], node.input[0], float(numpy_helper.to_array(constants[node.input[1]]))) for node in quantized]


def test_the_exported_file_computes_the_same_codes(network, quantized, tmp_path):
    """Codes of all activations, each computed from the program's codes before:
    onnxruntime rounds sums of dequantized floats, the program integers. They are equal,
    but for a step where a value lies in the middle between two codes, up to float's rounding
    and that of biases to the accumulator's grid."""
    exposed, pieces = (str(tmp_path / name) for name in ("codes.onnx", "pieces.onnx"))
    nodes = expose_codes(export(quantized), exposed, pieces)
    assert len(nodes) >= 5
    session = literal_session(pieces)
    outputs, _ = run(exposed, network.feeds[:20], str(tmp_path / "run"))
    total = different = 0
    for feed, output in zip(network.feeds, outputs):
        given = {name + " given": output[name] for name, _, _ in nodes}
        names = [value.name for value in session.get_outputs()]
        known = {**feed, **dict(zip(names, session.run(names, {**feed, **given})))}
        for name, real, scale in nodes:
            assert output[name].dtype == known[name].dtype == np.uint8
            steps = np.abs(output[name].astype(int) - known[name])
            assert steps.max() <= 1, name
            between = np.abs(known[real][steps > 0].astype(np.float64) / scale % 1 - 0.5)
            assert (between < 5e-3).all(), name
            total, different = total + steps.size, different + between.size
    print(f"{different} of {total} codes differ by a step")
    assert different <= 1e-3 * total


# Options, bits of a weight, block, least dB and bytes of a scale with its zero point.
FORMATS = {
    "si8": ("weights=si8", 8, 0, 35), "si6": ("weights=si6", 6, 0, 23), "si4": ("weights=si4", 4, 0, 12),
    "f8": ("weights=f8E4M3FN", 8, 0, 24), "si8-block": ("weights=si8 block=32", 8, 32, 35),
    "ui4-block": ("weights=ui4 block=32 symmetric=false", 4, 32, 15),
    "si4-block": ("weights=si4 block=64 weight-range=output", 4, 64, 13), "si3-block": ("weights=si3 block=16", 3, 16, 9),
    "si6-block": ("weights=si6 block=64", 6, 64, 23),
    "si2-block": ("weights=si2 block=16 symmetric=false", 2, 16, 4), "si5": ("weights=si5", 5, 0, 17),
    "f16-scales": ("weights=ui4 block=32 symmetric=false scales=f16", 4, 32, 15, 2.5),
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats_of_weights_stay_packed(name, tmp_path):
    """All weights of a model with an embedding and a classifier; activations stay
    float. Other runtimes compute the same from the file that qc exports."""
    options, bits, block, floor, *scale_bytes = FORMATS[name]
    model = str(tmp_path / "float.onnx")
    elements = make_dense(model)
    random = np.random.default_rng(10)
    feeds = [{"ids": random.integers(0, 1024, (1, 16))} for _ in range(132)]
    np.savez(tmp_path / "calibration.npz", ids=np.concatenate([feed["ids"] for feed in feeds[4:]]))
    quantized = quantize(model, str(tmp_path / "q.mlir"), {"ids": (1, 16)},
                         f"calibration={tmp_path}/calibration.npz {options} ends= activations=f32")
    outputs, size = run(quantized, feeds[:4], str(tmp_path))
    session = models.onnxruntime_session(model, False, 1)
    decibels = sqnr([session.run(None, feed)[0] for feed in feeds[:4]], [output["logits"] for output in outputs])
    print(f"{decibels:.1f} dB, {size} bytes")
    assert decibels >= floor
    # Scales are f32, zero points at most a byte, unless said otherwise.
    scales = elements // block if block else 1024 + 256 + 512 + 1024
    assert size <= bits * elements / 8 + (*scale_bytes, 5)[0] * scales + (64 << 10)
    # onnxruntime has no codes of 2 bits; those of 3 and 6 are stored as 4 and 8.
    if bits != 2:
        assert_exact(quantized, feeds, outputs)


@pytest.mark.parametrize("options,bits", [("", 32), ("weights=si8", 8), ("weights=si4 block=32 symmetric=false scales=f16", 4.625)])
def test_an_embedding_and_its_classifier_are_one_tensor(options, bits, tmp_path):
    """Where both are constants of the file, the artefact has one of them, and other
    runtimes compute the same from the file that qc exports."""
    model = str(tmp_path / "float.onnx")
    elements = make_dense(model, is_tied=True)
    random = np.random.default_rng(12)
    feeds = [{"ids": random.integers(0, 1024, (1, 16))} for _ in range(132)]
    np.savez(tmp_path / "calibration.npz", ids=np.concatenate([feed["ids"] for feed in feeds[4:]]))
    program = str(tmp_path / "q.mlir")
    if options:
        quantize(model, program, {"ids": (1, 16)}, f"calibration={tmp_path}/calibration.npz {options} ends= activations=f32")
    else:
        qctest.run_command(qctest.quantize_commands(model, "", program, {"ids": (1, 16)}, "")[0], 60)
    outputs, size = run(program, feeds[:4], str(tmp_path))
    assert size <= bits * elements / 8 + (64 << 10)
    assert_exact(program, feeds, outputs)


# Storage types of activations and the least dB.
ACTIVATIONS = {"si16": 59, "si8": 47, "ui6": 36, "si4": 26, "ui4": 26, "f8E4M3FN": 31, "f8E5M2": 25}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_formats_of_activations(name, made, tmp_path):
    """Sequential rounding reads the codes of layers before, whatever they are."""
    quantized = quantize(made.model, str(tmp_path / "q.mlir"), made.shapes, f"calibration={made.calibration} activations={name}")
    outputs, _ = run(quantized, made.feeds, str(tmp_path))
    decibels = sqnr(made.expected, [next(iter(output.values())) for output in outputs])
    print(f"{decibels:.1f} dB")
    assert decibels >= ACTIVATIONS[name]


def test_a_budget_is_met_and_the_program_keeps_what_it_can(network, tmp_path):
    """Formats of least predicted loss within 4.5 bits are no worse than 4 bits for all,
    and the smallest model with an accepted loss has that loss at most."""
    def measure(name, options):
        start = time.monotonic()
        quantized = quantize(network.model, str(tmp_path / f"{name}.mlir"), network.shapes,
                             f"calibration={network.calibration} report={tmp_path}/{name}.json {options}")
        seconds = time.monotonic() - start
        outputs, size = run(quantized, network.feeds, str(tmp_path / name))
        decibels = sqnr(network.expected, [next(iter(output.values())) for output in outputs])
        print(f"{name}: {decibels:.1f} dB, {size} bytes, {seconds:.1f} s")
        return decibels, json.loads((tmp_path / f"{name}.json").read_text())

    uniform, _ = measure("uniform", "weights=si4 ends=")
    mixed, plan = measure("mixed", "budget=avg-bits:4.5")
    assert mixed >= uniform
    onnx.checker.check_model(export(str(tmp_path / "mixed.mlir")), full_check=True)
    chosen = [node for node in plan.values() if "why" in node]
    assert len({node["inputs"]["1"]["type"] for node in chosen}) > 1
    for node in chosen:
        assert node["why"]["metric"] == "fisher" and node["inputs"]["1"]["type"] not in node["why"]["alternatives"]
    # On other samples than those that the bisection saw.
    accepted, _ = measure("accepted", "budget=loss:sqnr:20")
    assert accepted >= 17
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"largest process so far: {children >> 10} MiB")


@pytest.fixture(scope="module")
def samples(made):
    """The calibration inputs of the network made here, and what it makes of them."""
    feeds = []
    for name in sorted(os.listdir(made.calibration)):
        with np.load(os.path.join(made.calibration, name)) as arrays:
            feeds.append(dict(arrays))
    session = models.onnxruntime_session(made.model, False, 1)
    return feeds, [session.run(None, feed)[0] for feed in feeds]


def test_an_accepted_loss_of_accuracy(made, samples, tmp_path):
    """Where the labels are what the float model says, it is one of agreement."""
    _, expected = samples
    labels = np.array([output.argmax() for output in expected])
    np.save(tmp_path / "labels.npy", labels)
    np.save(tmp_path / "wrong.npy", (labels + 1) % 10)
    common = f"calibration={made.calibration} candidates=si2,si4,si8 model-limit=25 report={tmp_path}/plan.json "

    def plan(options):
        quantize(made.model, str(tmp_path / "q.mlir"), made.shapes, common + options)
        return json.loads((tmp_path / "plan.json").read_text())
    assert plan("budget=loss:agreement:92") == plan(f"budget=loss:accuracy:92 labels={tmp_path}/labels.npy")
    with pytest.raises(qctest.RunFailure, match="the nearest that can be met: loss:accuracy:"):
        plan(f"budget=loss:accuracy:92 labels={tmp_path}/wrong.npy")


def test_a_measured_latency_is_met(made, tmp_path):
    """The sum over layers of what their formats took alone; numbers that a table has stay."""
    table, report = tmp_path / "table.json", tmp_path / "plan.json"
    common = (f"calibration={made.calibration} limit=8 candidates=si4,si8 measure-latency=true metric=weight-sqnr ends= "
              f"sensitivity={table} report={report} ")

    def plan(budget):
        quantize(made.model, str(tmp_path / "q.mlir"), made.shapes, common + f"budget=latency:{budget}")
        return {name: line["inputs"]["1"]["type"] for name, line in json.loads(report.read_text()).items() if "why" in line}
    assert set(plan(1e6).values()) == {"si8"}
    nodes = json.loads(table.read_text())
    # What the table was measured on is still in it.
    measured_on = nodes.pop("#measured-on")
    latencies = {name: {kind: entry["metrics"]["latency"] for kind, entry in node["formats"].items()} for name, node in nodes.items()}
    assert len(latencies) == 5 and all(0 < value < 1e6 for formats in latencies.values() for value in formats.values())
    # As if 4 bits were twice as fast: two layers' worth of savings are asked for.
    for node in nodes.values():
        for kind, value in (("si4", 50), ("si8", 100)):
            node["formats"][kind]["metrics"]["latency"] = value
    table.write_text(json.dumps({"#measured-on": measured_on, **nodes}))
    assert sorted(plan(0.4).values()) == ["si4", "si4", "si8", "si8", "si8"]
    with pytest.raises(qctest.RunFailure, match="the nearest that can be met: latency:0.25"):
        plan(0.2)


def test_losses_of_activations_are_those_of_models_that_round_them_alone(made, samples, tmp_path):
    feeds, expected = (values[:16] for values in samples)
    common = f"calibration={made.calibration} weights=f32 "
    quantize(made.model, str(tmp_path / "q.mlir"), made.shapes, common + f"explain=true report={tmp_path}/plan.json")
    plan = json.loads((tmp_path / "plan.json").read_text())
    losses = {(node, index): loss for node, line in plan.items()
              for index, loss in line.get("why", {}).get("activations", {}).items()}
    assert len(losses) >= 5
    # The worst, the least, and what a depthwise convolution reads with scales of its channels.
    order = sorted(losses, key=losses.get)
    channels = next(key for key in order if plan[key[0]]["inputs"][key[1]]["granularity"] == "axis")
    for node, index in {order[0], order[-1], channels}:
        (tmp_path / "alone.json").write_text(json.dumps({name: {"inputs": {
            number: value if (name, number) == (node, index) else {"type": "f32"} for number, value in line["inputs"].items()}}
            for name, line in plan.items()}))
        alone = quantize(made.model, str(tmp_path / "alone.mlir"), made.shapes,
                         common + f"plan={tmp_path}/alone.json weight-correction=false bias-correction=false")
        outputs, _ = run(alone, feeds, str(tmp_path / f"{node}{index}".replace("/", "_")))
        measured = 10 ** (-sqnr(expected, [output["logits"] for output in outputs]) / 10)
        # Sums in another order change which side of a half some values are on.
        assert measured == pytest.approx(losses[node, index], rel=0.03)


def test_a_users_line_wins(made, tmp_path):
    plain = quantize(made.model, str(tmp_path / "a.mlir"), made.shapes, f"calibration={made.calibration} limit=4 "
                     f"report={tmp_path}/report.json")
    plan = json.loads((tmp_path / "report.json").read_text())
    name = next(name for name, node in plan.items() if node["inputs"].get("1", {}).get("type") == "si8")
    (tmp_path / "plan.json").write_text(json.dumps({name: {"inputs": {"0": {"type": "f32"}, "1": {"type": "f32"}}}}))
    changed = quantize(made.model, str(tmp_path / "b.mlir"), made.shapes, f"calibration={made.calibration} limit=4 "
                       f"plan={tmp_path}/plan.json report={tmp_path}/report.json")
    line = json.loads((tmp_path / "report.json").read_text())[name]
    assert line["by"] == "user" and line["inputs"]["1"]["type"] == "f32"
    count = [open(file).read().count("qc.quantize ") for file in (plain, changed)]
    assert count[1] < count[0]


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """The network made here on larger pictures, and a folder of 1,000 of them: 49 MB."""
    folder = tmp_path_factory.mktemp("graph")
    make_convolutional(folder / "float.onnx")
    command, _ = qctest.quantize_commands(folder / "float.onnx", "", folder / "graph.mlir", {"input": (1, 3, 64, 64)}, "")
    qctest.run_command(command, 60)
    random = np.random.default_rng(11)
    (folder / "inputs").mkdir()
    for index in range(1000):
        np.savez(folder / "inputs" / f"{index:04}.npz", input=random.random((1, 3, 64, 64), np.float32))
    return folder


def calibrate(graph, table, limit=0):
    """The command that calibrates."""
    return [qctest.tool("qc-opt"), str(graph / "graph.mlir"), "-o", os.devnull,
            f"--qc-calibrate=inputs={graph}/inputs table={table} limit={limit} progress=1"]


def test_an_interrupted_calibration_goes_on(graph, tmp_path):
    whole, parts = tmp_path / "whole.json", tmp_path / "parts.json"
    qctest.run_command(calibrate(graph, whole), 300)
    process = subprocess.Popen(calibrate(graph, parts), stderr=subprocess.PIPE)
    seen = b""
    while b"calibrating: " not in seen and (piece := os.read(process.stderr.fileno(), 4096)):
        seen += piece
    process.send_signal(signal.SIGINT)
    text = process.communicate(timeout=60)[1].decode(errors="replace")
    if process.returncode:  # Else it was faster than the signal.
        assert "calibration was interrupted; the table can be gone on from" in text
        assert parts.read_text() != whole.read_text()
    qctest.run_command(calibrate(graph, parts), 300)
    assert parts.read_text() == whole.read_text()


def test_memory_of_a_calibration_does_not_depend_on_the_samples(graph, tmp_path):
    peaks = [qctest.run_measured(calibrate(graph, tmp_path / f"{limit}.json", limit), 300)["peak_bytes"]
             for limit in (10, 1000)]
    print(f"{peaks[0] / 1e6:.1f} MB for 10 samples, {peaks[1] / 1e6:.1f} MB for 1,000")
    assert abs(peaks[1] - peaks[0]) < 0.05 * peaks[0]


def test_memory_of_a_wide_layer_is_limited(tmp_path):
    """Without second moments, each a matrix of 3,000 x 3,000 doubles, of which four are
    there at once else."""
    from onnx import TensorProto, helper
    width = 3000
    random = np.random.default_rng(13)
    weights = {"w": (random.standard_normal((width, 8)) / np.sqrt(width)).astype(np.float32)}
    save_model(tmp_path / "float.onnx", [helper.make_node("MatMul", ["input", "w"], ["logits"])], weights,
               [("input", TensorProto.FLOAT, [1, width])], ("logits", [1, 8]))
    np.save(tmp_path / "x.npy", random.standard_normal((64, width), np.float32))
    translate, _ = qctest.quantize_commands(tmp_path / "float.onnx", "", tmp_path / "graph.mlir", {}, "")
    qctest.run_command(translate, 60)
    peaks = []
    for megabytes in (10, 4096):
        command = [qctest.tool("qc-opt"), str(tmp_path / "graph.mlir"), "-o", os.devnull,
                   f"--qc-calibrate=inputs={tmp_path}/x.npy", "--qc-assign-bits=weights=si4 ends=",
                   f"--qc-quantize=inputs={tmp_path}/x.npy memory={megabytes}"]
        peaks.append(qctest.run_measured(command, 300)["peak_bytes"])
    print(f"{peaks[0] / 1e6:.1f} and {peaks[1] / 1e6:.1f} MB")
    assert peaks[0] + 2 * 8 * width**2 < peaks[1]


@pytest.mark.parametrize("options, text", [
    ("calibration={folder}/none", "no such file or folder of calibration inputs"),
    ("calibration={folder}/wide.npz", "or several of them in the first dimension"),
    ("calibration={folder}/nameless.npz", "has no array for input 'input'"),
    ("calibration={calibration} weights=si9", "accepted: f32, si2 to si8"),
    ("calibration={calibration} block=300", "accepted: 0 and 16 to 256"),
    ("calibration={calibration} rounding=down", "accepted: nearest, gptq"),
    ("calibration={calibration} colour=red", "no such option colour"),
    ("calibration={calibration} plan={folder}/plan.json", "node 'nowhere' does not exist"),
    ("calibration={calibration} plan={folder}/none.json", "none.json"),
    ("calibration={calibration} budget=loss:accuracy:90", "labels=FILE and the budget loss:accuracy go together"),
    ("calibration={calibration} budget=loss:accuracy:90 metric=weight-sqnr candidates=si8 labels={folder}/few.npy",
     "is int64[3]; accepted: a class of 8 to 64 bits for each of 32 samples with 1 row"),
    ("calibration={calibration} budget=loss:accuracy:90 metric=weight-sqnr candidates=si8 labels={folder}/large.npy",
     "has the class 10; accepted: 0 to 9"),
    ("weights=si8", "no statistics of 'input' and no scale in the plan"),
], ids=lambda value: None)
def test_bad_input_is_refused(made, options, text, tmp_path):
    np.savez(tmp_path / "wide.npz", input=np.zeros((1, 3, 16, 17), np.float32))
    np.savez(tmp_path / "nameless.npz", a=np.zeros((1, 3, 16, 16), np.float32), b=np.zeros(1, np.float32))
    np.save(tmp_path / "few.npy", np.zeros(3, np.int64))
    np.save(tmp_path / "large.npy", np.full(100, 10))
    (tmp_path / "plan.json").write_text('{"nowhere": {"inputs": {"0": {"type": "si8"}}}}')
    commands = qctest.quantize_commands(made.model, tmp_path / "q.mlir", tmp_path / "float.mlir", made.shapes,
                                        options.format(folder=tmp_path, calibration=made.calibration))
    qctest.run_command(commands[0], 60)
    process = subprocess.run(commands[1], capture_output=True, text=True, timeout=60)
    assert process.returncode == 1
    assert text in process.stderr
