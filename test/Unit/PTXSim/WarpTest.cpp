// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Warp operations of the PTX simulator: shuffles, votes, matches, reductions
// and matrix multiplication.
#include "Reference.h"
#include "Runner.h"

#include <algorithm>
#include <functional>

using namespace ptxtest;
using qcrt::PtxErrorKind;

namespace {

/// A kernel whose body turns %r0 (thread number) and %r1 (in[thread]) into %r2.
std::string warpKernel(const std::string &body) {
  return header80 + R"(
.visible .entry k(.param .u64 in, .param .u64 out)
{
  .reg .pred %p<6>;
  .reg .b32 %r<20>;
  .reg .b64 %d<6>;
  ld.param.u64 %d0, [in];
  ld.param.u64 %d1, [out];
  mov.u32 %r0, %tid.x;
  mul.wide.u32 %d2, %r0, 4;
  add.u64 %d0, %d0, %d2;
  add.u64 %d1, %d1, %d2;
  ld.global.u32 %r1, [%d0];
)" + body +
         R"(
  st.global.u32 [%d1], %r2;
  ret;
}
)";
}

void checkWarp(const std::string &body,
               const std::function<uint32_t(const std::vector<uint32_t> &,
                                            uint32_t)> &reference) {
  std::vector<uint32_t> in(64), out(64, 0xABCD);
  std::mt19937 random(5);
  for (uint32_t &value : in)
    value = random() % 7 == 0 ? random() : random() % 5;
  for (auto order :
       {qcrt::PtxThreadOrder::Forward, qcrt::PtxThreadOrder::Reverse}) {
    Runner runner(warpKernel(body));
    runner.options.threadOrder = order;
    runner.readOnly(in).buffer(out).run("k", {}, {64});
    for (uint32_t i = 0; i < 64; ++i) {
      const std::vector<uint32_t> warp(in.begin() + i / 32 * 32,
                                       in.begin() + i / 32 * 32 + 32);
      EXPECT_EQ(out[i], reference(warp, i % 32)) << body << " lane " << i;
    }
  }
}

TEST(PTXSimWarp, Shuffles) {
  using Values = const std::vector<uint32_t> &;
  checkWarp("shfl.sync.idx.b32 %r2, %r1, 5, 31, -1;",
            [](Values v, uint32_t) { return v[5]; });
  checkWarp("shfl.sync.bfly.b32 %r2, %r1, 9, 31, 0xFFFFFFFF;",
            [](Values v, uint32_t lane) { return v[lane ^ 9]; });
  checkWarp("shfl.sync.down.b32 %r2|%p1, %r1, 4, 31, -1;\n"
            "@!%p1 add.u32 %r2, %r2, 1000;",
            [](Values v, uint32_t lane) {
              return lane + 4 < 32 ? v[lane + 4] : v[lane] + 1000;
            });
  checkWarp("shfl.sync.up.b32 %r2|%p1, %r1, 3, 0, -1;\n"
            "@!%p1 add.u32 %r2, %r2, 1000;",
            [](Values v, uint32_t lane) {
              return lane >= 3 ? v[lane - 3] : v[lane] + 1000;
            });
  // Segments of eight lanes.
  checkWarp("shfl.sync.down.b32 %r2|%p1, %r1, 3, 0x181F, -1;\n"
            "@!%p1 mov.u32 %r2, 77;",
            [](Values v, uint32_t lane) {
              return lane % 8 + 3 < 8 ? v[lane + 3] : 77;
            });
  checkWarp("and.b32 %r3, %r1, 31;\nshfl.sync.idx.b32 %r2, %r1, %r3, "
            "0x101F, -1;",
            [](Values v, uint32_t lane) {
              return v[lane / 16 * 16 + (v[lane] & 15)];
            });
}

TEST(PTXSimWarp, VotesMatchesReductions) {
  using Values = const std::vector<uint32_t> &;
  checkWarp("setp.gt.u32 %p1, %r1, 2;\n"
            "vote.sync.ballot.b32 %r2, %p1, -1;",
            [](Values v, uint32_t) {
              uint32_t ballot = 0;
              for (uint32_t i = 0; i < 32; ++i)
                ballot |= uint32_t(v[i] > 2) << i;
              return ballot;
            });
  checkWarp("setp.gt.u32 %p1, %r1, 2;\nvote.sync.all.pred %p2, %p1, -1;\n"
            "vote.sync.any.pred %p3, !%p1, -1;\n"
            "vote.sync.uni.pred %p4, %p1, -1;\nselp.u32 %r2, 1, 0, %p2;\n"
            "@%p3 add.u32 %r2, %r2, 2;\n@%p4 add.u32 %r2, %r2, 4;",
            [](Values v, uint32_t) {
              const bool all =
                  std::all_of(v.begin(), v.end(), [](auto x) { return x > 2; });
              const bool none = std::none_of(v.begin(), v.end(),
                                             [](auto x) { return x > 2; });
              return uint32_t(all) + 2 * !all + 4 * (all || none);
            });
  checkWarp("match.any.sync.b32 %r2, %r1, -1;", [](Values v, uint32_t lane) {
    uint32_t same = 0;
    for (uint32_t i = 0; i < 32; ++i)
      same |= uint32_t(v[i] == v[lane]) << i;
    return same;
  });
  checkWarp("match.all.sync.b32 %r3|%p1, %r1, -1;\n"
            "match.all.sync.b32 %r4|%p2, %r0, -1;\nmov.u32 %r5, 8;\n"
            "match.all.sync.b32 %r6|%p3, %r5, -1;\nselp.u32 %r2, %r6, 0, %p3;",
            [](Values, uint32_t) { return UINT32_MAX; });
  checkWarp("redux.sync.add.u32 %r2, %r1, -1;", [](Values v, uint32_t) {
    uint32_t sum = 0;
    for (uint32_t x : v)
      sum += x;
    return sum;
  });
  checkWarp("redux.sync.min.s32 %r2, %r1, -1;", [](Values v, uint32_t) {
    int32_t least = INT32_MAX;
    for (uint32_t x : v)
      least = std::min(least, int32_t(x));
    return uint32_t(least);
  });
  checkWarp("redux.sync.xor.b32 %r2, %r1, -1;", [](Values v, uint32_t) {
    uint32_t result = 0;
    for (uint32_t x : v)
      result ^= x;
    return result;
  });
  // Lanes below 8 and the others shuffle on their own, in other instructions.
  checkWarp("and.b32 %r7, %r0, 31;\nsetp.lt.u32 %p1, %r7, 8;\n"
            "@%p1 bra $low;\nshfl.sync.idx.b32 %r2, %r1, 20, 31, 0xFFFFFF00;\n"
            "bra.uni $end;\n$low:\n"
            "shfl.sync.idx.b32 %r2, %r1, 3, 31, 0xFF;\n$end:\n"
            "bar.warp.sync -1;",
            [](Values v, uint32_t lane) { return lane < 8 ? v[3] : v[20]; });
  checkWarp("and.b32 %r7, %r0, 31;\nsetp.lt.u32 %p1, %r7, 8;\n"
            "mov.u32 %r2, 0;\n@%p1 activemask.b32 %r2;",
            [](Values, uint32_t lane) { return lane < 8 ? 0xFFu : 0u; });
}

TEST(PTXSimWarp, Errors) {
  std::vector<uint32_t> in(64), out(64);
  Runner outside(warpKernel("shfl.sync.idx.b32 %r2, %r1, 5, 31, 1;"));
  outside.readOnly(in).buffer(out);
  auto error = outside.fail("k", {}, {64}, PtxErrorKind::Barrier);
  EXPECT_NE(error.message.find("member mask"), std::string::npos);
  EXPECT_EQ(error.thread.x, 1u);
  // Half of the warp never comes.
  Runner stuck(warpKernel("and.b32 %r7, %r0, 31;\nsetp.lt.u32 %p1, %r7, 8;\n"
                          "mov.u32 %r2, 0;\n"
                          "@%p1 shfl.sync.idx.b32 %r2, %r1, 5, 31, -1;\n"
                          "bar.sync 0;"));
  stuck.readOnly(in).buffer(out);
  error = stuck.fail("k", {}, {64}, PtxErrorKind::Barrier);
  EXPECT_NE(error.message.find("no thread"), std::string::npos);
}

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

/// One warp multiplies; each lane's registers are filled from matrices in
/// memory by plain C++, as the manual's fragment tables say.
struct Multiplication {
  std::string shape, types;
  unsigned m, k, elementBits;
  bool aSigned = true, bSigned = true;
};

void checkIntegerMatrices(const Multiplication &test) {
  const unsigned perRegister = 32 / test.elementBits;
  const unsigned aCount = test.m * test.k / 32 / perRegister;
  const unsigned bCount = test.k * 8 / 32 / perRegister;
  const unsigned cCount = test.m * 8 / 32;
  std::string names[3];
  std::string text = header80 + R"(
.visible .entry k(.param .u64 a, .param .u64 b, .param .u64 c)
{
  .reg .b32 %a<4>, %b<2>, %c<4>, %lane;
  .reg .b64 %d<4>;
  mov.u32 %lane, %laneid;
)";
  const unsigned counts[3] = {aCount, bCount, cCount};
  const char letters[3] = {'a', 'b', 'c'};
  for (int i = 0; i < 3; ++i) {
    const std::string letter(1, letters[i]);
    text += "ld.param.u64 %d0, [" + letter + "];\nmul.wide.u32 %d1, %lane, " +
            std::to_string(4 * counts[i]) + ";\nadd.u64 %d0, %d0, %d1;\n";
    for (unsigned r = 0; r < counts[i]; ++r) {
      text += "ld.global.u32 %" + letter + std::to_string(r) + ", [%d0+" +
              std::to_string(4 * r) + "];\n";
      names[i] += (r ? ", %" : "%") + letter + std::to_string(r);
    }
  }
  text += "mma.sync.aligned." + test.shape + ".row.col" + test.types + " {" +
          names[2] + "}, {" + names[0] + "}, {" + names[1] + "}, {" + names[2] +
          "};\n";
  for (unsigned r = 0; r < cCount; ++r)
    text += "st.global.u32 [%d0+" + std::to_string(4 * r) + "], %c" +
            std::to_string(r) + ";\n";
  text += "ret;\n}\n";

  std::mt19937 random(11);
  std::vector<uint8_t> a(test.m * test.k), b(test.k * 8);
  std::vector<int32_t> c(test.m * 8);
  for (auto &value : a)
    value = uint8_t(random());
  for (auto &value : b)
    value = uint8_t(random());
  for (auto &value : c)
    value = int32_t(random() % 2000) - 1000;
  std::vector<uint8_t> aLanes(32 * aCount * 4), bLanes(32 * bCount * 4);
  std::vector<int32_t> cLanes(32 * cCount), expected(32 * cCount);
  for (unsigned lane = 0; lane < 32; ++lane) {
    const unsigned group = lane >> 2, thread = lane % 4;
    // PTX ISA: "row = groupID for 0 <= i < 4 or 8 <= i < 12, else groupID + 8;
    // col = threadID * 4 + (i & 3), + 16 for i >= 8", and likewise for B and C.
    for (unsigned i = 0; i < aCount * 4; ++i) {
      const unsigned row = test.m == 16 && i / 4 % 2 ? group + 8 : group;
      const unsigned column =
          thread * 4 + (i & 3) + (i >= (test.m == 16 ? 8u : 4u) ? 16 : 0);
      aLanes[lane * aCount * 4 + i] = a[row * test.k + column];
    }
    for (unsigned i = 0; i < bCount * 4; ++i)
      bLanes[lane * bCount * 4 + i] =
          b[(thread * 4 + (i & 3) + (i >= 4 ? 16 : 0)) * 8 + group];
    for (unsigned i = 0; i < cCount; ++i) {
      const unsigned row = i < 2 ? group : group + 8;
      const unsigned column = thread * 2 + (i & 1);
      int64_t sum = c[row * 8 + column];
      for (unsigned k = 0; k < test.k; ++k) {
        const uint8_t x = a[row * test.k + k], y = b[k * 8 + column];
        sum += (test.aSigned ? int(int8_t(x)) : int(x)) *
               (test.bSigned ? int(int8_t(y)) : int(y));
      }
      cLanes[lane * cCount + i] = c[row * 8 + column];
      expected[lane * cCount + i] = int32_t(sum);
    }
  }
  Runner runner(text);
  runner.readOnly(aLanes).readOnly(bLanes).buffer(cLanes).run("k", {}, {32});
  EXPECT_EQ(cLanes, expected) << test.shape << test.types;
}

TEST(PTXSimWarp, IntegerMatrices) {
  checkIntegerMatrices({"m16n8k32", ".s32.s8.s8.s32", 16, 32, 8});
  checkIntegerMatrices({"m16n8k32", ".s32.u8.s8.s32", 16, 32, 8, false, true});
  checkIntegerMatrices({"m16n8k16", ".s32.s8.u8.s32", 16, 16, 8, true, false});
  checkIntegerMatrices({"m8n8k16", ".satfinite.s32.s8.s8.s32", 8, 16, 8});
}

/// Loads A and B with ldmatrix and multiplies f16 with f32 accumulators.
TEST(PTXSimWarp, HalfMatrices) {
  const std::string text = header80 + R"(
.visible .entry k(.param .u64 a, .param .u64 b, .param .u64 c)
{
  .shared .align 16 .b8 tileA[512];
  .shared .align 16 .b8 tileB[256];
  .reg .b32 %a<4>, %b<2>, %r<9>;
  .reg .f32 %c<4>;
  .reg .b64 %d<9>;
  .reg .b32 %lane;
  mov.u32 %lane, %laneid;
  // A is 16 by 16, row by row: 16 bytes per lane.
  ld.param.u64 %d0, [a];
  mul.wide.u32 %d1, %lane, 16;
  add.u64 %d0, %d0, %d1;
  ld.global.v4.u32 {%r0, %r1, %r2, %r3}, [%d0];
  mov.u64 %d2, tileA;
  add.u64 %d3, %d2, %d1;
  st.shared.v4.u32 [%d3], {%r0, %r1, %r2, %r3};
  // B is 16 by 8, row by row: 8 bytes per lane.
  ld.param.u64 %d0, [b];
  mul.wide.u32 %d1, %lane, 8;
  add.u64 %d0, %d0, %d1;
  ld.global.v2.u32 {%r0, %r1}, [%d0];
  mov.u64 %d4, tileB;
  add.u64 %d3, %d4, %d1;
  st.shared.v2.u32 [%d3], {%r0, %r1};
  bar.warp.sync -1;
  // Rows of the four quarters of A: 0-7 left, 8-15 left, 0-7 right, 8-15 right.
  and.b32 %r0, %lane, 15;
  shr.u32 %r1, %lane, 4;
  shl.b32 %r0, %r0, 5;
  mad.lo.u32 %r0, %r1, 16, %r0;
  cvt.u64.u32 %d5, %r0;
  add.u64 %d5, %d2, %d5;
  ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%a0, %a1, %a2, %a3}, [%d5];
  // B transposed: rows of 16 bytes.
  and.b32 %r0, %lane, 15;
  mul.wide.u32 %d5, %r0, 16;
  add.u64 %d5, %d4, %d5;
  ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%b0, %b1}, [%d5];
  mov.f32 %c0, 0f3F800000;
  mov.f32 %c1, 0f3F800000;
  mov.f32 %c2, 0f3F800000;
  mov.f32 %c3, 0f3F800000;
  mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%c0, %c1, %c2, %c3}, {%a0, %a1, %a2, %a3}, {%b0, %b1}, {%c0, %c1, %c2, %c3};
  // C is 16 by 8, row by row.
  ld.param.u64 %d0, [c];
  shr.u32 %r0, %lane, 2;
  and.b32 %r1, %lane, 3;
  shl.b32 %r0, %r0, 5;
  mad.lo.u32 %r0, %r1, 8, %r0;
  cvt.u64.u32 %d5, %r0;
  add.u64 %d0, %d0, %d5;
  st.global.v2.f32 [%d0], {%c0, %c1};
  st.global.v2.f32 [%d0+256], {%c2, %c3};
  ret;
}
)";
  std::vector<uint16_t> a(256), b(128);
  std::mt19937 random(3);
  for (uint16_t &value : a)
    value = halfOf<Half>(int(random() % 33) - 16).bits;
  for (uint16_t &value : b)
    value = halfOf<Half>(double(int(random() % 65) - 32) / 8).bits;
  std::vector<float> c(128, -1), expected(128);
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column) {
      double sum = 1; // all sums are exact
      for (int k = 0; k < 16; ++k)
        sum +=
            valueOf(Half{a[row * 16 + k]}) * valueOf(Half{b[k * 8 + column]});
      expected[row * 8 + column] = float(sum);
    }
  Runner runner(text);
  runner.readOnly(a).readOnly(b).buffer(c).run("k", {}, {32});
  EXPECT_EQ(c, expected);
  // A matrix instruction needs whole warps.
  runner.readOnly(a).readOnly(b).buffer(c);
  runner.fail("k", {}, {16}, PtxErrorKind::Barrier);
}

} // namespace
