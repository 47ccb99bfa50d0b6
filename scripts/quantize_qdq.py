#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes an int8 model out of a float one with an existing quantizer.

  quantize_qdq.py MODEL.onnx CALIBRATION OUT.onnx [options]

CALIBRATION is a .npz file, or a folder of them; each file is one run, its keys
are input names. The quantizers are onnxruntime's quantize_static (default) and its
4-bit quantizer of weights, and, where it is installed, NNCF. The demo and the tests
need models of every style that qc has to understand, so the choices that make styles
differ are options.

onnxruntime's int8 kernels for CPUs without VNNI add pairs of products in 16
saturating bits (vpmaddubsw). To compare integers on such a machine use
--reduce-range (weights in 7 bits) or --weights u8.
"""
import argparse
import glob
import os
import shutil
import sys
import tempfile

import numpy as np


def calibration_feeds(path, limit):
    """The runs of CALIBRATION, in the order of the file names."""
    files = sorted(glob.glob(os.path.join(path, "*.npz"))) if os.path.isdir(path) else [path]
    if not files:
        sys.exit(f"error: {path} holds no .npz file")
    for file in files[:limit]:
        with np.load(file) as arrays:
            yield {name: arrays[name] for name in arrays.files}


def preprocess(model, output, fold_batch_norm):
    """Folds constants (some files store weights as float16 and a Cast) and, if
    asked for, batch norms; raises the opset to 13, the first that has
    per-channel QuantizeLinear."""
    import onnx
    import onnxruntime
    proto = onnx.load(model)
    opset = next(entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx"))
    if opset < 13:
        # Files of old opsets list their initializers as inputs too: they are constants.
        constants = {tensor.name for tensor in proto.graph.initializer}
        inputs = [value for value in proto.graph.input if value.name not in constants]
        del proto.graph.input[:]
        proto.graph.input.extend(inputs)
        proto.ir_version = max(proto.ir_version, 7)
        proto = onnx.version_converter.convert_version(proto, 13)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = output
    options.log_severity_level = 3
    keep = [] if fold_batch_norm else ["ConvBNFusion", "BatchNormalizationMulFusion", "BatchNormalizationAddFusion"]
    onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"],
                                 disabled_optimizers=keep)


def with_onnxruntime(arguments, prepared):
    from onnxruntime import quantization
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.feeds = calibration_feeds(arguments.calibration, arguments.samples)

        def get_next(self):
            return next(self.feeds, None)

    types = {"u8": QuantType.QUInt8, "s8": QuantType.QInt8}
    methods = {"minmax": CalibrationMethod.MinMax, "entropy": CalibrationMethod.Entropy,
               "percentile": CalibrationMethod.Percentile}
    formats = {"qdq": QuantFormat.QDQ, "qoperator": QuantFormat.QOperator}
    quantization.quantize_static(
        prepared, arguments.output, Reader(), quant_format=formats[arguments.format],
        per_channel=arguments.per_channel, reduce_range=arguments.reduce_range,
        activation_type=types[arguments.activations], weight_type=types[arguments.weights],
        calibrate_method=methods[arguments.method],
        extra_options={"ActivationSymmetric": arguments.symmetric,
                       "WeightSymmetric": arguments.weights == "s8",
                       "QDQKeepRemovableActivations": arguments.keep_activations})


def with_nncf(arguments, prepared):
    try:
        import nncf
    except ImportError:
        sys.exit("error: NNCF is not installed here (scripts/setup --peers installs it in an environment of its own)")
    import onnx
    feeds = list(calibration_feeds(arguments.calibration, arguments.samples))
    preset = nncf.QuantizationPreset.PERFORMANCE if arguments.symmetric else nncf.QuantizationPreset.MIXED
    quantized = nncf.quantize(onnx.load(prepared), nncf.Dataset(feeds), preset=preset, subset_size=len(feeds))
    onnx.save(quantized, arguments.output)


def with_nbits(arguments, prepared):
    """onnxruntime's weight-only quantizer; needs no calibration."""
    try:
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
    except ImportError:
        sys.exit("error: onnx-ir is not installed here (scripts/setup --peers installs it in an environment of its own)")
    import onnx
    quantizer = MatMulNBitsQuantizer(onnx.load(prepared), bits=4, block_size=arguments.block, is_symmetric=False)
    quantizer.process()
    quantizer.model.save_model_to_file(arguments.output)


def without(arguments, prepared):
    shutil.copyfile(prepared, arguments.output)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("calibration", help=".npz file or folder of them")
    parser.add_argument("output")
    parser.add_argument("--quantizer", choices=("onnxruntime", "nncf", "nbits", "none"), default="onnxruntime",
                        help="nbits: weights of matrix products in 4 bits (MatMulNBits); none: write the float model as it would be quantized, batch norms folded")
    parser.add_argument("--format", choices=("qdq", "qoperator"), default="qdq")
    parser.add_argument("--activations", choices=("u8", "s8"), default="u8")
    parser.add_argument("--weights", choices=("u8", "s8"), default="s8")
    parser.add_argument("--symmetric", action="store_true", help="activations with zero point 0 (or 128)")
    parser.add_argument("--per-channel", action="store_true")
    parser.add_argument("--block", type=int, default=32, help="of nbits: elements per scale")
    parser.add_argument("--reduce-range", action="store_true", help="weights in 7 bits")
    parser.add_argument("--keep-batch-norm", action="store_true", help="leave BatchNormalization in the model")
    parser.add_argument("--keep-activations", action="store_true", help="leave Relu and Clip before a Q that clamps the same")
    parser.add_argument("--method", choices=("minmax", "entropy", "percentile"), default="minmax")
    parser.add_argument("--samples", type=int, default=None, help="use at most this many runs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prepared = os.path.join(folder, "prepared.onnx")
        preprocess(arguments.model, prepared, not arguments.keep_batch_norm)
        {"onnxruntime": with_onnxruntime, "nncf": with_nncf, "nbits": with_nbits, "none": without}[arguments.quantizer](arguments, prepared)


if __name__ == "__main__":
    main()
