# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How near a quantized network is to the float one: the task's metric, and
refeval.agree's measures, which are finer than a metric on a few hundred labels.
Outputs stream: those of a language model would not fit into memory."""
import math

import numpy as np
import quantizers
import rows


class Agreement:
    """Share of rows with the same argmax over the last axis, and SQNR of all
    elements."""

    def __init__(self):
        self.same = self.count = 0
        self.signal = self.noise = 0.0

    def add(self, expected, actual):
        e = expected.astype(np.float64).reshape(-1, expected.shape[-1])
        a = actual.astype(np.float64).reshape(e.shape)
        self.same += int((e.argmax(1) == a.argmax(1)).sum())
        self.count += len(e)
        self.signal += float((e * e).sum())
        self.noise += float(((e - a)**2).sum())

    def result(self):
        return {"same": 100 * self.same / self.count,
                "sqnr_db": 10 * math.log10(self.signal / max(self.noise, 1e-300)) if self.signal else 0.0}


class _Outputs:
    """What refeval's scores walk over, once."""

    def __init__(self, count, outputs):
        self.count, self.outputs = count, outputs

    def __len__(self):
        return self.count

    def __iter__(self):
        return self.outputs


def score(network, outputs):
    """The task's metric of outputs, one array for each feed."""
    result = network.score(_Outputs(len(network.feeds), outputs))
    return float(next(result[name] for name in rows.METRICS if name in result))


def evaluate(network, runner, threads):
    """{metric, same, sqnr_db} of a runner."""
    agreement = Agreement()

    def outputs():
        for feed, expected in zip(network.feeds, quantizers.reference(network, threads)):
            actual = runner(feed)
            agreement.add(expected, actual)
            yield actual
    return {"metric": score(network, outputs()), **agreement.result()}
