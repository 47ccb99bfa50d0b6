// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text that the PTX simulator must refuse with a line number and a reason, and
// a test that changes bytes of valid PTX at random: whatever comes out is
// parsed and, if it still is PTX, run; nothing may crash. The sanitizer build
// of this test is the one that counts.
#include "Runner.h"

using namespace ptxtest;
using qcrt::PtxErrorKind;

namespace {

std::string kernel(const std::string &body) {
  return header80 + ".visible .entry k(.param .u64 p)\n{\n" +
         ".reg .pred %p<4>; .reg .b16 %h<4>; .reg .b32 %r<4>; "
         ".reg .b64 %d<4>; .reg .f32 %f<4>;\n" +
         body + "\nret;\n}\n";
}

struct Refused {
  const char *body;
  unsigned line;
  const char *message;
};

TEST(PTXSimError, Instructions) {
  const Refused cases[] = {
      {"frobnicate.u32 %r1, %r2;", 7, "'frobnicate' is not supported"},
      {"add.u32 %r1, %r2;", 7, "expected 3 operands"},
      {"add.u32 %r1, %r2, %d1;", 7, "where .u32 is needed"},
      {"add.u32 %r1, %r2, %f1", 8, "expected ',' or ';'"},
      {"add.frob.u32 %r1, %r2, %r3;", 7, "modifier '.frob'"},
      {"add.b32 %r1, %r2, %r3;", 7, "type .b32 is not supported"},
      {"add.rn.u32 %r1, %r2, %r3;", 7, "modifier '.rn'"},
      {"add.f32 %f1, %f2, 1;", 7, "integer is no constant of type .f32"},
      {"add.u32 %r1, %r2, %r9;", 7, "'%r9' is neither declared"},
      {"add.u32 1, %r2, %r3;", 7, "to write to"},
      {"fma.f32 %f1, %f2, %f3, %f1;", 7, "a rounding is needed"},
      {"cvt.s32.f32 %r1, %f1;", 7, "a rounding is needed"},
      {"cvt.f32.s32 %f1, %r1;", 7, "a rounding is needed"},
      {"cvt.rn.f64.f32 %d1, %f1;", 7, "takes no rounding"},
      {"setp.lo.s32 %p1, %r1, %r2;", 7, "does not exist for type .s32"},
      {"setp.nan.u32 %p1, %r1, %r2;", 7, "does not exist for type .u32"},
      {"mov.u32 %r1, nothing;", 7, "'nothing' is not declared"},
      {"bra nowhere;", 7, "label 'nowhere'"},
      {"@%r1 bra nowhere;", 7, "must be a predicate"},
      {"again: again: ret;", 7, "declared twice"},
      {"brx.idx %r1, nolist;", 7, ".branchtargets"},
      {"ld.global.u32 %r1, %d1;", 7, "address in brackets"},
      {"ld.global.u32 %h1, [%d1];", 7, "to write to"},
      {"ld.global.v3.u32 %r1, [%d1];", 7, "'.v3'"},
      {"ld.global.v2.u32 {%r1, %r2, %r3}, [%d1];", 7, "2 registers"},
      {"ld.shared.u32 %r1, [p];", 7, "in space 'param'"},
      {"st.param.u32 [p], %r1;", 7, "cannot be written"},
      {"st.const.u32 [%d1], %r1;", 7, "cannot be written"},
      {"lop3.b32 %r1, %r1, %r2, %r3, 256;", 7, "8 bits"},
      {"call nofunction;", 7, "'nofunction' is not declared"},
      {"call k;", 7, "only functions defined"},
      {"atom.global.add.b32 %r1, [%d1], 1;", 7, "type .b32"},
      {"mov.b64 %d1, {%r1, %h1};", 7, "where .b32 is needed"},
      {".reg .b32 %r<2>;", 7, "declared twice"},
      {".reg .b8 %b;", 7, "registers of type '.b8'"},
      {".reg .b32 %many<99999999>;", 7, "at most"},
      {".local .b8 huge[1000000];", 7, "bytes of local memory"},
      {".shared .b8 huge[100000];", 7, "static shared memory"},
      {".unknown;", 7, "'.unknown' is not supported in a function"},
      {"mov.u32 %r1, 99999999999999999999;", 7, "malformed number"},
      {"mov.f32 %f1, 0f123;", 7, "malformed number"},
      {"mov.u32 %r1, \x01;", 7, "character code 1"},
      {"/* no end", 7, "comment without an end"},
      {"mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%r1}, {%r1}, {%r1}, "
       "{%r1};",
       7, "needs 4 registers"},
      {"tex.2d.v4.f32.s32 {%f1, %f1, %f1, %f1}, [%d1, {%r1, %r2}];", 7,
       "expected ']'"},
  };
  for (const Refused &test : cases) {
    auto module = qcrt::PtxModule::parse(kernel(test.body), "bad.ptx");
    ASSERT_FALSE(module) << test.body;
    const qcrt::PtxError &error = module.error();
    EXPECT_NE(error.message.find(test.message), std::string::npos)
        << test.body << "\n"
        << error.str();
    EXPECT_EQ(error.line, test.line) << test.body << "\n" << error.str();
    EXPECT_EQ(error.file, "bad.ptx");
  }
  // What is accepted is part of the message.
  auto module = qcrt::PtxModule::parse(kernel("dp4a.s16.s16 %r1,%r1,%r1,%r1;"),
                                       "bad.ptx");
  ASSERT_FALSE(module);
  EXPECT_NE(module.error().message.find("dp4a.{u32,s32}.{u32,s32}"),
            std::string::npos);
  EXPECT_EQ(module.error().instruction, "dp4a.s16.s16 %r1,%r1,%r1,%r1");
}

TEST(PTXSimError, Modules) {
  const Refused cases[] = {
      {"", 1, "no .version"},
      {".version 8.0\n.target sm_80\n.address_size 32\n", 4, "must be 64"},
      {".version 8.0\n.surprise\n", 2, "'.surprise' is not supported"},
      {".version 8.0\n.entry k(.param .b32)\n{\n", 4, "has no end"},
      {".version 8.0\n.entry k() { } .entry k() { }", 2, "defined already"},
      {".version 8.0\n.func f(.param .b32 x);\n.func f(.param .b64 x) { ret; }",
       3, "declared differently"},
      {".version 8.0\n.global .b32 x;\n.global .b32 x;", 3, "defined already"},
      {".version 8.0\n.global .b8 x[99999999999];", 2, "at most"},
      {".version 8.0\n.global .b32 x[70000000][4];", 2, "bytes"},
      {".version 8.0\n.global .b32 x[2] = {1, 2, 3};", 2,
       "more initial values"},
      {".version 8.0\n.global .align 3 .b32 x;", 2, "power of two"},
      {".version 8.0\n.global .u64 x = missing;", 2, "not defined"},
      {".version 8.0\n.const .b8 x[70000];", 2, ".const variables"},
      {".version 8.0\n.func (.reg .b32 r) f() { ret; }", 2, "use .param"},
      {".version 8.0\n.alias a, b;", 2, "defined in this module"},
  };
  for (const Refused &test : cases) {
    auto module = qcrt::PtxModule::parse(test.body, "bad.ptx");
    ASSERT_FALSE(module) << test.body;
    const qcrt::PtxError &error = module.error();
    EXPECT_NE(error.message.find(test.message), std::string::npos)
        << test.body << "\n"
        << error.str();
    EXPECT_EQ(error.line, test.line) << test.body << "\n" << error.str();
  }
}

TEST(PTXSimError, DeepNesting) {
  const std::string braces(100000, '{');
  const std::string brackets(100000, '[');
  const std::string marks(100000, '!');
  EXPECT_FALSE(qcrt::PtxModule::parse(kernel(braces), "deep.ptx"));
  EXPECT_FALSE(
      qcrt::PtxModule::parse(kernel("ld.u32 %r1, " + brackets), "deep.ptx"));
  EXPECT_FALSE(
      qcrt::PtxModule::parse(kernel("mov.pred %p1, " + marks), "deep.ptx"));
  EXPECT_FALSE(qcrt::PtxModule::parse(
      ".version 8.0\n.global .b32 x = " + braces, "deep.ptx"));
}

/// Runs all entries of a module on small buffers; faults are fine.
void runEverything(const qcrt::PtxModule &module) {
  std::vector<uint64_t> data(256, 3);
  for (const qcrt::PtxEntry &entry : module.entries()) {
    qcrt::PtxMemory memory;
    qcrt::PtxArguments arguments;
    for (const qcrt::PtxParameter &parameter : entry.parameters) {
      auto address =
          memory.map(data.data(), data.size() * sizeof(uint64_t), "data");
      if (parameter.size == 8 && address)
        arguments.add(*address);
      else
        arguments.addBytes(std::vector<char>(parameter.size, 2).data(),
                           parameter.size);
    }
    qcrt::PtxLaunchOptions options;
    options.instructionBudget = 2000;
    auto result =
        module.launch(memory, entry.name, {2}, {34}, arguments, options);
    if (!result) {
      EXPECT_FALSE(result.error().message.empty());
    }
  }
}

/// A module with everything in it that the compiled kernels lack.
const char *const variety = R"(.version 8.0
.target sm_80
.address_size 64
.global .align 4 .b32 table[4] = {1, 2, 0xFF, -4};
.const .align 4 .f32 factor = 0f3F800000;
.extern .shared .align 16 .b8 dynamic[];
.func (.param .b32 r) twice(.param .b32 a)
{
  .reg .b32 %r<3>;
  ld.param.u32 %r1, [a];
  shl.b32 %r1, %r1, 1;
  st.param.b32 [r], %r1;
  ret;
}
.visible .entry warp(.param .u64 p)
{
  .shared .align 16 .b8 tile[256];
  .reg .pred %p<4>;
  .reg .b16 %h<4>;
  .reg .b32 %r<16>;
  .reg .b64 %d<6>;
  ld.param.u64 %d0, [p];
  mov.u32 %r0, %laneid;
  shfl.sync.bfly.b32 %r1|%p1, %r0, 3, 31, -1;
  vote.sync.ballot.b32 %r2, %p1, -1;
  match.any.sync.b32 %r3, %r1, -1;
  redux.sync.add.u32 %r4, %r1, -1;
  mov.u64 %d1, tile;
  mul.wide.u32 %d2, %r0, 4;
  add.u64 %d1, %d1, %d2;
  st.shared.u32 [%d1], %r4;
  bar.sync 0;
  bar.red.popc.u32 %r5, 1, %p1;
  ld.shared.v2.u32 {%r6, %r7}, [tile+8];
  mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%r8, %r9}, {%r6}, {%r7}, {%r4, %r5};
  cvt.rn.f16.s32 %h1, %r8;
  fma.rn.f16 %h2, %h1, %h1, %h1;
  prmt.b32 %r10, %r8, %r9, 0x5410;
  lop3.b32 %r10, %r10, %r9, %r8, 0x96;
  dp4a.s32.s32 %r11, %r10, %r9, %r8;
  {
    .param .b32 a;
    .param .b32 b;
    st.param.b32 [a], %r11;
    call.uni (b), twice, (a);
    ld.param.b32 %r12, [b];
  }
  setp.gt.and.s32 %p2|%p3, %r12, 5, !%p1;
  @!%p2 bra $end;
  list: .branchtargets $one, $end;
  and.b32 %r13, %r12, 1;
  brx.idx %r13, list;
$one:
  atom.global.add.u32 %r14, [%d0], %r12;
  cp.async.ca.shared.global [%d1], [%d0], 4;
  cp.async.wait_all;
$end:
  st.global.u32 [%d0+8], %r12;
  ret;
}
)";

TEST(PTXSimError, RandomChanges) {
  const std::string compiled = readInput("kernels.ptx");
  ASSERT_FALSE(compiled.empty());
  EXPECT_EQ(assemble(variety, "sm_80"), "");
  std::mt19937 random(20);
  size_t stillValid = 0;
  for (const std::string &original : {std::string(variety), compiled}) {
    auto unchanged = qcrt::PtxModule::parse(original, "valid.ptx");
    ASSERT_TRUE(unchanged) << unchanged.error().str();
    runEverything(*unchanged);
    const int rounds = original.size() > 10000 ? 400 : 4000;
    for (int round = 0; round < rounds; ++round) {
      std::string text = original;
      const unsigned changes = 1 + random() % 3;
      for (unsigned i = 0; i < changes; ++i) {
        const size_t place = random() % text.size();
        switch (random() % 6) {
        case 0:
          text[place] = char(random());
          break;
        case 1: // digits keep most texts valid
          if (text[place] >= '0' && text[place] <= '9')
            text[place] = char('0' + random() % 10);
          break;
        case 2:
          text.erase(place, 1 + random() % 8);
          break;
        case 3: {
          const size_t from = random() % text.size();
          text.insert(place, text.substr(from, 1 + random() % 30));
          break;
        }
        case 4: // swap two places, such as types or registers
          std::swap(text[place], text[random() % text.size()]);
          break;
        default:
          text[place] = "[]{}()<>,;:.%@!|-+0 "[random() % 20];
          break;
        }
        if (text.empty())
          break;
      }
      if (round % 50 == 0)
        text.resize(random() % text.size());
      auto module = qcrt::PtxModule::parse(text, "changed.ptx");
      if (!module) {
        EXPECT_FALSE(module.error().message.empty());
        continue;
      }
      ++stillValid;
      runEverything(*module);
    }
  }
  // The test means something only if some of the texts run.
  EXPECT_GT(stillValid, 100u);
}

} // namespace
