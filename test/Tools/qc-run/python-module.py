# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# python/qcrt.py: zero-copy inputs, outputs, program selection, errors, sessions
# in several threads, profile.
#
# REQUIRES: onnx
# UNSUPPORTED: sanitizer
# RUN: env QCRT_LIBRARY=%qc_libs/libqcrt.so %python %s %qc_src %test_model
import concurrent.futures
import os
import sys

import numpy as np

source, path = sys.argv[1:]
sys.path.insert(0, os.path.join(source, "python"))
import qcrt


def expected(x, b):
    return x * np.resize(np.array([0.5, -2, 3, 0.1], np.float32), x.size) + b


model = qcrt.Model(path)
assert model.name == "model" and [program.name for program in model.programs] == ["main", "small"]
x, b = np.random.default_rng(3).standard_normal((2, 1000)).astype(np.float32)
feeds = {"x": x, "scope/b:0": b}
session = model.session(feeds=feeds, threads=2, profile=True)
outputs = session.run(feeds)
assert (outputs["y"] == expected(x, b)).all()
assert outputs["numbers"].tolist() == [i * i for i in range(8)]
x += 1  # the array itself is the input
session.run_bound()
assert (outputs["y"] == expected(x, b)).all()
assert [(launch["name"], launch["runs"]) for launch in session.profile()] == [("Mul_0", 2), ("Add_1", 2), ("Range_2", 2)]
session.reset_profile()
assert session.profile()[0]["runs"] == 0

strided = np.stack([x, b], 1)
outputs = session.run({"x": strided[:, 0], "scope/b:0": strided[:, 1]})
assert (outputs["y"] == expected(x, b)).all()
assert model.session("small").run({"x": x[:10], "scope/b:0": b[:10]})["y"].shape == (10,)


def work(seed):
    values = np.random.default_rng(seed).standard_normal((2, 1000)).astype(np.float32)
    own = model.session("main")
    return all((own.run({"x": values[0], "scope/b:0": values[1]})["y"] == expected(*values)).all() for _ in range(50))


with concurrent.futures.ThreadPoolExecutor(4) as pool:
    assert all(pool.map(work, range(8)))

for action, kind in ((lambda: qcrt.Model("missing.so"), qcrt.Error), (lambda: model.session("huge"), ValueError),
                     (lambda: model.session(feeds={"x": x[:3]}), ValueError),
                     (lambda: session.run({"x": x.astype(np.float64)}), ValueError),
                     (lambda: session.run({"z": x}), ValueError), (lambda: model.session().run(), qcrt.Error)):
    try:
        action()
    except kind as error:
        assert len(str(error)) > 10
    else:
        raise AssertionError("no error")
