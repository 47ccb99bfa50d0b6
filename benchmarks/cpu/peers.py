# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qc, onnxruntime, OpenVINO and IREE behind one interface.

A runner is loaded from a file for some inputs and a number of threads; `run` is
one inference on bound memory and nothing else, `outputs` gives {name: array}.
All run in this process. `prepare` does what takes long and needs no quiet
machine (compiling), and keeps it in the qc cache.
"""
import os
import re
import subprocess

import files
import numpy as np
import qctest


class Unavailable(Exception):
    """A peer cannot run a row; the text says why."""


class Qc:
    """This project, by python/qcrt.py. Like every file it is compiled once for
    this CPU and measured from there."""

    # Of qc-compile.
    arguments = ()

    @classmethod
    def prepare(cls, model, feed, threads):
        suffix = re.sub(r"[^\w-]+", "_", "".join(cls.arguments))
        library = os.path.join(files.folder(), os.path.basename(model)[:-5] + suffix + ".so")
        shapes = {name: value.shape for name, value in feed.items()}
        key = files.digest(model, qctest.tool("qc-compile"), repr(sorted(shapes.items())), repr(cls.arguments))
        try:
            return files.made_once(library, key,
                                   lambda path: qctest.compile_model(model, path, shapes, *cls.arguments))
        except qctest.RunFailure as failure:
            raise Unavailable(f"compile: {failure}") from None

    def __init__(self, model, feed, threads, profile=False):
        import qcrt
        self.model = qcrt.Model(self.prepare(model, feed, threads))
        self.session = self.model.session(feeds=feed, threads=threads, profile=profile)
        self.session.set_inputs(feed)
        self.run = self.session.run_bound

    def outputs(self):
        return self.session.outputs


class OnnxRuntime:
    """All its optimizations; inputs and outputs bound, so that none is copied."""

    @staticmethod
    def prepare(model, feed, threads):
        pass

    def __init__(self, model, feed, threads):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        options.add_session_config_entry("session.qdqisint8allowed", "1")
        try:
            self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            self.names = [output.name for output in self.session.get_outputs()]
            self.binding = self.session.io_binding()
            self.values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value))
                           for name, value in feed.items()}
            for name, value in self.values.items():
                self.binding.bind_ortvalue_input(name, value)
            # The first run says how large the outputs are; they are bound then.
            for name, value in zip(self.names, self.session.run(self.names, feed)):
                self.binding.bind_ortvalue_output(name, onnxruntime.OrtValue.ortvalue_from_numpy(value))
        except Exception as error:  # onnxruntime has no common base of its exceptions.
            raise Unavailable(f"{type(error).__name__}: {error}") from None
        # The wrapper's own bookkeeping costs some microseconds; this is under it.
        native, binding = self.session._sess, self.binding._iobinding
        self.run = lambda: native.run_with_iobinding(binding, None)

    def outputs(self):
        return dict(zip(self.names, (value.numpy() for value in self.binding.get_outputs())))


class OpenVino:
    """One stream for latency. Its default may be bfloat16 where a CPU has it;
    float files are measured in float."""

    @staticmethod
    def prepare(model, feed, threads):
        pass

    def __init__(self, model, feed, threads):
        import openvino
        core = openvino.Core()
        try:
            compiled = core.compile_model(core.read_model(model), "CPU", {
                "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads,
                "INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": False})
        except RuntimeError as error:
            raise Unavailable(str(error)) from None
        self.compiled, self.request = compiled, compiled.create_infer_request()
        for port in compiled.inputs:
            name = next(name for name in feed if name in port.get_names())
            self.request.set_tensor(port, openvino.Tensor(np.ascontiguousarray(feed[name])))
        # The wrapper copies every output; the class under it only runs.
        infer = super(openvino.InferRequest, self.request).infer
        self.run = lambda: infer({}, share_outputs=True, decode_strings=False)

    def outputs(self):
        return {port.get_any_name(): self.request.get_tensor(port).data for port in self.compiled.outputs}


class Iree:
    """Compiled for this CPU by iree-compile. Slow to compile, so only networks of
    few bytes are tried unless asked for."""

    TIME_LIMIT = 300

    @classmethod
    def prepare(cls, model, feed, threads):
        base = os.path.join(files.folder(), os.path.basename(model)[:-5])
        tools = os.path.join(os.environ["QC_PEERS"], "bin")

        def make(path):
            mlir = base + ".iree.mlir"
            try:
                cls.tool([os.path.join(tools, "iree-import-onnx"), model, "-o", mlir, "--opset-version", "17"])
                cls.tool([os.path.join(tools, "iree-compile"), mlir, "-o", path, "--iree-hal-target-device=local",
                          "--iree-hal-local-target-device-backends=llvm-cpu", "--iree-llvmcpu-target-cpu=host",
                          "--iree-opt-level=O3"])
            finally:
                if os.path.exists(mlir):
                    os.unlink(mlir)
        return files.made_once(base + ".vmfb", files.digest(model), make)

    @classmethod
    def tool(cls, command):
        try:
            done = subprocess.run(command, capture_output=True, timeout=cls.TIME_LIMIT, text=True)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{os.path.basename(command[0])}: more than {cls.TIME_LIMIT} s") from None
        if done.returncode:
            lines = done.stderr.splitlines() or ["no message"]
            line = next((line for line in lines if "error" in line), lines[0])
            raise Unavailable(f"{os.path.basename(command[0])}: {re.sub(r'^/[^ ]*/', '', line)[:200]}")

    def __init__(self, model, feed, threads):
        import iree.runtime as runtime
        file = self.prepare(model, feed, threads)
        # The number of threads is a flag of the process, read when the driver
        # makes its device.
        runtime.flags.parse_flags(f"--task_topology_group_count={threads}")
        driver = "local-sync" if threads == 1 else "local-task"
        try:
            self.device = runtime.get_driver(driver).create_default_device()
            config = runtime.Config(device=self.device)
            with open(file, "rb") as stream:
                module = runtime.VmModule.copy_buffer(config.vm_instance, stream.read())
            self.context = runtime.SystemContext(vm_modules=[module], config=config)
            function = next(name for name in module.function_names if not name.endswith("$async") and name != "__init")
            self.function = self.context.modules[module.name][function]
            import onnx
            graph = onnx.load(model, load_external_data=False).graph
            constants = {tensor.name for tensor in graph.initializer}
            self.names = [value.name for value in graph.output]
            self.inputs = [runtime.asdevicearray(self.device, feed[value.name]) for value in graph.input
                           if value.name not in constants]
            self.result = self.function(*self.inputs)
        except Exception as error:
            raise Unavailable(f"{type(error).__name__}: {error}"[:200]) from None
        self.run = lambda: self.function(*self.inputs)

    def outputs(self):
        results = self.function(*self.inputs)
        results = results if isinstance(results, (tuple, list)) else (results,)
        return {name: result.to_host() for name, result in zip(self.names, results)}


PEERS = {"onnxruntime": OnnxRuntime, "openvino": OpenVino, "iree": Iree}
SHORT = {"ort": "onnxruntime", "ov": "openvino"}
