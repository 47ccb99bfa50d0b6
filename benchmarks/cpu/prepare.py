# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The rows that are measured: networks in float and in the int8 files that peers
and qc make of them (benchmarks/common/files.py). All peers get the same files, with all
shapes fixed."""
import os
import sys

import files
import networks
import numpy as np
import qctest

TOKENS = 128
QC_STYLE = "int8-qc"


class Row:
    """A network in one style: `file()` makes its file, `feed()` gives an input."""

    def __init__(self, case, style):
        self.case, self.style = case, style
        self.network = files.network_name(case)
        self.name = f"{self.network} {style}"

    def feed(self):
        """A real input; token sequences have 128 tokens, repeated to get there."""
        feed = next(iter(self.case.feeds(1)))
        return {name: np.resize(value, (1, TOKENS)) if value.dtype == np.int64 and value.ndim == 2 else value
                for name, value in feed.items()}

    def file(self):
        source = self._dynamic_file()
        return files.made_once(os.path.join(files.folder(), f"{self.network}.{self.style}.onnx"), files.digest(source),
                               lambda path: files.fix_shapes(source, path, self.feed()))

    def _dynamic_file(self):
        if self.style == "int8-published":
            return self.case.model()
        if self.style == "fp32":
            return files.float_file(self.case)
        if self.style == QC_STYLE:
            return files.exported_file(self.case, {name: value.shape for name, value in self.feed().items()})
        return files.quantized_file(self.case, self.style)


def all_rows(models=None):
    """All rows, smallest network first within the order of the networks."""
    data = models and os.path.dirname(os.path.abspath(models)) or qctest.data_directory()
    if data and not os.path.exists(os.path.join(data, "tools", "refeval.py")):
        sys.exit(f"error: {data} is not the data folder (no tools/refeval.py there)")
    cases = [*(networks.data_cases(data) if data else ()), *networks.light_cases()]
    rows = []
    for case in cases:
        if case.name.startswith("int8/"):
            continue  # made here, of the prepared files
        styles = ["int8-published"] if case.int8 else ["fp32", *files.STYLES]
        # qc quantizes for one shape, and calibration sequences are longer.
        if not case.int8 and not any(value.dtype == np.int64 for value in next(iter(case.feeds(1))).values()):
            styles.append(QC_STYLE)
        rows += [Row(case, style) for style in styles]
    return rows
