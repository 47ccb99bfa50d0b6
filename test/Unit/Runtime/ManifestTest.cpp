// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Manifests that lie. Named cases check that each rule of qcrt/manifest.h is
// enforced with a message that names the field; the sweeps change every byte
// and every field, and whatever still loads must run without touching memory
// that is not its own (the sanitizer build is what makes that visible).
#include "TestModel.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <random>

// Manifests with an absurd size of the arena must fail as they do without a
// sanitizer: with a NULL from the allocator.
extern "C" const char *__asan_default_options() {
  return "allocator_may_return_null=1";
}
extern "C" const char *__tsan_default_options() {
  return "allocator_may_return_null=1";
}

namespace {

/// Kernels that do exactly what a manifest says of them, whatever it says: they
/// read and write all bytes of their parameters. With them a manifest that
/// loads must run cleanly; those of the test model have sizes of their own, of
/// which a manifest can lie consistently.
const QcManifestHeader *currentManifest;
uint8_t readBytes;

template <int kernelIndex>
void touch(void *const *arguments, int64_t begin, int64_t) {
  if (begin != 0)
    return;
  const auto *base = reinterpret_cast<const uint8_t *>(currentManifest);
  const auto &kernel = reinterpret_cast<const QcManifestKernel *>(
      base + currentManifest->kernels.offset)[kernelIndex];
  const auto *parameters = reinterpret_cast<const QcManifestParameter *>(
                               base + currentManifest->parameters.offset) +
                           kernel.firstParameter;
  for (uint32_t i = 0; i < kernel.parameterCount; ++i) {
    auto *memory = static_cast<uint8_t *>(arguments[i]);
    uint64_t bytes = parameters[i].bytes;
    ASSERT_EQ(reinterpret_cast<uintptr_t>(memory) % parameters[i].alignment,
              0u);
    if (parameters[i].access & QC_ACCESS_READ)
      for (uint64_t j = 0; j < bytes; ++j)
        readBytes ^= memory[j];
    if (parameters[i].access & QC_ACCESS_WRITE)
      for (uint64_t j = 0; j < bytes; ++j)
        memory[j] = uint8_t(j);
  }
}

const QcKernelFunction touchKernels[] = {touch<0>, touch<1>, touch<2>,
                                         touch<3>, touch<4>, touch<5>};
const QcCpuForm touchForm = {"touch", QC_CPU_X86_64_V1, touchKernels, 6};

/// Loads a changed artefact and, if that succeeds, runs all of its programs.
/// Returns whether it loaded.
bool exercise(MutableArtifact &artifact) {
  artifact.artifact.forms = &touchForm;
  artifact.artifact.formCount = 1;
  currentManifest = &artifact.header();
  QcrtError error;
  ModelPtr model = artifact.load(error);
  if (!model) {
    EXPECT_NE(error.status, QCRT_OK);
    EXPECT_GT(std::strlen(error.message), 10u);
    return false;
  }
  QcrtModelInfo info;
  EXPECT_EQ(qcrtModelInfo(model.get(), &info, &error), QCRT_OK);
  EXPECT_LT(std::strlen(info.name) + std::strlen(info.producer), 1000u);
  for (uint32_t p = 0; p < info.programCount; ++p) {
    QcrtProgramInfo program;
    EXPECT_EQ(qcrtProgramInfo(model.get(), p, &program, &error), QCRT_OK);
    EXPECT_LT(std::strlen(program.name) + std::strlen(program.bindings), 1000u);
    // Valid, but not to be tried on a shared machine.
    if (program.arenaBytes > 1u << 28)
      continue;
    SessionPtr session = createSession(model.get(), p, 1 + p % 2, error);
    if (!session)
      continue;
    std::vector<std::unique_ptr<uint8_t[]>> memory;
    auto allocate = [&](const QcrtTensorInfo &tensor) {
      // new[] aligns to 16; larger alignments are refused by Set.
      memory.emplace_back(new uint8_t[tensor.bytes]());
      return memory.back().get();
    };
    bool isSet = true;
    for (uint32_t i = 0; i < program.inputCount; ++i) {
      QcrtTensorInfo tensor;
      EXPECT_EQ(qcrtProgramInput(model.get(), p, i, &tensor, &error), QCRT_OK);
      isSet &= qcrtSessionSetInput(session.get(), i, allocate(tensor),
                                   tensor.bytes, &error) == QCRT_OK;
    }
    for (uint32_t i = 0; i < program.outputCount; ++i) {
      QcrtTensorInfo tensor;
      EXPECT_EQ(qcrtProgramOutput(model.get(), p, i, &tensor, &error), QCRT_OK);
      isSet &= qcrtSessionSetOutput(session.get(), i, allocate(tensor),
                                    tensor.bytes, &error) == QCRT_OK;
    }
    for (uint32_t i = 0; i < program.launchCount; ++i) {
      QcrtLaunchInfo launch;
      EXPECT_EQ(qcrtProgramLaunch(model.get(), p, i, &launch, &error), QCRT_OK);
      EXPECT_LT(std::strlen(launch.name), 1000u);
    }
    if (isSet)
      EXPECT_EQ(qcrtSessionRun(session.get(), &error), QCRT_OK);
  }
  return true;
}

TEST(Manifest, UnchangedLoads) {
  MutableArtifact artifact;
  EXPECT_TRUE(exercise(artifact));
}

TEST(Manifest, EveryByteChanged) {
  MutableArtifact artifact;
  size_t size = artifact.artifact.manifestBytes;
  size_t loaded = 0, refused = 0;
  for (size_t i = 0; i < size; ++i) {
    uint8_t original = artifact.bytes[i];
    for (uint8_t value : {uint8_t(0), uint8_t(0xff), uint8_t(original ^ 1),
                          uint8_t(original ^ 0x80), uint8_t(original + 1),
                          uint8_t(original - 1), uint8_t(original << 1)}) {
      if (value == original)
        continue;
      artifact.bytes[i] = value;
      (exercise(artifact) ? loaded : refused) += 1;
    }
    artifact.bytes[i] = original;
  }
  // Names may change to anything, most numbers may not.
  EXPECT_GT(loaded, 100u);
  EXPECT_GT(refused, 3000u);
}

TEST(Manifest, EveryWordChanged) {
  MutableArtifact artifact;
  size_t size = artifact.artifact.manifestBytes;
  auto sweep = [&]<typename Word>(Word) {
    const Word values[] = {0,
                           1,
                           Word(-1),
                           Word(-2),
                           Word(-8),
                           std::numeric_limits<Word>::max() / 2,
                           Word(std::numeric_limits<Word>::max() / 2 + 1),
                           Word(size),
                           Word(size - 8),
                           Word(0x1000),
                           Word(0x40000000)};
    for (size_t i = 0; i + sizeof(Word) <= size; i += sizeof(Word)) {
      Word original;
      std::memcpy(&original, &artifact.bytes[i], sizeof original);
      for (Word value : values) {
        std::memcpy(&artifact.bytes[i], &value, sizeof value);
        exercise(artifact);
      }
      std::memcpy(&artifact.bytes[i], &original, sizeof original);
    }
  };
  sweep(uint32_t());
  sweep(uint64_t());
}

// Two records that should differ are made equal, and fields are exchanged:
// changes that keep values plausible.
TEST(Manifest, WordsExchanged) {
  std::mt19937 random(7);
  MutableArtifact artifact;
  size_t words = artifact.artifact.manifestBytes / 4;
  for (int round = 0; round < 20000; ++round) {
    artifact.reset();
    for (int change = 0; change < 1 + round % 3; ++change) {
      size_t from = random() % words * 4, to = random() % words * 4;
      std::memmove(&artifact.bytes[to], &artifact.bytes[from], 4);
    }
    exercise(artifact);
  }
}

TEST(Manifest, EveryTruncationIsRefused) {
  size_t size = qc_artifact.manifestBytes;
  for (size_t bytes = 0; bytes < size; ++bytes) {
    MutableArtifact artifact;
    artifact.resize(bytes);
    std::memcpy(artifact.bytes.get(), qc_artifact.manifest, bytes);
    EXPECT_FALSE(exercise(artifact)) << bytes;
    // A size that claims to be whole.
    if (bytes >= sizeof(QcManifestHeader)) {
      artifact.header().totalBytes = bytes;
      // Behind the strings, which come last, is padding.
      EXPECT_EQ(exercise(artifact), bytes >= size - 7) << bytes;
    }
  }
}

/// One broken rule.
struct Rule {
  const char *name;
  QcrtStatus status;
  const char *message; // part of the expected message
  std::function<void(MutableArtifact &)> change;
};

class ManifestRule : public testing::TestWithParam<Rule> {};

TEST_P(ManifestRule, IsEnforced) {
  MutableArtifact artifact;
  GetParam().change(artifact);
  QcrtError error;
  EXPECT_EQ(artifact.load(error), nullptr);
  EXPECT_EQ(error.status, GetParam().status);
  EXPECT_NE(std::string(error.message).find(GetParam().message),
            std::string::npos)
      << error.message;
}

const Rule rules[] = {
    {"Magic", QCRT_BAD_ARTIFACT, "not a qc manifest",
     [](MutableArtifact &a) { a.header().magic[0] = 'X'; }},
    {"Abi", QCRT_ABI_MISMATCH, "manifest of format 99; this runtime reads 3",
     [](MutableArtifact &a) { a.header().abi = 99; }},
    {"ArtifactMagic", QCRT_BAD_ARTIFACT, "not a qc artefact",
     [](MutableArtifact &a) { a.artifact.magic[3] = 0; }},
    {"ArtifactAbi", QCRT_ABI_MISMATCH, "artefact of format 9",
     [](MutableArtifact &a) { a.artifact.abi = 9; }},
    {"ArtifactBytes", QCRT_BAD_ARTIFACT, "artefact of 60 bytes",
     [](MutableArtifact &a) { a.artifact.artifactBytes = 60; }},
    {"WeightsBytes", QCRT_BAD_ARTIFACT, "bytes of weights",
     [](MutableArtifact &a) { a.artifact.weightsBytes = 15; }},
    {"WeightsAlignment", QCRT_BAD_ARTIFACT, "weights are not in",
     [](MutableArtifact &a) {
       a.artifact.weights = static_cast<const char *>(a.artifact.weights) + 4;
     }},
    {"NoForms", QCRT_BAD_ARTIFACT, "0 CPU forms",
     [](MutableArtifact &a) { a.artifact.formCount = 0; }},
    {"ManyForms", QCRT_BAD_ARTIFACT, "CPU forms; accepted are 1 to 64",
     [](MutableArtifact &a) { a.artifact.formCount = UINT64_MAX / 32; }},
    {"HeaderBytes", QCRT_BAD_ARTIFACT, "header size",
     [](MutableArtifact &a) { a.header().headerBytes += 8; }},
    {"TotalBytes", QCRT_BAD_ARTIFACT, "total size",
     [](MutableArtifact &a) { a.header().totalBytes -= 8; }},
    {"Target", QCRT_BAD_ARTIFACT, "target",
     [](MutableArtifact &a) { a.header().target = QC_TARGET_PTX; }},
    {"HugeWeights", QCRT_BAD_ARTIFACT, "size of weights",
     [](MutableArtifact &a) { a.header().weightsBytes = UINT64_MAX; }},
    {"ArrayUnaligned", QCRT_BAD_ARTIFACT, "array of tensors at byte",
     [](MutableArtifact &a) { a.header().tensors.offset += 4; }},
    {"ArrayInHeader", QCRT_BAD_ARTIFACT, "array of kernels at byte 8",
     [](MutableArtifact &a) { a.header().kernels.offset = 8; }},
    {"ArrayBehindEnd", QCRT_BAD_ARTIFACT, "array of dims",
     [](MutableArtifact &a) { a.header().dims.offset = UINT64_MAX - 7; }},
    {"ArrayCountOverflow", QCRT_BAD_ARTIFACT, "launches, but only",
     [](MutableArtifact &a) {
       a.header().launches.count = UINT64_MAX / sizeof(QcManifestLaunch) + 2;
     }},
    {"HugePrepared", QCRT_BAD_ARTIFACT, "size of prepared memory",
     [](MutableArtifact &a) { a.header().preparedBytes = UINT64_MAX; }},
    {"PreparationRange", QCRT_BAD_ARTIFACT, "first launch of the preparation",
     [](MutableArtifact &a) { a.header().firstPreparation = UINT64_MAX; }},
    {"PreparationCount", QCRT_BAD_ARTIFACT, "first launch of the preparation",
     [](MutableArtifact &a) { a.header().preparationCount = UINT32_MAX; }},
    {"PreparationShared", QCRT_BAD_ARTIFACT, "sum of launch counts",
     [](MutableArtifact &a) { a.programs()[1].launchCount = 3; }},
    {"PreparationReadsInput", QCRT_BAD_ARTIFACT,
     "space of argument 13: found 2, accepted is in the preparation 1 "
     "(weights)",
     [](MutableArtifact &a) { a.arguments()[13].space = QC_SPACE_INPUT; }},
    {"PreparationWritesArena", QCRT_BAD_ARTIFACT, "space of argument 14",
     [](MutableArtifact &a) { a.arguments()[14].space = QC_SPACE_ARENA; }},
    {"PreparationWritesWeights", QCRT_BAD_ARTIFACT,
     "space of written argument 14",
     [](MutableArtifact &a) {
       a.arguments()[14].space = QC_SPACE_WEIGHTS;
       a.arguments()[14].offset = 0;
     }},
    {"PreparedTooSmall", QCRT_BAD_ARTIFACT, "offset of argument",
     [](MutableArtifact &a) { a.header().preparedBytes = 47; }},
    {"PreparedIndex", QCRT_BAD_ARTIFACT, "index of argument 8",
     [](MutableArtifact &a) { a.arguments()[8].index = 1; }},
    {"WritesPrepared", QCRT_BAD_ARTIFACT, "space of written argument 9",
     [](MutableArtifact &a) { a.arguments()[9].space = QC_SPACE_PREPARED; }},
    {"NoProgram", QCRT_BAD_ARTIFACT, "number of programs",
     [](MutableArtifact &a) { a.header().programs.count = 0; }},
    {"StringBehindEnd", QCRT_BAD_ARTIFACT, "kernel name 1",
     [](MutableArtifact &a) { a.kernels()[1].name.offset = 1000; }},
    {"StringOverflow", QCRT_BAD_ARTIFACT, "kernel family 0",
     [](MutableArtifact &a) { a.kernels()[0].family.length = UINT32_MAX; }},
    {"StringWithoutEnd", QCRT_BAD_ARTIFACT, "program name 0",
     [](MutableArtifact &a) { a.programs()[0].name.length -= 1; }},
    {"ParameterRange", QCRT_BAD_ARTIFACT, "first parameter of kernel 2",
     [](MutableArtifact &a) { a.kernels()[2].firstParameter = UINT64_MAX; }},
    {"ParameterCount", QCRT_BAD_ARTIFACT, "parameter count of kernel 4",
     [](MutableArtifact &a) { a.kernels()[4].parameterCount = 2000; }},
    {"ParametersShared", QCRT_BAD_ARTIFACT, "sum of parameter counts",
     [](MutableArtifact &a) {
       a.kernels()[2].firstParameter = 0;
       a.kernels()[2].parameterCount = 3;
     }},
    {"ParameterAlignment", QCRT_BAD_ARTIFACT, "alignment of parameter 5",
     [](MutableArtifact &a) { a.parameters()[5].alignment = 3; }},
    {"ParameterAlignmentLarge", QCRT_BAD_ARTIFACT, "alignment of parameter 5",
     [](MutableArtifact &a) { a.parameters()[5].alignment = 128; }},
    {"ParameterAccess", QCRT_BAD_ARTIFACT, "access of parameter 0",
     [](MutableArtifact &a) { a.parameters()[0].access = 0; }},
    {"KernelExtent", QCRT_BAD_ARTIFACT, "extent of kernel 0",
     [](MutableArtifact &a) { a.kernels()[0].extent = UINT64_MAX; }},
    {"LaunchExtent", QCRT_BAD_ARTIFACT, "extent of launch 0: found 1001",
     [](MutableArtifact &a) { a.launches()[0].extent += 1; }},
    {"LaunchKernel", QCRT_BAD_ARTIFACT, "kernel of launch 1",
     [](MutableArtifact &a) { a.launches()[1].kernel = 6; }},
    {"LaunchGrain", QCRT_BAD_ARTIFACT, "grain of launch 1",
     [](MutableArtifact &a) { a.launches()[1].grain = 0; }},
    {"LaunchBlockSize", QCRT_BAD_ARTIFACT, "block size of launch 4",
     [](MutableArtifact &a) { a.launches()[4].blockSize = 1025; }},
    {"LaunchArgumentCount", QCRT_BAD_ARTIFACT, "argument count of launch 0",
     [](MutableArtifact &a) { a.launches()[0].argumentCount = 2; }},
    {"LaunchFirstArgument", QCRT_BAD_ARTIFACT, "first argument of launch 0",
     [](MutableArtifact &a) { a.launches()[0].firstArgument = UINT64_MAX; }},
    {"ArgumentSpace", QCRT_BAD_ARTIFACT, "space of argument 0",
     [](MutableArtifact &a) { a.arguments()[0].space = 5; }},
    {"ArgumentIndex", QCRT_BAD_ARTIFACT, "index of argument 0",
     [](MutableArtifact &a) { a.arguments()[0].index = 2; }},
    {"ArgumentBytes", QCRT_BAD_ARTIFACT, "size of argument 0",
     [](MutableArtifact &a) { a.arguments()[0].bytes -= 4; }},
    {"ArgumentOffset", QCRT_BAD_ARTIFACT, "offset of argument 2",
     [](MutableArtifact &a) { a.arguments()[2].offset = 128; }},
    {"ArgumentOffsetOverflow", QCRT_BAD_ARTIFACT, "offset of argument 2",
     [](MutableArtifact &a) { a.arguments()[2].offset = UINT64_MAX - 3; }},
    {"ArgumentUnaligned", QCRT_BAD_ARTIFACT, "offset of argument 2",
     [](MutableArtifact &a) { a.arguments()[2].offset = 66; }},
    {"WritesWeights", QCRT_BAD_ARTIFACT, "space of written argument 9",
     [](MutableArtifact &a) { a.arguments()[9].space = QC_SPACE_WEIGHTS; }},
    {"WritesInput", QCRT_BAD_ARTIFACT, "space of written argument 2",
     [](MutableArtifact &a) {
       a.arguments()[2].space = QC_SPACE_INPUT;
       a.arguments()[2].offset = 0;
     }},
    {"InputAlignment", QCRT_BAD_ARTIFACT, "alignment needed of the memory",
     [](MutableArtifact &a) { a.parameters()[0].alignment = 64; }},
    {"ArenaTooSmall", QCRT_BAD_ARTIFACT, "offset of argument 2",
     [](MutableArtifact &a) { a.programs()[0].arenaBytes = 4060; }},
    {"ArenaHuge", QCRT_BAD_ARTIFACT, "arena size of program 0",
     [](MutableArtifact &a) { a.programs()[0].arenaBytes = UINT64_MAX; }},
    {"ProgramInputs", QCRT_BAD_ARTIFACT, "first input of program 1",
     [](MutableArtifact &a) { a.programs()[1].firstInput = 6; }},
    {"ProgramOutputs", QCRT_BAD_ARTIFACT, "first output of program 1",
     [](MutableArtifact &a) { a.programs()[1].outputCount = 2; }},
    {"ProgramLaunches", QCRT_BAD_ARTIFACT, "first launch of program 0",
     [](MutableArtifact &a) { a.programs()[0].launchCount = UINT32_MAX; }},
    {"LaunchesShared", QCRT_BAD_ARTIFACT, "sum of launch counts",
     [](MutableArtifact &a) {
       a.programs()[0].launchCount = 4;
       a.launches()[3].kernel = 2;
       a.launches()[3].extent = 8;
       a.launches()[3].argumentCount = 1;
       a.launches()[3].firstArgument = 6;
     }},
    {"TensorType", QCRT_BAD_ARTIFACT, "type of tensor 3",
     [](MutableArtifact &a) { a.tensors()[3].type = 8; }},
    {"TensorRank", QCRT_BAD_ARTIFACT, "rank of tensor 3",
     [](MutableArtifact &a) { a.tensors()[3].rank = 33; }},
    {"TensorDims", QCRT_BAD_ARTIFACT, "first dim of tensor 6",
     [](MutableArtifact &a) { a.tensors()[6].rank = 2; }},
    {"TensorDimNegative", QCRT_BAD_ARTIFACT, "a dim of tensor 0",
     [](MutableArtifact &a) { a.dims()[0] = -1000; }},
    {"TensorDimsOverflow", QCRT_BAD_ARTIFACT, "a dim of tensor 0",
     [](MutableArtifact &a) {
       a.tensors()[0].rank = 3;
       a.dims()[0] = a.dims()[1] = a.dims()[2] = INT64_C(1) << 22;
     }},
    {"TensorBytes", QCRT_BAD_ARTIFACT, "size of tensor 1",
     [](MutableArtifact &a) { a.tensors()[1].bytes = 4004; }},
    {"TensorAlignment", QCRT_BAD_ARTIFACT, "alignment of tensor 1",
     [](MutableArtifact &a) { a.tensors()[1].alignment = 0; }},
    {"InputExtents", QCRT_BAD_ARTIFACT, "extents of input tensor 1",
     [](MutableArtifact &a) { a.tensors()[1].extents = 2; }},
    {"TooManyExtents", QCRT_BAD_ARTIFACT, "number of extents of program 0",
     [](MutableArtifact &a) { a.programs()[0].extentsCount = 3; }},
    {"ExtentsType", QCRT_BAD_ARTIFACT, "type of the extents in tensor 3",
     [](MutableArtifact &a) { a.programs()[0].extentsCount = 1; }},
    {"ExtentsOfNone", QCRT_BAD_ARTIFACT, "extents of tensor 2",
     [](MutableArtifact &a) {
       a.makeBounded();
       a.tensors()[2].extents = 1;
     }},
    {"ExtentsCount", QCRT_BAD_ARTIFACT, "number of the extents of tensor 2",
     [](MutableArtifact &a) {
       a.makeBounded();
       a.tensors()[2].rank = 0;
       a.tensors()[2].bytes = 4;
     }},
};

INSTANTIATE_TEST_SUITE_P(Rules, ManifestRule, testing::ValuesIn(rules),
                         [](const testing::TestParamInfo<Rule> &info) {
                           return info.param.name;
                         });

} // namespace
