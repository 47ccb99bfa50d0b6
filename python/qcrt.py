# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""libqcrt from Python: load an artefact, run it on numpy arrays.

    model = qcrt.Model("model.so")
    session = model.session(threads=2)
    outputs = session.run({"input": array})       # {name: array}

A thin layer over the C API (qcrt/qcrt.h) with ctypes, for benchmarks and tests.
Inputs that are C-contiguous, aligned and of the right type are used where they
are; outputs are arrays of the session, which the next run overwrites (copy what
must last). ctypes releases the interpreter's lock during a run, so sessions of
several Python threads run at once.

The library is taken from $QCRT_LIBRARY, from build/lib of this source tree, or
from the system's search path.
"""
import ctypes
import os

import numpy as np

# QcElementType to numpy's types. bfloat16, float8 and the 4-bit floats come from
# ml_dtypes where it is installed, and are raw integers of their size otherwise;
# elements of 4 and 2 bits are packed in one dimension of bytes.
_NUMPY_TYPES = {1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool",
                10: "float16", 11: "float64", 12: "uint32", 13: "uint64"}
_EXTENSION_TYPES = {16: ("bfloat16", "uint16"), 17: ("float8_e4m3fn", "uint8"), 18: ("float8_e4m3fnuz", "uint8"),
                    19: ("float8_e5m2", "uint8"), 20: ("float8_e5m2fnuz", "uint8"), 24: ("float8_e8m0fnu", "uint8")}
_PACKED_TYPES = {21: 4, 22: 4, 23: 4, 25: 2, 26: 2}  # bits of an element


class Error(Exception):
    """A failure that libqcrt reports; `status` is its QcrtStatus."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class _Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("message", ctypes.c_char * 1024)]


class _LoadOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("cpuForm", ctypes.c_char_p), ("device", ctypes.c_void_p)]


class _SessionOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("threads", ctypes.c_uint32), ("profile", ctypes.c_uint32),
                ("guard", ctypes.c_uint32), ("divide", ctypes.c_uint32)]


class _TensorInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("type", ctypes.c_uint32), ("rank", ctypes.c_uint32),
                ("dims", ctypes.POINTER(ctypes.c_int64)), ("elements", ctypes.c_uint64), ("bytes", ctypes.c_uint64),
                ("alignment", ctypes.c_uint32), ("isBounded", ctypes.c_uint32)]


class _ProgramInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("bindings", ctypes.c_char_p), ("inputCount", ctypes.c_uint32),
                ("outputCount", ctypes.c_uint32), ("launchCount", ctypes.c_uint32), ("arenaBytes", ctypes.c_uint64),
                ("lowerBoundBytes", ctypes.c_uint64)]


class _ModelInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("producer", ctypes.c_char_p), ("form", ctypes.c_char_p),
                ("target", ctypes.c_uint32), ("programCount", ctypes.c_uint32), ("kernelCount", ctypes.c_uint32),
                ("weightsBytes", ctypes.c_uint64), ("preparedBytes", ctypes.c_uint64),
                ("preparationCount", ctypes.c_uint32), ("reserved", ctypes.c_uint32),
                ("preparationNanoseconds", ctypes.c_uint64)]


class _LaunchInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("kernel", ctypes.c_char_p), ("family", ctypes.c_char_p),
                ("extent", ctypes.c_uint64), ("grain", ctypes.c_uint64), ("bytes", ctypes.c_uint64),
                ("macs", ctypes.c_uint64), ("macType", ctypes.c_uint32), ("shape", ctypes.c_char_p)]


class _LaunchProfile(ctypes.Structure):
    _fields_ = [("runs", ctypes.c_uint64), ("totalNanoseconds", ctypes.c_uint64), ("minNanoseconds", ctypes.c_uint64)]


_P, _U32, _SIZE = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_size_t
# Arguments of the functions in use, without the error object at the end.
_FUNCTIONS = {
    "qcrtModelLoad": [ctypes.c_char_p, _P, _P], "qcrtModelInfo": [_P, _P], "qcrtProgramInfo": [_P, _U32, _P],
    "qcrtProgramInput": [_P, _U32, _U32, _P], "qcrtProgramOutput": [_P, _U32, _U32, _P],
    "qcrtProgramLaunch": [_P, _U32, _U32, _P], "qcrtProgramFind": [_P, ctypes.c_char_p, _P],
    "qcrtSessionCreate": [_P, _U32, _P, _P], "qcrtSessionSetInput": [_P, _U32, _P, _SIZE],
    "qcrtSessionSetOutput": [_P, _U32, _P, _SIZE], "qcrtSessionRun": [_P],
    "qcrtSessionOutputDims": [_P, _U32, _P, _U32],
    "qcrtSessionLaunchProfile": [_P, _U32, _P], "qcrtSessionResetProfile": [_P]}


class Library:
    """libqcrt itself."""

    def __init__(self, path=None):
        built = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "build", "lib", "libqcrt.so")
        path = path or os.environ.get("QCRT_LIBRARY") or (built if os.path.exists(built) else "libqcrt.so")
        self.handle = ctypes.CDLL(path)
        for name, arguments in _FUNCTIONS.items():
            function = getattr(self.handle, name)
            function.argtypes, function.restype = [*arguments, _P], ctypes.c_int
        for name in ("qcrtModelFree", "qcrtSessionFree"):
            function = getattr(self.handle, name)
            function.argtypes, function.restype = [_P], None

    def call(self, name, *arguments):
        error = _Error()
        status = getattr(self.handle, name)(*arguments, ctypes.byref(error))
        if status:
            raise Error(status, error.message.decode(errors="replace"))

    def info(self, structure, name, *arguments):
        result = structure()
        self.call(name, *arguments, ctypes.byref(result))
        return result


class Tensor:
    """An input or output: name, ONNX type number, shape, and the dtype and shape
    of the array that holds it. Where `is_bounded`, the shape is the largest one of
    an output whose size a run decides."""

    def __init__(self, info):
        self.name = info.name.decode()
        self.type = info.type
        self.shape = tuple(info.dims[i] for i in range(info.rank))
        self.bytes = info.bytes
        self.alignment = info.alignment
        self.is_bounded = bool(info.isBounded)
        self.array_shape = self.shape
        if info.type in _PACKED_TYPES:
            self.dtype, self.array_shape = np.dtype("uint8"), (info.bytes,)
        elif info.type in _NUMPY_TYPES:
            self.dtype = np.dtype(_NUMPY_TYPES[info.type])
        else:
            extension, raw = _EXTENSION_TYPES[info.type]
            try:
                import ml_dtypes
                self.dtype = np.dtype(getattr(ml_dtypes, extension))
            except (ImportError, AttributeError):
                self.dtype = np.dtype(raw)

    def allocate(self):
        """An uninitialized array with the tensor's alignment."""
        memory = np.empty(self.bytes + self.alignment, np.uint8)
        start = -memory.ctypes.data % self.alignment
        return memory[start:start + self.bytes].view(self.dtype).reshape(self.array_shape)


class Program:
    """Name, bindings, inputs, outputs and launches of a program."""

    def __init__(self, library, model, index):
        info = library.info(_ProgramInfo, "qcrtProgramInfo", model, index)
        self.index = index
        self.name = info.name.decode()
        self.bindings = info.bindings.decode()
        self.arena_bytes = info.arenaBytes
        self.lower_bound_bytes = info.lowerBoundBytes
        self.inputs = [Tensor(library.info(_TensorInfo, "qcrtProgramInput", model, index, i))
                       for i in range(info.inputCount)]
        self.outputs = [Tensor(library.info(_TensorInfo, "qcrtProgramOutput", model, index, i))
                        for i in range(info.outputCount)]
        launches = [library.info(_LaunchInfo, "qcrtProgramLaunch", model, index, i) for i in range(info.launchCount)]
        self.launches = [{"name": launch.name.decode(), "kernel": launch.kernel.decode(),
                          "family": launch.family.decode(), "extent": launch.extent, "grain": launch.grain,
                          "bytes": launch.bytes, "macs": launch.macs, "mac_type": launch.macType,
                          "shape": launch.shape.decode()} for launch in launches]


class Model:
    """A loaded model.so."""

    def __init__(self, path, cpu_form=None, library=None):
        self._handle = None
        self.library = library or Library()
        options = _LoadOptions(ctypes.sizeof(_LoadOptions), cpu_form.encode() if cpu_form else None, None)
        handle = _P()
        self.library.call("qcrtModelLoad", os.fsencode(path), ctypes.byref(options), ctypes.byref(handle))
        self._handle = handle
        info = self.library.info(_ModelInfo, "qcrtModelInfo", handle)
        self.name, self.form = info.name.decode(), info.form.decode()
        self.weights_bytes = info.weightsBytes
        self.prepared_bytes = info.preparedBytes
        self.preparation_seconds = info.preparationNanoseconds / 1e9
        self.programs = [Program(self.library, handle, i) for i in range(info.programCount)]

    def __del__(self):
        if self._handle:
            self.library.handle.qcrtModelFree(self._handle)

    def program(self, name=None, feeds=None):
        """The program of that name, or the first that takes arrays of the shapes
        of `feeds`."""
        feeds = feeds or {}
        for program in self.programs:
            shapes = {tensor.name: tensor.array_shape for tensor in program.inputs}
            if (program.name == name if name else all(shapes.get(key) == np.shape(value)
                                                      for key, value in feeds.items())):
                return program
        wanted = repr(name) if name else str({key: np.shape(value) for key, value in feeds.items()})
        raise ValueError(f"no program for {wanted}; there are " + ", ".join(
            f"{program.name} with {({tensor.name: tensor.array_shape for tensor in program.inputs})}"
            for program in self.programs))

    def session(self, program=None, feeds=None, threads=1, profile=False, divide=False):
        """`divide`: among the threads is divided what is too little for them, too (for tests)."""
        return Session(self, self.program(program, feeds), threads, profile, divide)


class Session:
    """A program with its memory and threads."""

    def __init__(self, model, program, threads=1, profile=False, divide=False):
        self._handle = None
        self.model, self.program = model, program  # the model lives as long as its sessions
        self.library = model.library
        options = _SessionOptions(ctypes.sizeof(_SessionOptions), threads, profile, 0, divide)
        handle = _P()
        self.library.call("qcrtSessionCreate", model._handle, program.index, ctypes.byref(options),
                          ctypes.byref(handle))
        self._handle = handle
        self._inputs = {}
        self._outputs = {tensor.name: tensor.allocate() for tensor in program.outputs}
        for index, tensor in enumerate(program.outputs):
            array = self._outputs[tensor.name]
            self.library.call("qcrtSessionSetOutput", handle, index, array.ctypes.data, array.nbytes)

    def __del__(self):
        if self._handle:
            self.library.handle.qcrtSessionFree(self._handle)

    def set_inputs(self, feeds):
        """Binds arrays, which must not change their memory before the last run.
        Copies those that are not contiguous or not aligned."""
        unknown = set(feeds) - {tensor.name for tensor in self.program.inputs}
        if unknown:
            raise ValueError(f"no inputs {sorted(unknown)}; there are {[t.name for t in self.program.inputs]}")
        for index, tensor in enumerate(self.program.inputs):
            if tensor.name not in feeds:
                continue
            array = np.asarray(feeds[tensor.name])
            if array.dtype != tensor.dtype or array.shape != tensor.array_shape:
                raise ValueError(f"input '{tensor.name}' is {tensor.dtype}{list(tensor.array_shape)}, "
                                 f"not {array.dtype}{list(array.shape)}")
            if not array.flags.c_contiguous or array.ctypes.data % tensor.alignment:
                copy = tensor.allocate()
                copy[...] = array
                array = copy
            self.library.call("qcrtSessionSetInput", self._handle, index, array.ctypes.data, array.nbytes)
            self._inputs[tensor.name] = array

    def run_bound(self):
        """Runs on what is bound, and nothing else: what a benchmark measures."""
        self.library.call("qcrtSessionRun", self._handle)

    def run(self, feeds=None):
        """Binds `feeds`, runs, and returns the outputs by name."""
        self.set_inputs(feeds or {})
        self.run_bound()
        return self.outputs

    @property
    def outputs(self):
        """The outputs by name, those of varying size as the last run cut them."""
        if not any(tensor.is_bounded for tensor in self.program.outputs):
            return self._outputs
        return {tensor.name: self._cut(index, tensor) for index, tensor in enumerate(self.program.outputs)}

    def _cut(self, index, tensor):
        array = self._outputs[tensor.name]
        if not tensor.is_bounded:
            return array
        dims = (ctypes.c_int64 * len(tensor.shape))()
        self.library.call("qcrtSessionOutputDims", self._handle, index, dims, len(tensor.shape))
        count = int(np.prod(dims, dtype=np.int64))
        if tensor.type in _PACKED_TYPES:
            return array[:(count * _PACKED_TYPES[tensor.type] + 7) // 8]
        return array.reshape(-1)[:count].reshape(tuple(dims))

    def profile(self):
        """One dict for each launch: what Program.launches says of it, runs,
        total_ms, min_ms."""
        result = []
        for index, launch in enumerate(self.program.launches):
            times = self.library.info(_LaunchProfile, "qcrtSessionLaunchProfile", self._handle, index)
            result.append({**launch, "runs": times.runs, "total_ms": times.totalNanoseconds / 1e6,
                           "min_ms": times.minNanoseconds / 1e6})
        return result

    def reset_profile(self):
        self.library.call("qcrtSessionResetProfile", self._handle)
