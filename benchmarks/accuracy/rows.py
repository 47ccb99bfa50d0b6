# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is compared: networks with labelled data, and configurations of qc and of
the peers."""
import dataclasses
import os
import sys

import files
import networks
import numpy as np
import qctest

TASKS = ("cnn@fashion_mnist", "resnet8@cifar10", "resnet20@cifar10", "squeezenet@nips17", "mobilenet_v2@nips17",
         "mobilenet_v1_1.0@nips17", "resnet50@nips17", "yolox_nano@coco_val128")
LANGUAGE = "stories15M@tinystories"
LANGUAGE_NAME = LANGUAGE.split("@")[0]
METRICS = ("top1", "mAP50_95", "ppl")  # of what refeval's scores give


@dataclasses.dataclass(frozen=True)
class Configuration:
    """`tool` is qc, onnxruntime or nncf. `options` are qc's of
    --qc-quantize-pipeline, or what the peer needs to know."""
    name: str
    group: str
    tool: str
    options: tuple = ()


def _uniform(bits):
    return Configuration(f"W{bits}A8", "uniform" if bits == 8 else "low-bits", "qc", (f"weights=si{bits}",))


CONFIGURATIONS = (
    _uniform(8),
    Configuration("W8A8", "uniform", "onnxruntime", ("int8-ort",)),
    Configuration("W8A8", "uniform", "nncf", ("int8-nncf",)),
    *(_uniform(bits) for bits in (6, 5, 4, 3)),
    *(Configuration(f"avg{bits}A8", "mixed", "qc", (f"budget=avg-bits:{bits}",)) for bits in (6, 5, 4)),
)

def _language(name, options, ends="float-nodes=embed,logits"):
    return Configuration(name, "lm", "qc", (*options.split(), *ends.split()))


# The embedding and the classifier, which are one tensor, stay float unless
# "all" says otherwise.
_BLOCKS = "symmetric=false activations=f32 ends= "
LANGUAGE_CONFIGURATIONS = (
    _language("W4g32", _BLOCKS + "weights=si4 block=32"), _language("W4", _BLOCKS + "weights=si4"),
    _language("W3g32", _BLOCKS + "weights=si3 block=32"), _language("avg3.5", _BLOCKS + "block=32 budget=avg-bits:3.5 candidates=si2,si3,si4,si5,si8 share=none"),
    _language("W4g32-all", _BLOCKS + "weights=si4 block=32 scales=f16", ""), _language("W8A8", "tokens=true"),
    _language("W8A8-static", ""),
    *(Configuration(f"W4g{block}", "lm", "onnxruntime", (f"w4g{block}-ort",)) for block in (32, 128)),
    Configuration("W8A8-static", "lm", "onnxruntime", ("int8-ort",)),
)

# What is asked of qc beyond the peers' figures: network, configuration, figure, sign, value.
BARS = (
    ("mobilenet_v1_1.0", "W8A8", "same", ">=", 96), ("mobilenet_v1_1.0", "W8A8", "sqnr_db", ">=", 22),
    ("mobilenet_v1_1.0", "W6A8", "same", ">=", 93), ("mobilenet_v1_1.0", "W4A8", "metric", ">=", 71),
    ("resnet20", "W4A8", "same", ">=", 97), ("resnet20", "W3A8", "same", ">=", 94),
    ("resnet50", "W4A8", "same", ">=", 91),
    (LANGUAGE_NAME, "W4g32", "metric", "<=", 5.39), (LANGUAGE_NAME, "W4", "metric", "<=", 5.58),
    (LANGUAGE_NAME, "W3g32", "metric", "<=", 6.27), (LANGUAGE_NAME, "avg3.5", "metric", "<=", 5.66),
    (LANGUAGE_NAME, "W4g32-all", "metric", "<=", 5.58), (LANGUAGE_NAME, "W4g32-all", "weight_bytes", "<=", 10e6),
    (LANGUAGE_NAME, "W8A8", "metric", "<=", 5.20),
    # Seconds on two idle cores.
    ("mobilenet_v2", "avg5A8", "seconds", "<=", 60), ("resnet50", "avg5A8", "seconds", "<=", 240),
)
# The uniform format of a mixed one's size.
UNIFORM_OF = {"avg6A8": "W6A8", "avg5A8": "W5A8", "avg4A8": "W4A8"}

GROUPS = ("uniform", "low-bits", "mixed", "lm")


class Network:
    """A float file with what there is to score it: `feeds` are the inputs that are
    reported on, one dictionary for each run of the task."""

    def __init__(self, refeval, task, case, share):
        self.task, self.name, self.case = task, task.split("@")[0], case
        self.file = files.float_file(case)
        _, self.output, make = refeval.TASKS[task]
        feeds, self.score = make()
        self.feeds = list(feeds())
        self.feeds = self.feeds[:-(-len(self.feeds) // share)]
        self.rows = sum(len(next(iter(feed.values()))) for feed in self.feeds)

    @property
    def length(self):
        """Tokens of a padded sequence, None for images."""
        return files.TOKENS if self.task == LANGUAGE else None

    def shapes(self):
        """The shapes of one row."""
        return {name: (1, self.length) if self.length else (1, *value.shape[1:])
                for name, value in self.feeds[0].items()}


def configurations(network):
    return LANGUAGE_CONFIGURATIONS if network == LANGUAGE else CONFIGURATIONS


def data_directory(option):
    data = os.path.abspath(option) if option else qctest.data_directory()
    if not data or not os.path.exists(os.path.join(data, "tools", "refeval.py")):
        sys.exit(f"error: {data or 'no folder'} is not the data folder (no tools/refeval.py there; --data, $QC_DATA)")
    return data


def cases(data):
    """{task: Case} of the tasks."""
    refeval = networks.reference_evaluator(data)
    by_name = {case.name: case for case in networks.data_cases(data)}
    return refeval, {task: by_name[refeval.TASKS[task][0][:-5]] for task in (*TASKS, LANGUAGE)}
