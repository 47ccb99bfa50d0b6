# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The PTX and HLS back ends take any kernel: no file of theirs names an operator,
neither ONNX's nor a qc op that stands for one."""
import glob
import os
import re

import onnx
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Names of operators that are other things in C++: `struct Constant`, loops.
OTHER_MEANINGS = {"Constant", "If", "Loop"}
# The dialect's ops that a back end handles; the others compute something.
STRUCTURE = {"ProgramOp", "LaunchOp", "DataOp", "KernelOp", "YieldOp", "ConstantOp", "DispatchOp"}


def operator_names():
    names = {schema.name for schema in onnx.defs.get_all_schemas()} - OTHER_MEANINGS
    for path in glob.glob(os.path.join(ROOT, "include", "qc", "Dialect", "QC", "IR", "*.td")):
        with open(path) as file:
            names |= set(re.findall(r"^def QC_(\w+Op) ", file.read(), re.M))
    return names - STRUCTURE


def words(text):
    """The words of C++ code without comments; those of other namespaces with these."""
    return {word.removeprefix("qc::") for word in re.findall(r"(?:\w+::)*[A-Za-z_]\w*", re.sub(r"//.*", "", text))}


def test_words_of_code():
    assert words("isa<qc::ConvOp, arith::SelectOp>(x); // SoftmaxOp") == {"isa", "ConvOp", "arith::SelectOp", "x"}


@pytest.mark.parametrize("target", ["HLS", "PTX"])
def test_no_file_names_an_operator(target):
    files = [path for folder in ("lib", "include/qc") for path in
             glob.glob(os.path.join(ROOT, folder, "Target", target, "**", "*"), recursive=True) if os.path.isfile(path)]
    assert len(files) > 3
    names = operator_names()
    assert {"Conv", "Softmax", "ConvOp", "SoftmaxOp"} <= names
    found = {}
    for path in files:
        with open(path) as file:
            found[path] = words(file.read()) & names
    assert not any(found.values()), {path: sorted(some) for path, some in found.items() if some}
