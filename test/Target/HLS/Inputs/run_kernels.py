# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the kernels of a module twice and compares every result.

    run_kernels.py KERNELS.mlir SUPPORT_DIR WORK_DIR

Once through MLIR's own lowering to LLVM IR, once as printed HLS C++ compiled by
g++ and by clang. Inputs hold the numbers at which formats and functions differ
(zeros of both signs, infinities, NaN, the lowest and highest integers, halves)
and numbers from a fixed generator. Integers and finite floats have to agree in
every bit; any NaN equals any NaN, because compilers may choose its payload.

Functions are found by their signatures: all arguments are memrefs, the last
`qc.num_results` ones are results. An attribute `test.values` of a function
gives its inputs a meaning: "index" (valid positions below 16), "nonzero" (no
zero integers in the second input), "shift" (shift amounts in the second input),
"small" (floats that fit every integer type), "wide" (floats that fit 32 bits),
"positive_zero" (no -0: for operations to which both zeros are the same).
"""
import ctypes
import os
import random
import re
import shutil
import struct
import subprocess
import sys

SIZES = {"i8": 1, "i16": 2, "i32": 4, "i64": 8, "f16": 2, "bf16": 2, "f32": 4, "f64": 8, "index": 8}
FLOATS = {"f16": (5, 10), "bf16": (8, 7), "f32": (8, 23), "f64": (11, 52)}
CXX_TYPES = {"i8": "int8_t", "i16": "int16_t", "i32": "int32_t", "i64": "int64_t", "index": "int64_t",
             "f16": "qc::f16", "bf16": "qc::bf16", "f32": "float", "f64": "double"}
FUNCTION = re.compile(r"func\.func @(\w+)\(([^)]*)\)\s*attributes\s*\{([^}]*)\}")


def run(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        sys.exit("%s\nfailed with %d:\n%s" % (" ".join(command), result.returncode, result.stdout))
    return result.stdout


def signatures(path):
    for name, arguments, attributes in FUNCTION.findall(open(path).read()):
        types = re.findall(r"memref<(\d+)x(\w+)>", arguments)
        results = int(re.search(r"qc\.num_results = (\d+)", attributes).group(1))
        meaning = re.search(r'test\.values = "(\w+)"', attributes)
        yield name, [(int(count), kind) for count, kind in types], results, meaning and meaning.group(1)


def float_bits(kind, value):
    """The bits of a Python float in a format, cut off (any number will do)."""
    exponent_bits, mantissa_bits = FLOATS[kind]
    if kind == "f64":
        return struct.unpack("<Q", struct.pack("<d", value))[0]
    single = struct.unpack("<I", struct.pack("<f", value))[0]
    if kind == "f32":
        return single
    if kind == "bf16":
        return single >> 16
    return struct.unpack("<H", struct.pack("<e", value))[0]


def fill(kind, count, meaning, position, generator):
    size = SIZES[kind]
    values = []
    if kind in FLOATS:
        exponent_bits, mantissa_bits = FLOATS[kind]
        sign = 1 << (8 * size - 1)
        infinity = ((1 << exponent_bits) - 1) << mantissa_bits
        special = [0, infinity, infinity | 1 << (mantissa_bits - 1), infinity - 1, 1, 1 << mantissa_bits,
                   (1 << mantissa_bits) - 1]
        for number in (0.5, 1.0, 1.5, 2.5, 3.5, 126.5, 127.5, 128.5, 255.5, 0.49999997, 32767.5):
            special.append(float_bits(kind, number))
        special += [value | sign for value in special]
        if meaning == "positive_zero":
            special.remove(sign)
        for index in range(count):
            if meaning == "small":
                values.append(float_bits(kind, generator.randrange(-254, 255) / 2.0))
            elif meaning == "wide":
                limit = 60000 if kind == "f16" else 2 ** 31 - 256
                values.append(float_bits(kind, generator.uniform(-limit, limit)))
            elif generator.random() < 0.5:
                values.append(generator.choice(special))
            elif generator.random() < 0.5:
                values.append(float_bits(kind, generator.uniform(-300, 300)))
            else:
                values.append(generator.getrandbits(8 * size))
    else:
        bits = 8 * size
        special = [0, 1, 2, (1 << bits) - 1, (1 << bits) - 2, 1 << (bits - 1), (1 << (bits - 1)) - 1,
                   (1 << (bits - 1)) + 1]
        for index in range(count):
            if meaning == "index":
                value = generator.randrange(16)
            elif meaning == "shift" and position == 1:
                value = generator.randrange(bits)
            elif generator.random() < 0.4:
                value = generator.choice(special)
            elif generator.random() < 0.5:
                value = generator.randrange(-100, 100) & ((1 << bits) - 1)
            else:
                value = generator.getrandbits(bits)
            if meaning == "nonzero" and position == 1 and value in (0, (1 << bits) - 1):
                value = 3
            values.append(value)
    return b"".join(value.to_bytes(size, "little") for value in values)


def equal(kind, first, second):
    if first == second:
        return True
    if kind not in FLOATS:
        return False
    exponent_bits, mantissa_bits = FLOATS[kind]
    infinity = ((1 << exponent_bits) - 1) << mantissa_bits
    magnitude = (1 << (8 * SIZES[kind] - 1)) - 1
    return all(int.from_bytes(value, "little") & magnitude > infinity for value in (first, second))


def call(function, buffers):
    arrays = [(ctypes.c_char * max(8, len(data))).from_buffer_copy(data.ljust(8, b"\0")) for data in buffers]
    function(*[ctypes.c_void_p(ctypes.addressof(array)) for array in arrays])
    return [array.raw[:len(data)] for array, data in zip(arrays, buffers)]


def build_reference(kernels, work):
    lowered = os.path.join(work, "lowered.mlir")
    # arith-expand is needed for rounded divisions alone, and its maximumf does not
    # tell the zeros apart.
    expand = "arith-expand," if re.search("ceildiv|floordiv", open(kernels).read()) else ""
    run("mlir-opt", kernels, "--pass-pipeline=builtin.module(convert-scf-to-cf," + expand + "expand-strided-metadata,"
        "convert-math-to-llvm,convert-arith-to-llvm,finalize-memref-to-llvm,convert-index-to-llvm,"
        "convert-func-to-llvm{use-bare-ptr-memref-call-conv=1},convert-cf-to-llvm,reconcile-unrealized-casts)",
        "-o", lowered)
    text = os.path.join(work, "lowered.ll")
    run("mlir-translate", "--mlir-to-llvmir", lowered, "-o", text)
    library = os.path.join(work, "reference.so")
    # The instructions that convert to bfloat16 take subnormal numbers for zero.
    run("clang", "-O1", "-ffp-contract=off", "-march=native", "-mno-avx512bf16", "-mno-avxneconvert", "-shared",
        "-fPIC", "-Wno-override-module", text, "-lm", "-rtlib=compiler-rt", "-o", library)
    return library


def build_printed(compiler, source, work):
    library = os.path.join(work, os.path.basename(compiler) + ".so")
    run(compiler, "-std=c++14", "-O2", "-ffp-contract=off", "-Wall", "-Werror", "-Wno-unknown-pragmas",
        "-Wno-unused-label", "-shared", "-fPIC", source, "-o", library)
    return library


def main():
    kernels, support, work = sys.argv[1:]
    os.makedirs(work, exist_ok=True)
    functions = list(signatures(kernels))
    legal = os.path.join(work, "legal.mlir")
    run("qc-opt", "--qc-hls-legalize", kernels, "-o", legal)
    printed = run("qc-translate", "--mlir-to-hls", legal)
    source = os.path.join(work, "kernels.cpp")
    with open(source, "w") as file:
        file.write(printed)
        for name, types, results, _ in functions:
            parameters = ", ".join("%s *a%d" % (CXX_TYPES[kind], i) for i, (_, kind) in enumerate(types))
            file.write('extern "C" void %s(%s) { kernel_%s(%s); }\n'
                       % (name, parameters, name, ", ".join("a%d" % i for i in range(len(types)))))
    shutil.copy(os.path.join(support, "qc_hls.h"), work)
    reference = ctypes.CDLL(build_reference(kernels, work))
    checked = 0
    for compiler in ("g++", "clang++"):
        if not shutil.which(compiler):
            sys.exit("no " + compiler)
        library = ctypes.CDLL(build_printed(compiler, source, work))
        generator = random.Random(7)
        for name, types, results, meaning in functions:
            for repetition in range(4):
                inputs = [fill(kind, count, meaning, position, generator)
                          for position, (count, kind) in enumerate(types[:-results])]
                buffers = inputs + [bytes(count * SIZES[kind]) for count, kind in types[-results:]]
                expected, actual = call(getattr(reference, name), buffers), call(getattr(library, name), buffers)
                for position, (count, kind) in enumerate(types):
                    size = SIZES[kind]
                    for index in range(count):
                        cut = slice(index * size, (index + 1) * size)
                        checked += 1
                        if not equal(kind, expected[position][cut], actual[position][cut]):
                            operands = [data[index * size_:(index + 1) * size_].hex() for data, size_ in
                                        zip(inputs, [SIZES[k] for _, k in types])]
                            sys.exit("%s (%s): argument %d, element %d (%s): expected %s, got %s; inputs there: %s"
                                     % (name, compiler, position, index, kind, expected[position][cut].hex(),
                                        actual[position][cut].hex(), operands))
    print("%d functions, %d values agree" % (len(functions), checked))


main()
