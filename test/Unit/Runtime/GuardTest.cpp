// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Guarded sessions: right kernels give right results, kernels that leave their
// buffers fault and are named, and memory that nobody wrote shows in the
// result.
#include "TestModel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <unistd.h>

namespace {

constexpr int64_t Large = 1000;

/// A position that the compiler does not know.
volatile int64_t offset = 0;

void addWithOffset(void *const *arguments, int64_t begin, int64_t end) {
  auto *product = static_cast<const float *>(arguments[0]);
  auto *b = static_cast<const float *>(arguments[1]);
  auto *y = static_cast<float *>(arguments[2]);
  for (int64_t i = begin; i < end; ++i)
    y[i] = product[i] + b[i + offset];
}

void copyWithOffset(void *const *arguments, int64_t begin, int64_t end) {
  auto *from = static_cast<const float *>(arguments[0]);
  auto *to = static_cast<float *>(arguments[1]);
  for (int64_t i = begin; i < end; ++i)
    to[i] = from[i + offset];
}

void addThatWritesItsOperand(void *const *arguments, int64_t begin, int64_t) {
  static_cast<float *>(arguments[1])[begin] = 1;
}

void addThatLeavesTheEnd(void *const *arguments, int64_t begin, int64_t end) {
  addWithOffset(arguments, begin, end < Large ? end : Large - 1);
}

/// A scale that leaves an element of the arena to the addition behind it.
void scaleThatSkipsOne(void *const *arguments, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    if (i != 5)
      static_cast<float *>(arguments[2])[i] = 0;
}

/// The test model with another function for kernel `index`.
struct GuardedModel {
  GuardedModel(size_t index = 0, QcKernelFunction function = nullptr) {
    form = mutableArtifact.artifact.forms[0];
    kernels.assign(form.kernels, form.kernels + form.kernelCount);
    if (function)
      kernels[index] = function;
    form.kernels = kernels.data();
    form.requiredFeatures = 0;
    mutableArtifact.artifact.forms = &form;
    mutableArtifact.artifact.formCount = 1;
    QcrtError error;
    model = mutableArtifact.load(error);
    EXPECT_NE(model, nullptr) << error.message;
  }

  SessionPtr session(uint32_t guard, uint32_t threads, QcrtError &error) {
    QcrtSessionOptions options = {};
    options.size = sizeof options;
    options.threads = threads;
    options.guard = guard;
    QcrtSession *result = nullptr;
    if (qcrtSessionCreate(model.get(), 0, &options, &result, &error))
      return nullptr;
    SessionPtr session(result);
    qcrtSessionSetInput(result, 0, x.data(), x.size() * 4, &error);
    qcrtSessionSetInput(result, 1, b.data(), b.size() * 4, &error);
    qcrtSessionSetOutput(result, 0, y.data(), y.size() * 4, &error);
    qcrtSessionSetOutput(result, 1, numbers.data(), numbers.size() * 4, &error);
    return session;
  }

  /// The first output's bytes.
  std::vector<uint8_t> run(uint32_t guard, uint32_t threads = 1) {
    QcrtError error;
    SessionPtr one = session(guard, threads, error);
    EXPECT_NE(one, nullptr) << error.message;
    EXPECT_EQ(qcrtSessionRun(one.get(), &error), QCRT_OK) << error.message;
    auto *bytes = reinterpret_cast<const uint8_t *>(y.data());
    return {bytes, bytes + y.size() * 4};
  }

  MutableArtifact mutableArtifact;
  QcCpuForm form;
  std::vector<QcKernelFunction> kernels;
  ModelPtr model;
  std::vector<float> x = std::vector<float>(Large, 3),
                     b = std::vector<float>(Large, 4),
                     y = std::vector<float>(Large);
  std::vector<int32_t> numbers = std::vector<int32_t>(8);
};

const QcrtSession *faulting = nullptr;

void explain(int, siginfo_t *info, void *) {
  QcrtFault fault;
  if (qcrtSessionExplainFault(faulting, info->si_addr, &fault))
    _exit(4);
  std::fprintf(stderr, "%slaunch %u argument %u offset %lld of %llu",
               fault.isPreparation ? "preparing " : "", fault.launch,
               fault.argument, (long long)fault.offset,
               (unsigned long long)fault.bytes);
  _exit(5);
}

/// Runs, with that offset once the model is loaded, and ends the process: 0, or
/// 5 after a fault that was explained.
[[noreturn]] void runAndExit(size_t kernel, QcKernelFunction function,
                             uint32_t guard, int64_t position = 0) {
  GuardedModel guarded(kernel, function);
  offset = position;
  QcrtError error;
  SessionPtr session = guarded.session(guard, 1, error);
  faulting = session.get();
  struct sigaction action = {};
  action.sa_sigaction = explain;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, nullptr);
  qcrtSessionRun(session.get(), &error);
  _exit(0);
}

void expectFault(int64_t position, uint32_t guard, const char *message) {
  EXPECT_EXIT(runAndExit(1, addWithOffset, guard, position),
              testing::ExitedWithCode(5), message);
}

TEST(Guard, RightKernelsGiveTheSameBits) {
  GuardedModel guarded;
  std::vector<uint8_t> expected = guarded.run(0);
  for (uint32_t threads : {1, 3})
    for (uint32_t guard : {QCRT_GUARD_BEHIND, QCRT_GUARD_BEFORE})
      EXPECT_EQ(guarded.run(guard, threads), expected);
  EXPECT_EQ(guarded.numbers[3], 9);
}

TEST(Guard, ReadsBehindABuffer) {
  expectFault(1, QCRT_GUARD_BEHIND, "launch 1 argument 1 offset 4000 of 4000");
}

TEST(Guard, ReadsBeforeABuffer) {
  expectFault(-1, QCRT_GUARD_BEFORE, "launch 1 argument 1 offset -4 of 4000");
}

TEST(Guard, WritesToWhatIsRead) {
  EXPECT_EXIT(runAndExit(1, addThatWritesItsOperand, QCRT_GUARD_BEHIND),
              testing::ExitedWithCode(5),
              "launch 1 argument 1 offset 0 of 4000");
}

TEST(Guard, RunsThePreparation) {
  EXPECT_EXIT(runAndExit(5, copyWithOffset, QCRT_GUARD_BEHIND, 1),
              testing::ExitedWithCode(5),
              "preparing launch 0 argument 0 offset 16 of 16");
}

TEST(Guard, NoFaultWithoutAGuardedSession) {
  QcrtFault fault;
  GuardedModel guarded;
  QcrtError error;
  SessionPtr session = guarded.session(0, 1, error);
  EXPECT_EQ(qcrtSessionExplainFault(session.get(), &fault, &fault),
            QCRT_INVALID_ARGUMENT);
  EXPECT_EQ(qcrtSessionExplainFault(nullptr, &fault, &fault),
            QCRT_INVALID_ARGUMENT);
}

TEST(Guard, ElementsThatNobodyWroteDiffer) {
  GuardedModel skipping(0, scaleThatSkipsOne);
  // Run unguarded, a skipped element of fresh memory is likely zero.
  std::vector<uint8_t> first = skipping.run(QCRT_GUARD_BEHIND),
                       second = skipping.run(QCRT_GUARD_BEFORE);
  EXPECT_NE(first, second);
  EXPECT_TRUE(std::equal(first.begin(), first.begin() + 20, second.begin()));
  EXPECT_TRUE(std::equal(first.begin() + 24, first.end(), second.begin() + 24));
}

TEST(Guard, OutputsThatNobodyWroteDiffer) {
  GuardedModel leaving(1, addThatLeavesTheEnd);
  EXPECT_NE(leaving.run(QCRT_GUARD_BEHIND), leaving.run(QCRT_GUARD_BEFORE));
}

TEST(Guard, RefusesOtherKinds) {
  GuardedModel guarded;
  QcrtError error;
  EXPECT_EQ(guarded.session(3, 1, error), nullptr);
  EXPECT_STREQ(error.message, "guard 3; accepted are 0, 1 and 2");
}

} // namespace
