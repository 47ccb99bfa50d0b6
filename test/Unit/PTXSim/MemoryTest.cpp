// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads, stores, state spaces, initializers, atomics and asynchronous copies of
// the PTX simulator, and every kind of access that it must refuse.
#include "Runner.h"

#include <numeric>

using namespace ptxtest;
using qcrt::PtxErrorKind;

namespace {

TEST(PTXSimMemory, WidthsAndVectors) {
  const std::string text = header80 + R"(
.visible .entry k(.param .u64 in, .param .u64 out)
{
  .reg .b16 %h<9>;
  .reg .b32 %r<9>;
  .reg .b64 %d<9>;
  ld.param.u64 %d0, [in];
  ld.param.u64 %d1, [out];
  ld.global.u8 %h1, [%d0];
  ld.global.s8 %r1, [%d0+1];
  ld.global.nc.s8 %d2, [%d0+2];
  ld.global.L1::no_allocate.L2::128B.s16 %d3, [%d0+4];
  st.global.u16 [%d1], %h1;
  st.global.u32 [%d1+4], %r1;
  st.global.v2.b64 [%d1+16], {%d2, %d3};
  ld.global.nc.v4.u8 {%r1, %r2, %r3, %r4}, [%d0+4];
  st.global.v4.b32 [%d1+32], {%r1, %r2, %r3, %r4};
  ld.global.v2.s32 {%d4, %d5}, [%d0+8];
  st.global.wt.b8 [%d1+48], %r4;
  st.global.v2.u64 [%d1+64], {%d4, %d5};
  st.global.v2.f32 [%d1+80], {0f3F800000, 0fC0000000};
  ret;
}
)";
  Runner runner(text);
  std::vector<uint8_t> in{0xFE, 0x80, 0x90, 0,    0xCD, 0xAB, 0x7F, 0xEE,
                          1,    0,    0,    0x80, 5,    0,    0,    0};
  std::vector<uint64_t> out(12, 0);
  runner.readOnly(in).buffer(out).run("k", {}, {});
  const auto *bytes = reinterpret_cast<const uint8_t *>(out.data());
  auto word = [&](size_t offset) {
    uint32_t value;
    std::memcpy(&value, bytes + offset, 4);
    return value;
  };
  EXPECT_EQ(word(0), 0xFEu);
  EXPECT_EQ(word(4), 0xFFFFFF80u);
  EXPECT_EQ(int64_t(out[2]), -112);
  EXPECT_EQ(int64_t(out[3]), int16_t(0xABCD));
  EXPECT_EQ(word(32), 0xCDu);
  EXPECT_EQ(word(44), 0xEEu);
  EXPECT_EQ(bytes[48], 0xEE);
  EXPECT_EQ(bytes[49], 0);
  EXPECT_EQ(int64_t(out[8]), int32_t(0x80000001));
  EXPECT_EQ(int64_t(out[9]), 5);
  EXPECT_EQ(word(80), 0x3F800000u);
  EXPECT_EQ(word(84), 0xC0000000u);
}

TEST(PTXSimMemory, SpacesAndInitializers) {
  const std::string text = header80 + R"(
.const .align 4 .f32 weights[3] = {0f3F800000, 2.5, 0f40800000};
.global .align 4 .b32 values[4] = {-1, 0x10, 30};
.global .align 8 .u64 pointers[2] = {generic(values)+4, values};
.global .align 2 .b16 pair[2][2] = {{1, 2}, {3, 4}};
.visible .entry k(.param .u64 out, .param .align 8 .b8 big[16])
{
  .local .align 8 .b8 scratch[16];
  .shared .align 4 .b8 tile[64];
  .reg .b16 %h<4>;
  .reg .b32 %r<20>;
  .reg .b64 %d<20>;
  .reg .pred %p;
  ld.param.u64 %d0, [out];
  // generic pointer stored in a variable
  ld.global.u64 %d1, [pointers];
  ld.u32 %r1, [%d1];
  st.global.u32 [%d0], %r1;
  ld.const.f32 %r2, [weights+4];
  st.global.u32 [%d0+4], %r2;
  // local memory through local and generic addresses
  mov.u64 %d2, scratch;
  cvta.local.u64 %d3, %d2;
  st.local.u32 [%d2+4], 77;
  ld.u32 %r3, [%d3+4];
  st.global.u32 [%d0+8], %r3;
  // shared memory
  mov.u64 %d4, tile;
  cvta.shared.u64 %d5, %d4;
  st.u32 [%d5+8], 55;
  ld.shared.u32 %r4, [%d4+8];
  st.global.u32 [%d0+12], %r4;
  cvta.to.shared.u64 %d6, %d5;
  ld.shared.u32 %r5, [%d6+8];
  st.global.u32 [%d0+16], %r5;
  // parameters, by name and by address
  ld.param.u32 %r6, [big+12];
  st.global.u32 [%d0+20], %r6;
  ld.global.u16 %h1, [pair+6];
  st.global.u16 [%d0+24], %h1;
  isspacep.local %p, %d3;
  selp.u32 %r7, 1, 0, %p;
  st.global.u32 [%d0+28], %r7;
  isspacep.shared %p, %d3;
  selp.u32 %r7, 1, 0, %p;
  st.global.u32 [%d0+32], %r7;
  ld.global.u32 %r8, [values+12];
  st.global.u32 [%d0+36], %r8;
  ret;
}
)";
  Runner runner(text);
  std::vector<uint32_t> out(10, 9);
  struct Big {
    uint32_t words[4];
  };
  runner.buffer(out).value(Big{{1, 2, 3, 4}}).run("k", {}, {});
  EXPECT_EQ(out[0], 0x10u);
  EXPECT_EQ(out[1], std::bit_cast<uint32_t>(2.5f));
  EXPECT_EQ(out[2], 77u);
  EXPECT_EQ(out[3], 55u);
  EXPECT_EQ(out[4], 55u);
  EXPECT_EQ(out[5], 4u);
  EXPECT_EQ(out[6], 4u);
  EXPECT_EQ(out[7], 1u);
  EXPECT_EQ(out[8], 0u);
  EXPECT_EQ(out[9], 0u);
  auto values = runner.module->variableBytes("values");
  ASSERT_TRUE(values);
  ASSERT_EQ(values->size(), 16u);
  EXPECT_EQ(int32_t(std::to_integer<int>((*values)[4])), 0x10);
  EXPECT_FALSE(runner.module->variable("nothing"));
}

/// One access of a chosen kind and address.
std::string access(const std::string &instruction) {
  return header80 + R"(
.const .align 4 .b32 constants[4] = {1, 2, 3, 4};
.global .align 4 .b32 variable[4];
.visible .entry k(.param .u64 p, .param .u64 offset)
{
  .shared .align 16 .b8 tile[64];
  .local .align 16 .b8 scratch[64];
  .reg .b32 %r<5>;
  .reg .b64 %d<9>;
  mov.u64 %d5, tile;
  mov.u64 %d6, scratch;
  mov.u64 %d7, variable;
  mov.u64 %d8, constants;
  ld.param.u64 %d0, [p];
  ld.param.u64 %d1, [offset];
  add.u64 %d2, %d0, %d1;
  )" + instruction +
         "\n  ret;\n}\n";
}

TEST(PTXSimMemory, RefusedAccesses) {
  struct Case {
    const char *instruction;
    int64_t offset;
    PtxErrorKind kind;
    const char *message;
  };
  const PtxErrorKind out = PtxErrorKind::OutOfBounds;
  const Case cases[] = {
      {"ld.global.u32 %r1, [%d2];", 64, out, "offset 64 of buffer"},
      {"ld.global.u32 %r1, [%d2];", 58, PtxErrorKind::Misaligned, "aligned"},
      {"ld.global.u8 %r1, [%d2];", -1, out, "offset -1 of buffer"},
      {"ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%d2];", 40,
       PtxErrorKind::Misaligned, "16 bytes"},
      {"ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%d2];", 64, out, "16 bytes"},
      {"st.global.u32 [%d2], 1;", 1 << 20, out, "store of 4 bytes"},
      {"ld.u32 %r1, [%d2];", int64_t(1) << 50, out, "generic"},
      {"ld.u32 %r1, [%d1];", 0, out, "null pointer"},
      {"ld.shared.u32 %r1, [%d1];", 0, out, "null pointer"},
      {"st.shared.u32 [%d5+64], 1;", 0, out, "64 bytes of static shared"},
      {"st.local.u32 [%d6+64], 1;", 0, out, "64 bytes of local"},
      {"ld.global.u32 %r1, [%d7+16];", 0, out, "variable 'variable'"},
      {"ld.const.u32 %r1, [%d8+16];", 0, out, "variable 'constants'"},
      {"ld.const.u32 %r1, [%d7];", 0, out, "not a .const variable"},
      {"st.global.u32 [%d8], 1;", 0, PtxErrorKind::ReadOnly, "read-only"},
      {"atom.global.add.u32 %r1, [%d8], 1;", 0, PtxErrorKind::ReadOnly,
       "read-only"},
      {"atom.global.add.u32 %r1, [%d2], 1;", 2, PtxErrorKind::Misaligned,
       "aligned"},
      {"ld.param.u32 %r1, [%d1];", 1024 + 16, out, "16 bytes of parameters"},
  };
  for (const Case &test : cases) {
    Runner runner(access(test.instruction));
    std::vector<uint32_t> data(16, 0);
    runner.buffer(data).value(test.offset);
    const qcrt::PtxError error = runner.fail("k", {2}, {3}, test.kind);
    EXPECT_NE(error.message.find(test.message), std::string::npos)
        << error.str();
    EXPECT_EQ(error.kernel, "k");
    EXPECT_EQ(error.line, 20u);
    EXPECT_EQ(error.instruction,
              std::string(test.instruction)
                  .substr(0, std::strlen(test.instruction) - 1));
    EXPECT_TRUE(error.hasThread && error.hasAddress);
    EXPECT_EQ(error.block.x, 0u);
    EXPECT_EQ(error.thread.x, 0u);
  }
}

TEST(PTXSimMemory, ReadOnlyBuffersAndRelease) {
  const std::string text = header80 + R"(
.visible .entry k(.param .u64 p)
{
  .reg .b64 %d<2>;
  ld.param.u64 %d0, [p];
  st.global.u32 [%d0], 1;
  ret;
}
)";
  Runner runner(text);
  std::vector<uint32_t> data(4, 0);
  runner.readOnly(data);
  const auto error = runner.fail("k", {}, {}, PtxErrorKind::ReadOnly);
  EXPECT_NE(error.str().find("input0"), std::string::npos) << error.str();

  auto address = runner.memory.allocate(100, "own");
  ASSERT_TRUE(address);
  EXPECT_EQ(*address % 256, 0u);
  uint32_t value = 0;
  EXPECT_TRUE(runner.memory.read(*address, &value, 4));
  EXPECT_EQ(value, UINT32_MAX);
  runner.value(*address).run("k", {}, {});
  EXPECT_TRUE(runner.memory.read(*address, &value, 4));
  EXPECT_EQ(value, 1u);
  EXPECT_FALSE(runner.memory.read(*address + 97, &value, 4));
  EXPECT_FALSE(runner.memory.write(*address - 1, &value, 4));
  EXPECT_FALSE(runner.memory.host(*address, 101));
  EXPECT_FALSE(runner.memory.release(*address + 1));
  EXPECT_TRUE(runner.memory.release(*address));
  EXPECT_FALSE(runner.memory.read(*address, &value, 4));
  runner.value(*address);
  runner.fail("k", {}, {}, PtxErrorKind::OutOfBounds);
  EXPECT_FALSE(runner.memory.map(nullptr, 4, "nothing"));
  EXPECT_FALSE(runner.memory.mapReadOnly(&value, uint64_t(1) << 60, "huge"));
}

TEST(PTXSimMemory, Atomics) {
  const std::string text = header80 + R"(
.visible .entry k(.param .u64 p)
{
  .shared .align 4 .b32 count;
  .reg .b16 %h<4>;
  .reg .b32 %r<9>;
  .reg .b64 %d<9>;
  .reg .pred %p;
  ld.param.u64 %d0, [p];
  mov.u32 %r0, %tid.x;
  setp.ne.u32 %p, %r0, 0;
  @!%p st.shared.u32 [count], 0;
  bar.sync 0;
  atom.global.add.u32 %r1, [%d0], 1;
  red.global.max.u32 [%d0+4], %r0;
  red.global.min.s32 [%d0+8], %r0;
  atom.add.relaxed.gpu.global.u64 %d1, [%d0+16], 3;
  red.global.add.f32 [%d0+24], 0f3F000000;
  atom.shared.add.u32 %r2, [count], 2;
  red.global.xor.b32 [%d0+28], %r0;
  atom.global.inc.u32 %r4, [%d0+32], 9;
  red.global.add.f64 [%d0+40], 0d3FE0000000000000;
  atom.global.cas.b32 %r5, [%d0+48], 0, 7;
  bar.sync 0;
  ld.shared.u32 %r3, [count];
  @!%p st.global.u32 [%d0+12], %r3;
  ret;
}
)";
  std::string fixed = text;
  // The order of modifiers in the ISA: order, scope, space, operation.
  const std::string loose = "atom.add.relaxed.gpu.global.u64";
  fixed.replace(fixed.find(loose), loose.size(),
                "atom.relaxed.gpu.global.add.u64");
  for (unsigned hostThreads : {1u, 4u}) {
    Runner runner(fixed);
    runner.options.hostThreads = hostThreads;
    std::vector<uint32_t> data(16, 0);
    data[2] = 5;
    runner.buffer(data).run("k", {8}, {64});
    EXPECT_EQ(data[0], 512u);
    EXPECT_EQ(data[1], 63u);
    EXPECT_EQ(data[2], 0u);
    EXPECT_EQ(data[3], 128u);
    EXPECT_EQ(data[4], 1536u);
    EXPECT_EQ(std::bit_cast<float>(data[6]), 256.0f);
    EXPECT_EQ(data[7], 0u);
    EXPECT_EQ(data[8], 512u % 10);
    EXPECT_EQ(std::bit_cast<double>(uint64_t(data[11]) << 32 | data[10]),
              256.0);
    EXPECT_EQ(data[12], 7u);
  }
}

TEST(PTXSimMemory, AsynchronousCopies) {
  auto text = [](const std::string &wait) {
    return header80 + R"(
.visible .entry k(.param .u64 in, .param .u64 out)
{
  .shared .align 16 .b8 tile[64];
  .reg .b32 %r<9>;
  .reg .b64 %d<9>;
  ld.param.u64 %d0, [in];
  ld.param.u64 %d1, [out];
  mov.u64 %d2, tile;
  cp.async.cg.shared.global [%d2], [%d0], 16;
  cp.async.commit_group;
  cp.async.ca.shared.global [%d2+16], [%d0+16], 8, 4;
  cp.async.commit_group;
  )" + wait +
           R"(
  ld.shared.u32 %r0, [%d2+4];
  ld.shared.u32 %r1, [%d2+16];
  ld.shared.u32 %r2, [%d2+20];
  st.global.v2.u32 [%d1], {%r0, %r1};
  st.global.u32 [%d1+8], %r2;
  ret;
}
)";
  };
  std::vector<uint32_t> in(8), out(4);
  std::iota(in.begin(), in.end(), 10);
  Runner(text("cp.async.wait_group 0;"))
      .readOnly(in)
      .buffer(out)
      .run("k", {}, {});
  EXPECT_EQ(out[0], 11u);
  EXPECT_EQ(out[1], 14u);
  EXPECT_EQ(out[2], 0u); // bytes that are not read become zero
  // Waiting for one group of two leaves the other open: its data is not there.
  Runner(text("cp.async.wait_group 1;"))
      .readOnly(in)
      .buffer(out)
      .run("k", {}, {});
  EXPECT_EQ(out[0], 11u);
  EXPECT_NE(out[1], 14u);
  Runner(text("cp.async.wait_all;")).readOnly(in).buffer(out).run("k", {}, {});
  EXPECT_EQ(out[1], 14u);
}

TEST(PTXSimMemory, DynamicSharedMemory) {
  const std::string text = header80 + R"(
.extern .shared .align 16 .b8 dynamic[];
.visible .entry k(.param .u64 out)
{
  .shared .align 4 .b32 fixed[4];
  .reg .b32 %r<9>;
  .reg .b64 %d<9>;
  ld.param.u64 %d0, [out];
  mov.u64 %d1, dynamic;
  mov.u32 %r0, %dynamic_smem_size;
  st.shared.u32 [%d1+28], %r0;
  st.shared.u32 [fixed], 5;
  ld.shared.u32 %r1, [%d1+28];
  st.global.u32 [%d0], %r1;
  ret;
}
)";
  Runner runner(text);
  std::vector<uint32_t> out(1);
  runner.options.dynamicSharedBytes = 32;
  runner.buffer(out).run("k", {}, {});
  EXPECT_EQ(out[0], 32u);
  runner.options.dynamicSharedBytes = 28;
  runner.buffer(out);
  runner.fail("k", {}, {}, PtxErrorKind::OutOfBounds);
  runner.options.dynamicSharedBytes = 300000;
  runner.buffer(out);
  runner.fail("k", {}, {}, PtxErrorKind::BadLaunch);
}

} // namespace
