// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The thread pool through sessions: every index is computed exactly once,
// whatever the extent, the grain and the number of threads, and small launches
// stay on the caller's thread.
#include "TestModel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>

namespace {

/// What a counting kernel saw. Kernels have no context but their arguments, so
/// the recorder lies in the output's memory.
struct Recorder {
  std::mutex mutex;
  std::vector<int> counts;
  std::set<std::thread::id> threads;
  size_t calls = 0;
};

void record(void *const *arguments, int64_t begin, int64_t end) {
  Recorder &recorder = **static_cast<Recorder **>(arguments[0]);
  std::lock_guard<std::mutex> lock(recorder.mutex);
  for (int64_t i = begin; i < end; ++i)
    ++recorder.counts[size_t(i)];
  recorder.threads.insert(std::this_thread::get_id());
  ++recorder.calls;
}

/// A model with one program of one launch of `record`.
class RecordingModel {
public:
  RecordingModel(uint64_t extent, uint64_t grain) {
    // Reduces the test model: its third kernel and launch have one parameter.
    artifact.header().programs.count = 1;
    artifact.header().preparationCount = 0;
    QcManifestProgram &program = artifact.programs()[0];
    program.firstLaunch = 2;
    program.launchCount = 1;
    artifact.kernels()[2].extent = artifact.launches()[2].extent = extent;
    artifact.launches()[2].grain = grain;
    form = qc_artifact.forms[0];
    form.kernels = kernels;
    artifact.artifact.forms = &form;
    artifact.artifact.formCount = 1;
    artifact.parameters()[6].alignment = 4;
    QcrtError error;
    model = artifact.load(error);
    EXPECT_NE(model, nullptr) << error.message;
  }

  SessionPtr session(uint32_t threads, Recorder *&recorder) {
    QcrtError error;
    SessionPtr result = createSession(model.get(), 0, threads, error);
    EXPECT_NE(result, nullptr) << error.message;
    EXPECT_EQ(qcrtSessionSetInput(result.get(), 0, unused, 4000, &error), 0);
    EXPECT_EQ(qcrtSessionSetInput(result.get(), 1, unused, 4000, &error), 0);
    EXPECT_EQ(qcrtSessionSetOutput(result.get(), 0, unused, 4000, &error), 0);
    EXPECT_EQ(qcrtSessionSetOutput(result.get(), 1, &recorder, 32, &error), 0);
    return result;
  }

private:
  MutableArtifact artifact;
  QcCpuForm form;
  QcKernelFunction kernels[6] = {record, record, record,
                                 record, record, record};
  float unused[1000];
  ModelPtr model;
};

struct Case {
  uint64_t extent, grain;
  uint32_t threads, shares;
};

class PoolShares : public testing::TestWithParam<Case> {};

TEST_P(PoolShares, EveryIndexOnce) {
  auto [extent, grain, threads, shares] = GetParam();
  RecordingModel model(extent, grain);
  // The output's 32 bytes begin with the pointer to the recorder.
  struct {
    Recorder *recorder;
    char rest[24];
  } output = {};
  SessionPtr session = model.session(threads, output.recorder);
  for (int run = 0; run < 100; ++run) {
    Recorder recorder;
    recorder.counts.assign(extent, 0);
    output.recorder = &recorder;
    QcrtError error;
    ASSERT_EQ(qcrtSessionRun(session.get(), &error), QCRT_OK);
    for (uint64_t i = 0; i < extent; ++i)
      ASSERT_EQ(recorder.counts[i], 1) << i;
    EXPECT_EQ(recorder.calls, shares);
    EXPECT_EQ(recorder.threads.size(), shares);
    EXPECT_TRUE(shares == 0 ||
                recorder.threads.count(std::this_thread::get_id()));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, PoolShares,
    testing::Values(Case{0, 1, 4, 0}, Case{1, 1, 4, 1}, Case{2, 1, 4, 2},
                    Case{3, 1, 4, 3}, Case{4, 1, 4, 4}, Case{5, 1, 4, 4},
                    Case{1000, 1, 1, 1}, Case{1000, 1, 2, 2},
                    Case{1000, 1, 7, 7}, Case{1000, 501, 4, 1},
                    Case{1000, 500, 4, 2}, Case{1000, 334, 4, 2},
                    Case{1000, 333, 4, 3}, Case{1000, UINT64_MAX, 4, 1},
                    Case{1001, 1, 16, 16}));

// Runs with pauses in between: workers have gone to sleep and must wake.
TEST(Pool, WakesSleepingWorkers) {
  RecordingModel model(64, 1);
  struct {
    Recorder *recorder;
    char rest[24];
  } output = {};
  SessionPtr session = model.session(4, output.recorder);
  for (int run = 0; run < 40; ++run) {
    Recorder recorder;
    recorder.counts.assign(64, 0);
    output.recorder = &recorder;
    QcrtError error;
    ASSERT_EQ(qcrtSessionRun(session.get(), &error), QCRT_OK);
    EXPECT_EQ(recorder.calls, 4u);
    std::this_thread::sleep_for(std::chrono::microseconds(run * 100));
  }
}

// Creating and freeing without a run, and freeing while workers sleep.
TEST(Pool, EndsIdleWorkers) {
  RecordingModel model(64, 1);
  struct {
    Recorder *recorder;
    char rest[24];
  } output = {};
  for (int round = 0; round < 50; ++round) {
    SessionPtr session =
        model.session(1 + uint32_t(round) % 8, output.recorder);
    if (round % 2)
      std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

} // namespace
