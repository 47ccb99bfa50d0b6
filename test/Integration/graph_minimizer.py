# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes a model that fails smaller while it goes on failing.

Three changes are tried until none helps: one output only, an inner tensor as an
input (which drops all nodes before it), an inner tensor as the output (which drops
all after it), and a node left out whose input is like its output.
"""
import onnx
from onnx import helper


def tensor_infos(model):
    """{name: (element type, shape)} of all tensors whose shape is known."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    infos = {}
    for value in [*inferred.input, *inferred.value_info, *inferred.output]:
        kind = value.type.tensor_type
        infos[value.name] = kind.elem_type, tuple(dim.dim_value for dim in kind.shape.dim)
    return infos


def extract(model, inputs, outputs, infos):
    """The part of `model` that computes `outputs` from `inputs` and constants."""
    makers = {name: node for node in model.graph.node for name in node.output}
    needed, stack, reached = set(), list(outputs), set()
    while stack:
        name = stack.pop()
        if name in reached:
            continue
        reached.add(name)
        if name not in inputs and name in makers:
            needed.add(makers[name].name)
            stack += [operand for operand in makers[name].input if operand]
    nodes = [node for node in model.graph.node if node.name in needed]
    describe = lambda name: helper.make_tensor_value_info(name, *infos[name])  # noqa: E731
    graph = helper.make_graph(nodes, model.graph.name, [describe(name) for name in inputs if name in reached],
                              [describe(name) for name in outputs],
                              [tensor for tensor in model.graph.initializer if tensor.name in reached])
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def without_node(model, node, source):
    """`model` with the uses of `node`'s output replaced by `source`."""
    smaller = onnx.ModelProto()
    smaller.CopyFrom(model)
    for other in smaller.graph.node:
        for index, operand in enumerate(other.input):
            if operand == node.output[0]:
                other.input[index] = source
    return smaller


def smaller_models(model):
    infos = tensor_infos(model)
    inputs = [value.name for value in model.graph.input]
    outputs = [value.name for value in model.graph.output]
    if len(outputs) > 1:
        yield from (extract(model, inputs, [name], infos) for name in outputs)
    constants = {tensor.name for tensor in model.graph.initializer}
    variable = set(inputs)
    for node in model.graph.node:
        if any(name in variable for name in node.input):
            variable.update(node.output)
    inner = [name for node in model.graph.node for name in node.output
             if name in variable and name in infos and name not in outputs]
    # Cuts in the middle first: they drop most.
    for _, name in sorted((abs(index - len(inner) / 2), name) for index, name in enumerate(inner)):
        yield extract(model, [*inputs, name], outputs, infos)
        yield extract(model, inputs, [name], infos)
    for node in model.graph.node:
        for source in node.input:
            if source in infos and source not in constants and node.output[0] not in outputs \
                    and infos.get(node.output[0]) == infos[source]:
                yield extract(without_node(model, node, source), inputs, outputs, infos)


def size(model):
    return len(model.graph.node), len(model.graph.output), len(model.graph.input)


def minimize(model, fails, attempts=150):
    """The smallest model found for which `fails(model)` is true."""
    changed = True
    while changed and attempts > 0:
        changed = False
        for smaller in smaller_models(model):
            if size(smaller) >= size(model) or not smaller.graph.node or not smaller.graph.input:
                continue
            attempts -= 1
            if fails(smaller):
                model, changed = smaller, True
                break
            if attempts <= 0:
                break
    return model
