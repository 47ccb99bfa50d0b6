# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# An artefact folder on the PTX simulator and, through a driver made for tests
# (test/Unit/Runtime/Inputs/FakeCuda.cpp), on CUDA: the manifest of the test model with
# kernels written by hand computes what the test model does. Then every file is
# damaged, and a kernel that leaves its buffer is caught.
#
# REQUIRES: onnx
# RUN: rm -rf %t && %python %S/Inputs/make_tensors.py %t
# RUN: %python %s qc-run %test_model %t %qc_libs/../test/Unit/fake-cuda
import os
import struct
import subprocess
import sys

tool, model, folder, fake_cuda = sys.argv[1:]
artifact = os.path.join(folder, "artifact")
os.makedirs(artifact)
with open(model, "rb") as file:
    content = file.read()
start = content.index(b"QCMANIF\0")
size, = struct.unpack_from("<Q", content, start + 16)
manifest = bytearray(content[start:start + size])
struct.pack_into("<I", manifest, 32, 1)  # QcManifestHeader.target: PTX


def kernel(name, parameters, extent, body):
    """An entry with one thread for each of `extent` indices, in %r1; the addresses
    of its element in %rd1, %rd2 ..."""
    text = f".visible .entry {name}(" + ", ".join(f".param .u64 p{i}" for i in range(parameters)) + ")\n{\n"
    text += ".reg .pred %p<2>; .reg .b32 %r<8>; .reg .b64 %rd<16>; .reg .f32 %f<8>;\n"
    text += "mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x; mov.u32 %r4, %tid.x;\nmad.lo.s32 %r1, %r2, %r3, %r4;\n"
    text += f"setp.ge.s32 %p1, %r1, {extent};\n@%p1 bra DONE;\nmul.wide.s32 %rd10, %r1, 4;\n"
    for i in range(parameters):
        text += f"ld.param.u64 %rd{i + 1}, [p{i}];\n"
        # The weights, parameter 1 of `scale`, repeat after four elements.
        if name.startswith("scale") and i == 1:
            text += "and.b32 %r5, %r1, 3; mul.wide.s32 %rd11, %r5, 4; add.s64 %rd2, %rd2, %rd11;\n"
        else:
            text += f"add.s64 %rd{i + 1}, %rd{i + 1}, %rd10;\n"
    return text + body + "DONE:\nret;\n}\n"


scale = "ld.global.f32 %f1, [%rd1]; ld.global.f32 %f2, [%rd2]; mul.rn.f32 %f3, %f1, %f2; st.global.f32 [%rd3], %f3;\n"
add = scale.replace("mul.rn", "add.rn")
iota = "mul.lo.s32 %r5, %r1, %r1; st.global.u32 [%rd1], %r5;\n"

copy = "ld.global.f32 %f1, [%rd1]; st.global.f32 [%rd2], %f1;\n"


def ptx(extent=1000, scale=scale):
    text = ".version 7.0\n.target sm_80\n.address_size 64\n"
    text += kernel("scale", 3, extent, scale) + kernel("add", 3, 1000, add) + kernel("iota", 1, 8, iota)
    text += kernel("scale_10", 3, 10, scale) + kernel("add_10", 3, 10, add)
    return (text + kernel("copy", 2, 4, copy)).encode()


def write(manifest=manifest, weights=struct.pack("<4f", 0.5, -2, 3, 0.1), text=ptx()):
    for name, data in (("manifest.qcm", manifest), ("weights.bin", weights), ("kernels.ptx", text)):
        with open(os.path.join(artifact, name), "wb") as file:
            file.write(data)


def run(suffix="", *arguments, device="ptx-sim", **environment):
    return subprocess.run([tool, artifact, "--device=" + device, f"--input=x={folder}/x{suffix}.npy",
                           f"--input=scope/b:0={folder}/b{suffix}.npy", f"--expect=y={folder}/y{suffix}.npy",
                           "--rtol=0", "--atol=0", *arguments], capture_output=True, text=True,
                          env={**os.environ, **environment})


def refused(message, run=run, **files):
    write(**files)
    process = run()
    assert process.returncode == 2 and message in process.stderr, (message, process)


write()
for suffix in ("", "10"):
    for threads in ("1", "2"):
        process = run(suffix, "--threads", threads, "--repeat=2")
        assert process.returncode == 0 and "form ptx-sim" in process.stdout, process
process = run("", f"--expect=numbers={folder}/numbers.npy", "--profile")
assert process.returncode == 0 and "Mul_0  scale (elementwise)" in process.stdout, process

# A kernel that goes on behind its buffers, though the arena goes on too, and one
# that writes to an input.
refused("offset 4000 of buffer 1 of 4000 bytes ('scale argument 0')", text=ptx(extent=1024))
refused("read-only", text=ptx(scale=scale.replace("[%rd3]", "[%rd1]")))
refused("no entry 'scale'", text=ptx().replace(b"entry scale(", b"entry other("))
refused("parameters; the manifest says 3", text=ptx().replace(b"entry add(", b"entry add(.param .u64 more, "))
refused("kernels.ptx", text=b"hello")
refused("weights.bin: 12 bytes; the manifest says 16", weights=b"\0" * 12)
refused("target", manifest=content[start:start + size])
refused("manifest", manifest=manifest[:100])
refused("manifest", manifest=b"")


def cuda(*arguments, **environment):
    return run(*arguments, device="cuda", LD_LIBRARY_PATH=fake_cuda, **environment)


write()
for suffix in ("", "10"):
    # Launched one by one, and recorded.
    for profile in (["--profile"], []):
        process = cuda(suffix, "--repeat=3", *profile)
        assert process.returncode == 0 and "form fake GPU" in process.stdout, process
process = cuda("", f"--expect=numbers={folder}/numbers.npy")
assert process.returncode == 0, process
process = cuda(FAKE_CUDA_GPUS="0")
assert process.returncode == 2 and "cuda: no GPU 0; the driver has 0" in process.stderr, process
refused("a PTX JIT compilation failed (218); image:1: error", cuda, text=b"hello")
refused("kernel 'scale': cuda: cuModuleGetFunction failed: named symbol not found (500)", cuda,
        text=ptx().replace(b"entry scale(", b"entry other("))
refused("cuGraphLaunch failed: unspecified launch failure (719)", cuda, text=ptx(scale="trap;\n"))
refused("weights.bin: 12 bytes", cuda, weights=b"\0" * 12)
