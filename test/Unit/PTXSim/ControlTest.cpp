// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Branches, calls, special registers, barriers, budgets and launches of the
// PTX simulator.
#include "Runner.h"

#include <numeric>

using namespace ptxtest;
using qcrt::PtxErrorKind;

namespace {

TEST(PTXSimControl, BranchesAndTables) {
  const std::string text = header80 + R"(
.visible .entry k(.param .u64 out)
{
  .reg .pred %p, %q;
  .reg .b32 %r<9>;
  .reg .b64 %d<9>;
  ld.param.u64 %d0, [out];
  mov.u32 %r0, %tid.x;
  mul.wide.u32 %d1, %r0, 4;
  add.u64 %d0, %d0, %d1;
  mov.u32 %r1, 0;
  mov.u32 %r2, 0;
$loop:
  setp.ge.u32 %p, %r1, %r0;
  @%p bra $done;
  add.u32 %r2, %r2, %r1;
  add.u32 %r1, %r1, 1;
  bra.uni $loop;
$done:
  setp.gt.u32 %q, %r0, 3;
  @%q bra $end;
  $list: .branchtargets $a, $b, $a, $c;
  brx.idx %r0, $list;
$a:
  add.u32 %r2, %r2, 100;
  bra $end;
$b:
  add.u32 %r2, %r2, 200;
  bra $end;
$c:
  add.u32 %r2, %r2, 300;
$end:
  @!%q add.u32 %r2, %r2, 1000;
  st.global.u32 [%d0], %r2;
}
)";
  for (auto order :
       {qcrt::PtxThreadOrder::Forward, qcrt::PtxThreadOrder::Reverse}) {
    Runner runner(text);
    runner.options.threadOrder = order;
    std::vector<uint32_t> out(8, 0);
    runner.buffer(out).run("k", {}, {8});
    EXPECT_EQ(out,
              (std::vector<uint32_t>{1100, 1200, 1101, 1303, 6, 10, 15, 21}));
  }
}

TEST(PTXSimControl, SpecialRegisters) {
  const std::string text = header80 + R"(
.visible .entry k(.param .u64 out)
{
  .reg .b32 %r<30>;
  .reg .b64 %d<9>;
  ld.param.u64 %d0, [out];
  mov.u32 %r0, %tid.x;
  mov.u32 %r1, %tid.y;
  mov.u32 %r2, %tid.z;
  mov.u32 %r3, %ntid.x;
  mov.u32 %r4, %ntid.y;
  mov.u32 %r5, %ntid.z;
  mov.u32 %r6, %ctaid.x;
  mov.u32 %r7, %ctaid.y;
  mov.u32 %r8, %ctaid.z;
  mov.u32 %r9, %nctaid.x;
  mov.u32 %r10, %nctaid.y;
  mov.u32 %r11, %nctaid.z;
  mov.u32 %r12, %laneid;
  mov.u32 %r13, %warpid;
  mov.u32 %r14, %lanemask_lt;
  mov.u32 %r15, %lanemask_ge;
  // linear block, linear thread
  mad.lo.u32 %r16, %r8, %r10, %r7;
  mad.lo.u32 %r16, %r16, %r9, %r6;
  mad.lo.u32 %r17, %r2, %r4, %r1;
  mad.lo.u32 %r17, %r17, %r3, %r0;
  mul.lo.u32 %r18, %r3, %r4;
  mul.lo.u32 %r18, %r18, %r5;
  mad.lo.u32 %r19, %r16, %r18, %r17;
  mul.wide.u32 %d1, %r19, 16;
  add.u64 %d0, %d0, %d1;
  st.global.v4.u32 [%d0], {%r12, %r13, %r14, %r15};
  ret;
}
)";
  Runner runner(text);
  const uint32_t blocks = 2 * 3 * 2, threads = 5 * 4 * 3;
  std::vector<uint32_t> out(blocks * threads * 4, 1234567);
  runner.buffer(out).run("k", {2, 3, 2}, {5, 4, 3});
  for (uint32_t i = 0; i < blocks * threads; ++i) {
    const uint32_t lane = i % threads % 32;
    EXPECT_EQ(out[i * 4], lane);
    EXPECT_EQ(out[i * 4 + 1], i % threads / 32);
    EXPECT_EQ(out[i * 4 + 2], (uint64_t(1) << lane) - 1);
    EXPECT_EQ(out[i * 4 + 3], uint32_t(~((uint64_t(1) << lane) - 1)));
  }
}

TEST(PTXSimControl, Calls) {
  const std::string text = header80 + R"(
.func (.param .b32 result) factorial(.param .b32 n);
.func (.param .b32 result) factorial(.param .b32 n)
{
  .reg .pred %p;
  .reg .b32 %r<4>;
  ld.param.u32 %r0, [n];
  mov.u32 %r1, 1;
  setp.le.u32 %p, %r0, 1;
  @%p bra $base;
  sub.u32 %r2, %r0, 1;
  {
    .param .b32 argument;
    .param .b32 value;
    st.param.b32 [argument], %r2;
    call.uni (value), factorial, (argument);
    ld.param.b32 %r1, [value];
  }
  mul.lo.u32 %r1, %r1, %r0;
$base:
  st.param.b32 [result], %r1;
  ret;
}
.func (.param .align 8 .b8 result[16]) swap(.param .align 8 .b8 pair[16])
{
  .reg .b64 %d<3>;
  ld.param.b64 %d0, [pair];
  ld.param.b64 %d1, [pair+8];
  st.param.v2.b64 [result], {%d1, %d0};
  ret;
}
.func increment(.param .b64 pointer)
{
  .reg .b64 %d;
  .reg .b32 %r;
  ld.param.u64 %d, [pointer];
  ld.u32 %r, [%d];
  add.u32 %r, %r, 1;
  st.u32 [%d], %r;
  ret;
}
.global .align 8 .u64 functions[2] = {increment, increment};
.visible .entry k(.param .u64 out)
{
  .local .align 4 .b8 variable[4];
  .reg .b32 %r<9>;
  .reg .b64 %d<9>;
  ld.param.u64 %d0, [out];
  mov.u32 %r0, %tid.x;
  {
    .param .b32 argument;
    .param .b32 value;
    st.param.b32 [argument], %r0;
    call (value), factorial, (argument);
    ld.param.b32 %r1, [value];
  }
  {
    .param .align 8 .b8 argument[16];
    .param .align 8 .b8 value[16];
    cvt.u64.u32 %d1, %r1;
    st.param.b64 [argument], %d1;
    st.param.b64 [argument+8], 5;
    call (value), swap, (argument);
    ld.param.v2.b64 {%d2, %d3}, [value];
  }
  mov.u64 %d4, variable;
  cvta.local.u64 %d4, %d4;
  st.u32 [%d4], 40;
  {
    .param .b64 argument;
    st.param.b64 [argument], %d4;
    call increment, (argument);
  }
  ld.global.u64 %d5, [functions+8];
  {
    .param .b64 argument;
    st.param.b64 [argument], %d4;
    prototype : .callprototype _ (.param .b64 _);
    call %d5, (argument), prototype;
  }
  ld.u32 %r3, [%d4];
  cvt.u32.u64 %r4, %d2;
  cvt.u32.u64 %r5, %d3;
  mul.wide.u32 %d6, %r0, 16;
  add.u64 %d0, %d0, %d6;
  st.global.v4.u32 [%d0], {%r1, %r3, %r4, %r5};
  ret;
}
)";
  Runner runner(text);
  std::vector<uint32_t> out(8 * 4, 0);
  runner.buffer(out).run("k", {}, {8});
  uint32_t factorial = 1;
  for (uint32_t i = 0; i < 8; ++i) {
    factorial *= i == 0 ? 1 : i;
    EXPECT_EQ(out[i * 4], factorial);
    EXPECT_EQ(out[i * 4 + 1], 42u);
    EXPECT_EQ(out[i * 4 + 2], 5u);
    EXPECT_EQ(out[i * 4 + 3], factorial);
  }
}

TEST(PTXSimControl, RunawayPrograms) {
  const std::string text = header80 + R"(
.visible .entry forever()
{
$again:
  bra.uni $again;
}
.func recurse()
{
  .local .align 4 .b8 space[64];
  .reg .b32 %r;
  st.local.u32 [space], 1;
  call.uni recurse;
  ld.local.u32 %r, [space];
  ret;
}
.visible .entry deep()
{
  call.uni recurse;
  ret;
}
.visible .entry stop()
{
  trap;
}
.visible .entry grow()
{
  .reg .b64 %d<3>;
  mov.u64 %d0, 100000;
$again:
  alloca.u64 %d1, %d0, 16;
  bra.uni $again;
}
)";
  Runner runner(text);
  runner.options.instructionBudget = 100000;
  auto error = runner.fail("forever", {3}, {2}, PtxErrorKind::Budget);
  EXPECT_EQ(error.line, 8u);
  EXPECT_NE(error.str().find("100000 instructions"), std::string::npos);
  error = runner.fail("deep", {}, {}, PtxErrorKind::Stack);
  EXPECT_EQ(error.line, 15u);
  error = runner.fail("stop", {}, {}, PtxErrorKind::Trap);
  EXPECT_EQ(error.instruction, "trap");
  runner.fail("grow", {}, {}, PtxErrorKind::Stack);
}

TEST(PTXSimControl, BarriersExchangeData) {
  // Reverses a block through shared memory, several times.
  const std::string text = header80 + R"(
.visible .entry k(.param .u64 data)
{
  .shared .align 4 .b32 tile[256];
  .reg .pred %p;
  .reg .b32 %r<9>;
  .reg .b64 %d<9>;
  ld.param.u64 %d0, [data];
  mov.u32 %r0, %tid.x;
  mov.u32 %r1, %ntid.x;
  mov.u32 %r2, %ctaid.x;
  mad.lo.u32 %r3, %r2, %r1, %r0;
  mul.wide.u32 %d1, %r3, 4;
  add.u64 %d0, %d0, %d1;
  mul.wide.u32 %d2, %r0, 4;
  mov.u64 %d3, tile;
  add.u64 %d4, %d3, %d2;
  sub.u32 %r4, %r1, %r0;
  sub.u32 %r4, %r4, 1;
  mul.wide.u32 %d5, %r4, 4;
  add.u64 %d5, %d3, %d5;
  mov.u32 %r6, 0;
$again:
  ld.global.u32 %r5, [%d0];
  st.shared.u32 [%d4], %r5;
  bar.sync 0;
  ld.shared.u32 %r5, [%d5];
  barrier.sync.aligned 1;
  add.u32 %r5, %r5, 1;
  st.global.u32 [%d0], %r5;
  add.u32 %r6, %r6, 1;
  setp.lt.u32 %p, %r6, 3;
  @%p bra $again;
  ret;
}
)";
  for (auto order :
       {qcrt::PtxThreadOrder::Forward, qcrt::PtxThreadOrder::Reverse})
    for (unsigned hostThreads : {1u, 3u}) {
      Runner runner(text);
      runner.options.threadOrder = order;
      runner.options.hostThreads = hostThreads;
      std::vector<uint32_t> data(4 * 200);
      std::iota(data.begin(), data.end(), 0);
      runner.buffer(data).run("k", {4}, {200});
      for (uint32_t block = 0; block < 4; ++block)
        for (uint32_t i = 0; i < 200; ++i)
          ASSERT_EQ(data[block * 200 + i], block * 200 + 199 - i + 3);
    }
}

TEST(PTXSimControl, BarrierReductionsAndCounts) {
  const std::string text = header80 + R"(
.visible .entry k(.param .u64 out)
{
  .shared .align 4 .b32 value;
  .reg .pred %p<6>;
  .reg .b32 %r<9>;
  .reg .b64 %d<9>;
  ld.param.u64 %d0, [out];
  mov.u32 %r0, %tid.x;
  setp.lt.u32 %p0, %r0, 40;
  bar.red.popc.u32 %r1, 0, %p0;
  bar.red.and.pred %p1, 0, %p0;
  bar.red.or.pred %p2, 0, !%p0;
  selp.u32 %r2, 1, 0, %p1;
  selp.u32 %r3, 1, 0, %p2;
  // The first warp produces, the second consumes.
  setp.lt.u32 %p3, %r0, 32;
  @!%p3 bra $consume;
  st.shared.u32 [value], 99;
  bar.arrive 2, 64;
  mov.u32 %r4, 0;
  bra.uni $end;
$consume:
  bar.sync 2, 64;
  ld.shared.u32 %r4, [value];
$end:
  mul.wide.u32 %d1, %r0, 16;
  add.u64 %d0, %d0, %d1;
  st.global.v4.u32 [%d0], {%r1, %r2, %r3, %r4};
  ret;
}
)";
  for (auto order :
       {qcrt::PtxThreadOrder::Forward, qcrt::PtxThreadOrder::Reverse}) {
    Runner runner(text);
    runner.options.threadOrder = order;
    std::vector<uint32_t> out(64 * 4, 7);
    runner.buffer(out).run("k", {}, {64});
    for (uint32_t i = 0; i < 64; ++i) {
      EXPECT_EQ(out[i * 4], 40u);
      EXPECT_EQ(out[i * 4 + 1], 0u);
      EXPECT_EQ(out[i * 4 + 2], 1u);
      EXPECT_EQ(out[i * 4 + 3], i < 32 ? 0u : 99u);
    }
  }
}

TEST(PTXSimControl, BarrierDivergence) {
  const std::string text = header80 + R"(
.visible .entry leaves()
{
  .reg .pred %p;
  .reg .b32 %r;
  mov.u32 %r, %tid.x;
  setp.gt.u32 %p, %r, 10;
  @%p ret;
  bar.sync 0;
  ret;
}
.visible .entry splits()
{
  .reg .pred %p;
  .reg .b32 %r;
  mov.u32 %r, %tid.x;
  setp.gt.u32 %p, %r, 10;
  @%p bra $other;
  bar.sync 0;
  ret;
$other:
  bar.sync 0;
  ret;
}
.visible .entry crosses()
{
  .reg .pred %p;
  .reg .b32 %r;
  mov.u32 %r, %tid.x;
  setp.gt.u32 %p, %r, 31;
  @%p bra $other;
  barrier.sync 0;
  ret;
$other:
  barrier.sync 1;
  ret;
}
.visible .entry unaligned()
{
  .reg .pred %p;
  .reg .b32 %r;
  mov.u32 %r, %tid.x;
  setp.gt.u32 %p, %r, 10;
  @%p bra $other;
  barrier.sync 0;
  ret;
$other:
  barrier.sync 0;
  ret;
}
.visible .entry spins(.param .u64 flag)
{
  .reg .pred %p;
  .reg .b32 %r<3>;
  .reg .b64 %d;
  ld.param.u64 %d, [flag];
  mov.u32 %r0, %tid.x;
  setp.eq.u32 %p, %r0, 63;
  @%p st.volatile.global.u32 [%d], 1;
$wait:
  ld.volatile.global.u32 %r1, [%d];
  setp.eq.u32 %p, %r1, 0;
  @%p bra $wait;
  ret;
}
)";
  Runner runner(text);
  auto error = runner.fail("leaves", {}, {64}, PtxErrorKind::Barrier);
  EXPECT_NE(error.message.find("53 thread(s) have ended"), std::string::npos)
      << error.str();
  EXPECT_NE(error.message.find("line 12"), std::string::npos) << error.str();
  runner.options.exitedThreadsPassBarriers = true;
  runner.run("leaves", {}, {64});
  runner.options.exitedThreadsPassBarriers = false;
  error = runner.fail("splits", {}, {64}, PtxErrorKind::Barrier);
  EXPECT_NE(error.message.find("aligned barrier"), std::string::npos);
  runner.run("splits", {}, {11});
  error = runner.fail("crosses", {}, {64}, PtxErrorKind::Barrier);
  EXPECT_NE(error.message.find("2 place(s)"), std::string::npos);
  runner.run("unaligned", {}, {64});
  // A thread that waits for a later one is not an infinite loop.
  std::vector<uint32_t> flag(1, 0);
  runner.options.instructionBudget = 10000000;
  runner.buffer(flag).run("spins", {}, {64});
}

TEST(PTXSimControl, LaunchChecks) {
  const std::string text = header80 + R"(
.visible .entry k(.param .u64 p, .param .u32 n)
{
  ret;
}
.visible .entry fixed()
.reqntid 32, 2, 1
{
  ret;
}
.visible .entry bounded()
.maxntid 64
.minnctapersm 2
{
  ret;
}
)";
  Runner runner(text);
  ASSERT_EQ(runner.module->entries().size(), 3u);
  const qcrt::PtxEntry *entry = runner.module->entry("k");
  ASSERT_NE(entry, nullptr);
  ASSERT_EQ(entry->parameters.size(), 2u);
  EXPECT_EQ(entry->parameters[1].name, "n");
  EXPECT_EQ(entry->parameters[1].size, 4u);
  EXPECT_EQ(runner.module->entry("none"), nullptr);
  const PtxErrorKind bad = PtxErrorKind::BadLaunch;
  auto error = runner.fail("none", {}, {}, bad);
  EXPECT_NE(error.message.find("k, fixed, bounded"), std::string::npos);
  runner.fail("k", {}, {}, bad);
  runner.value(uint64_t(0)).value(uint64_t(0));
  runner.fail("k", {}, {}, bad);
  runner.value(uint64_t(0)).value(uint32_t(0));
  runner.fail("k", {0}, {}, bad);
  runner.value(uint64_t(0)).value(uint32_t(0));
  runner.fail("k", {}, {1025}, bad);
  runner.value(uint64_t(0)).value(uint32_t(0));
  runner.fail("k", {}, {64, 64}, bad);
  runner.value(uint64_t(0)).value(uint32_t(0));
  runner.fail("k", {1, 70000}, {}, bad);
  runner.value(uint64_t(0)).value(uint32_t(0)).run("k", {3}, {2});
  runner.fail("fixed", {}, {64}, bad);
  runner.run("fixed", {}, {32, 2});
  runner.fail("bounded", {}, {65}, bad);
  runner.run("bounded", {}, {32, 2});
  auto statistics = runner.launch("bounded", {5}, {7});
  ASSERT_TRUE(statistics);
  EXPECT_EQ(statistics->blocks, 5u);
  EXPECT_EQ(statistics->threads, 35u);
  EXPECT_EQ(statistics->instructions, 35u);
}

/// The first failing block is named, whatever the number of host threads.
TEST(PTXSimControl, FirstErrorIsReported) {
  const std::string text = header80 + R"(
.visible .entry k(.param .u64 p)
{
  .reg .pred %p;
  .reg .b32 %r<3>;
  .reg .b64 %d<3>;
  ld.param.u64 %d0, [p];
  mov.u32 %r0, %ctaid.x;
  mov.u32 %r1, %tid.x;
  setp.lt.u32 %p, %r0, 37;
  @%p ret;
  st.global.u32 [%d0+4], %r1;
  ret;
}
)";
  for (unsigned hostThreads : {1u, 2u, 8u}) {
    Runner runner(text);
    runner.options.hostThreads = hostThreads;
    std::vector<uint32_t> data(1);
    runner.buffer(data);
    const auto error = runner.fail("k", {1000}, {4}, PtxErrorKind::OutOfBounds);
    EXPECT_EQ(error.block.x, 37u);
    EXPECT_EQ(error.thread.x, 0u);
  }
}

} // namespace
