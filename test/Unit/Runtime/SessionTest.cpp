// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loading a shared library, queries, sessions: results, misuse, several
// sessions at once, and files that are damaged.
#include "TestModel.h"

#include "qcrt/device.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace {

constexpr size_t Large = 1000;
constexpr float Weights[] = {0.5f, -2.0f, 3.0f, 0.1f};

/// Inputs and outputs of a program of `size` elements.
struct Data {
  std::vector<float> x, b, y;
  std::vector<int32_t> numbers;

  Data(size_t size, int seed) : x(size), b(size), y(size, NAN), numbers(8, -1) {
    for (size_t i = 0; i < size; ++i) {
      x[i] = float((int(i) * 37 + seed) % 101) / 7.0f;
      b[i] = float((int(i) * 11 + seed) % 13) - 6.0f;
    }
  }

  void bind(QcrtSession *session) {
    QcrtError error;
    ASSERT_EQ(qcrtSessionSetInput(session, 0, x.data(), x.size() * 4, &error),
              QCRT_OK)
        << error.message;
    ASSERT_EQ(qcrtSessionSetInput(session, 1, b.data(), b.size() * 4, &error),
              QCRT_OK)
        << error.message;
    ASSERT_EQ(qcrtSessionSetOutput(session, 0, y.data(), y.size() * 4, &error),
              QCRT_OK)
        << error.message;
    if (x.size() == Large)
      ASSERT_EQ(qcrtSessionSetOutput(session, 1, numbers.data(),
                                     numbers.size() * 4, &error),
                QCRT_OK)
          << error.message;
  }

  bool isCorrect() const {
    for (size_t i = 0; i < x.size(); ++i) {
      // Two roundings; a volatile keeps the compiler from contracting.
      volatile float product = x[i] * Weights[i % 4];
      if (y[i] != product + b[i])
        return false;
    }
    for (int i = 0; x.size() == Large && i < 8; ++i)
      if (numbers[size_t(i)] != i * i)
        return false;
    return true;
  }
};

std::vector<char> readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A file in the test's own folder; removed at the end.
class TemporaryFile {
public:
  explicit TemporaryFile(const std::string &name)
      : path(testing::TempDir() + "qcrt-" + std::to_string(getpid()) + "-" +
             name) {}
  ~TemporaryFile() { std::filesystem::remove_all(path); }
  void write(const char *data, size_t bytes) const {
    std::ofstream(path, std::ios::binary).write(data, std::streamsize(bytes));
  }
  const std::string path;
};

TEST(Model, Queries) {
  QcrtError error;
  ModelPtr model = loadModel(QCRT_TEST_MODEL, error);
  ASSERT_NE(model, nullptr) << error.message;
  QcrtModelInfo info;
  ASSERT_EQ(qcrtModelInfo(model.get(), &info, &error), QCRT_OK);
  EXPECT_STREQ(info.name, "model");
  EXPECT_STREQ(info.producer, "qc test");
  EXPECT_EQ(info.programCount, 2u);
  EXPECT_EQ(info.kernelCount, 6u);
  EXPECT_EQ(info.weightsBytes, 16u);
  EXPECT_EQ(info.preparedBytes, 64u);
  EXPECT_EQ(info.preparationCount, 1u);
  EXPECT_GT(info.preparationNanoseconds, 0u);
  QcrtProgramInfo program;
  ASSERT_EQ(qcrtProgramInfo(model.get(), 0, &program, &error), QCRT_OK);
  EXPECT_STREQ(program.name, "main");
  EXPECT_STREQ(program.bindings, "N=1000");
  EXPECT_EQ(program.inputCount, 2u);
  EXPECT_EQ(program.outputCount, 2u);
  EXPECT_EQ(program.launchCount, 3u);
  EXPECT_EQ(program.arenaBytes, 4096u);
  EXPECT_EQ(program.lowerBoundBytes, 4000u);
  QcrtTensorInfo tensor;
  ASSERT_EQ(qcrtProgramInput(model.get(), 0, 1, &tensor, &error), QCRT_OK);
  EXPECT_STREQ(tensor.name, "scope/b:0");
  EXPECT_EQ(tensor.type, unsigned(QC_TYPE_FLOAT));
  ASSERT_EQ(tensor.rank, 1u);
  EXPECT_EQ(tensor.dims[0], 1000);
  EXPECT_EQ(tensor.elements, 1000u);
  EXPECT_EQ(tensor.bytes, 4000u);
  ASSERT_EQ(qcrtProgramOutput(model.get(), 0, 1, &tensor, &error), QCRT_OK);
  EXPECT_STREQ(tensor.name, "numbers");
  EXPECT_STREQ(qcrtElementName(tensor.type), "int32");
  QcrtLaunchInfo launch;
  ASSERT_EQ(qcrtProgramLaunch(model.get(), 0, 0, &launch, &error), QCRT_OK);
  EXPECT_STREQ(launch.name, "Mul_0");
  EXPECT_STREQ(launch.kernel, "scale");
  EXPECT_STREQ(launch.family, "elementwise");
  EXPECT_EQ(launch.bytes, 8016u);
  ASSERT_EQ(qcrtPreparationLaunch(model.get(), 0, &launch, &error), QCRT_OK);
  EXPECT_STREQ(launch.name, "Unpack_3");
  EXPECT_STREQ(launch.kernel, "copy");
  EXPECT_EQ(launch.bytes, 32u);
  EXPECT_EQ(qcrtPreparationLaunch(model.get(), 1, &launch, &error),
            QCRT_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "no launch 1 of the preparation; there are 1");

  EXPECT_EQ(qcrtProgramInfo(model.get(), 2, &program, &error),
            QCRT_INVALID_ARGUMENT);
  EXPECT_EQ(qcrtProgramInput(model.get(), 0, 2, &tensor, &error),
            QCRT_INVALID_ARGUMENT);
  EXPECT_EQ(qcrtProgramOutput(model.get(), 1, 1, &tensor, &error),
            QCRT_INVALID_ARGUMENT);
  EXPECT_EQ(qcrtProgramLaunch(model.get(), 1, 2, &launch, &error),
            QCRT_INVALID_ARGUMENT);
}

TEST(Model, ProgramsAreFoundByNameAndShape) {
  QcrtError error;
  ModelPtr model = loadModel(QCRT_TEST_MODEL, error);
  ASSERT_NE(model, nullptr) << error.message;
  uint32_t program = 7;
  EXPECT_EQ(qcrtProgramFind(model.get(), "small", &program, &error), QCRT_OK);
  EXPECT_EQ(program, 1u);
  EXPECT_EQ(qcrtProgramFind(model.get(), "medium", &program, &error),
            QCRT_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "no program 'medium'; there are: main, small");
  int64_t ten = 10, thousand = 1000, eleven = 11, square[] = {10, 10};
  QcrtShape shapes[] = {{"x", 1, &ten}, {"scope/b:0", 1, &ten}};
  EXPECT_EQ(qcrtProgramSelect(model.get(), shapes, 2, &program, &error),
            QCRT_OK);
  EXPECT_EQ(program, 1u);
  shapes[0].dims = &thousand;
  EXPECT_EQ(qcrtProgramSelect(model.get(), shapes, 1, &program, &error),
            QCRT_OK);
  EXPECT_EQ(program, 0u);
  EXPECT_EQ(qcrtProgramSelect(model.get(), shapes, 2, &program, &error),
            QCRT_INVALID_ARGUMENT);
  shapes[0].dims = &eleven;
  EXPECT_EQ(qcrtProgramSelect(model.get(), shapes, 1, &program, &error),
            QCRT_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message,
               "no program takes x[11]; programs and their inputs: main: "
               "x[1000] scope/b:0[1000]; small: x[10] scope/b:0[10]");
  shapes[0] = {"x", 2, square};
  EXPECT_EQ(qcrtProgramSelect(model.get(), shapes, 1, &program, &error),
            QCRT_INVALID_ARGUMENT);
  shapes[0] = {"z", 1, &ten};
  EXPECT_EQ(qcrtProgramSelect(model.get(), shapes, 1, &program, &error),
            QCRT_INVALID_ARGUMENT);
}

TEST(Model, FormOfTheCpuIsChosen) {
  QcrtError error;
  ModelPtr model = loadModel(QCRT_TEST_MODEL, error);
  ASSERT_NE(model, nullptr) << error.message;
  QcrtModelInfo info;
  ASSERT_EQ(qcrtModelInfo(model.get(), &info, &error), QCRT_OK);
  bool hasLevel2 = (qcrtCpuFeatures() & QC_CPU_X86_64_V2) != 0;
  EXPECT_STREQ(info.form, hasLevel2 ? "x86-64-v2" : "x86-64");

  QcrtLoadOptions options = {};
  options.size = sizeof options;
  options.cpuForm = "x86-64-again";
  model = loadModel(QCRT_TEST_MODEL, error, &options);
  ASSERT_NE(model, nullptr) << error.message;
  ASSERT_EQ(qcrtModelInfo(model.get(), &info, &error), QCRT_OK);
  EXPECT_STREQ(info.form, "x86-64-again");

  options.cpuForm = "future";
  EXPECT_EQ(loadModel(QCRT_TEST_MODEL, error, &options), nullptr);
  EXPECT_EQ(error.status, QCRT_UNSUPPORTED_CPU);
  options.cpuForm = "vax";
  EXPECT_EQ(loadModel(QCRT_TEST_MODEL, error, &options), nullptr);
  EXPECT_EQ(error.status, QCRT_INVALID_ARGUMENT);
  EXPECT_NE(std::string(error.message).find("x86-64, x86-64-v2, future"),
            std::string::npos)
      << error.message;
}

TEST(Model, CpuLevelsAreCumulative) {
  uint64_t features = qcrtCpuFeatures();
  const uint64_t levels[] = {QC_CPU_X86_64_V1, QC_CPU_X86_64_V2,
                             QC_CPU_X86_64_V3, QC_CPU_X86_64_V4};
  for (int i = 1; i < 4; ++i)
    if (features & levels[i])
      EXPECT_TRUE(features & levels[i - 1]) << i;
#if defined(__x86_64__)
  __builtin_cpu_init();
  EXPECT_TRUE(features & QC_CPU_X86_64_V1);
  // The compiler's own detection is independent of ours.
  EXPECT_EQ((features & QC_CPU_X86_64_V3) != 0,
            __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                __builtin_cpu_supports("bmi2"));
  EXPECT_EQ((features & QC_CPU_X86_64_V4) != 0,
            __builtin_cpu_supports("avx512f") &&
                __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl"));
  EXPECT_EQ((features & QC_CPU_AVX512VNNI) != 0,
            bool(__builtin_cpu_supports("avx512vnni")));
  EXPECT_EQ((features & QC_CPU_AVX512VBMI) != 0,
            bool(__builtin_cpu_supports("avx512vbmi")));
#endif
}

TEST(Model, NoFormForThisCpu) {
  MutableArtifact artifact;
  artifact.artifact.forms = qc_artifact.forms + 2;
  artifact.artifact.formCount = 1;
  QcrtError error;
  EXPECT_EQ(artifact.load(error), nullptr);
  EXPECT_EQ(error.status, QCRT_UNSUPPORTED_CPU);
}

TEST(Model, FormWithTooFewKernels) {
  MutableArtifact artifact;
  QcCpuForm form = qc_artifact.forms[0];
  form.kernelCount = 4;
  artifact.artifact.forms = &form;
  artifact.artifact.formCount = 1;
  QcrtError error;
  EXPECT_EQ(artifact.load(error), nullptr);
  EXPECT_EQ(error.status, QCRT_BAD_ARTIFACT);
}

TEST(Model, FilesThatAreNoArtefacts) {
  QcrtError error;
  EXPECT_EQ(loadModel("does-not-exist.so", error), nullptr);
  EXPECT_EQ(error.status, QCRT_FILE_ERROR);
  EXPECT_NE(std::string(error.message).find("does-not-exist.so"),
            std::string::npos);

  TemporaryFile empty("empty.so");
  empty.write("", 0);
  EXPECT_EQ(loadModel(empty.path, error), nullptr);
  EXPECT_EQ(error.status, QCRT_BAD_ARTIFACT);

  TemporaryFile text("text.so");
  std::string content(1000, 'x');
  text.write(content.data(), content.size());
  EXPECT_EQ(loadModel(text.path, error), nullptr);
  EXPECT_EQ(error.status, QCRT_BAD_ARTIFACT);

  EXPECT_EQ(loadModel("/dev/zero", error), nullptr);
  EXPECT_EQ(error.status, QCRT_FILE_ERROR);

  // An executable is no shared library with qc_artifact.
  EXPECT_EQ(loadModel("/proc/self/exe", error), nullptr);
  EXPECT_EQ(error.status, QCRT_BAD_ARTIFACT);

  // A folder needs a device.
  EXPECT_EQ(loadModel(testing::TempDir(), error), nullptr);
  EXPECT_EQ(error.status, QCRT_INVALID_ARGUMENT);
}

// A file that ends early maps, and the process dies at the first access: each
// length must be refused, or hold everything that is mapped.
TEST(Model, TruncatedLibraries) {
  std::vector<char> whole = readFile(QCRT_TEST_MODEL);
  ASSERT_GT(whole.size(), 4096u);
  QcrtError error;
  size_t refused = 0, loaded = 0;
  for (size_t bytes = 0; bytes < whole.size();
       bytes += bytes < 1024 ? 16 : 509) {
    // A new name each: the dynamic linker knows files by inode.
    TemporaryFile file("truncated-" + std::to_string(bytes) + ".so");
    file.write(whole.data(), bytes);
    ModelPtr model = loadModel(file.path, error);
    if (!model) {
      EXPECT_TRUE(error.status == QCRT_BAD_ARTIFACT) << bytes << error.message;
      ++refused;
      continue;
    }
    ++loaded;
    SessionPtr session = createSession(model.get(), 0, 1, error);
    ASSERT_NE(session, nullptr);
    Data data(Large, 1);
    data.bind(session.get());
    EXPECT_EQ(qcrtSessionRun(session.get(), &error), QCRT_OK);
    EXPECT_TRUE(data.isCorrect());
  }
  EXPECT_GT(refused, 10u);
  // Section headers and symbols for debuggers lie at the end, and are not
  // mapped.
  EXPECT_GT(loaded, 0u);
}

TEST(Model, ProgramHeadersThatLie) {
  std::vector<char> whole = readFile(QCRT_TEST_MODEL);
  QcrtError error;
  // Bytes of the ELF header and of the program headers behind it, of which some
  // reach the dynamic linker: only those that the check refuses.
  struct Change {
    size_t offset;
    uint64_t value;
    size_t bytes;
  };
  // Linkers differ in what comes before the first loaded segment.
  Elf64_Ehdr header;
  std::memcpy(&header, whole.data(), sizeof(header));
  size_t load = header.e_phoff;
  for (size_t i = 0; i < header.e_phnum; ++i, load += sizeof(Elf64_Phdr)) {
    uint32_t type;
    std::memcpy(&type, whole.data() + load, sizeof(type));
    if (type == PT_LOAD)
      break;
  }
  const Change changes[] = {
      {4, 1, 1},                 // class: 32 bits
      {5, 2, 1},                 // big-endian
      {16, 2, 2},                // type: an executable at a fixed address
      {18, 8, 2},                // machine: MIPS
      {32, UINT64_MAX - 8, 8},   // program headers behind the end
      {54, 32, 2},               // their size
      {56, 0, 2},                // no program headers
      {56, 65535, 2},            // more than fit
      {load + 8, UINT64_MAX, 8}, // first segment's offset
      {load + 32, INT64_MAX, 8}, // first segment's size in the file
      {load + 32, uint64_t(1) << 40, 8},
  };
  int index = 0;
  for (const Change &change : changes) {
    std::vector<char> changed = whole;
    std::memcpy(changed.data() + change.offset, &change.value, change.bytes);
    TemporaryFile file("lies-" + std::to_string(index++) + ".so");
    file.write(changed.data(), changed.size());
    EXPECT_EQ(loadModel(file.path, error), nullptr) << index;
    EXPECT_EQ(error.status, QCRT_BAD_ARTIFACT) << error.message;
  }
}

TEST(Model, DamagedManifestInALibrary) {
  std::vector<char> whole = readFile(QCRT_TEST_MODEL);
  const std::string magic(QC_MANIFEST_MAGIC, QC_MAGIC_BYTES);
  auto position = std::string_view(whole.data(), whole.size()).find(magic);
  ASSERT_NE(position, std::string_view::npos);
  whole[position + 8] = 77; // the format number
  TemporaryFile file("damaged.so");
  file.write(whole.data(), whole.size());
  QcrtError error;
  EXPECT_EQ(loadModel(file.path, error), nullptr);
  EXPECT_EQ(error.status, QCRT_ABI_MISMATCH);
}

TEST(Model, OptionsOfAnotherVersion) {
  QcrtError error;
  QcrtLoadOptions options = {};
  EXPECT_EQ(loadModel(QCRT_TEST_MODEL, error, &options), nullptr);
  EXPECT_EQ(error.status, QCRT_INVALID_ARGUMENT);
  options.size = sizeof options + 8;
  EXPECT_EQ(loadModel(QCRT_TEST_MODEL, error, &options), nullptr);
  EXPECT_EQ(error.status, QCRT_INVALID_ARGUMENT);
}

/// Threads, and whether what is too little for them is divided, too: the small
/// program is.
class SessionThreads
    : public testing::TestWithParam<std::tuple<uint32_t, bool>> {
protected:
  static SessionPtr create(const ModelPtr &model, uint32_t program,
                           QcrtError &error) {
    auto [threads, divide] = GetParam();
    return createSession(model.get(), program, threads, error,
                         /*profile=*/false, divide);
  }
};

TEST_P(SessionThreads, ComputesBothPrograms) {
  QcrtError error;
  ModelPtr model = loadModel(QCRT_TEST_MODEL, error);
  ASSERT_NE(model, nullptr) << error.message;
  for (uint32_t program = 0; program < 2; ++program) {
    SessionPtr session = create(model, program, error);
    ASSERT_NE(session, nullptr) << error.message;
    for (int run = 0; run < 200; ++run) {
      Data data(program ? 10 : Large, run);
      data.bind(session.get());
      ASSERT_EQ(qcrtSessionRun(session.get(), &error), QCRT_OK);
      ASSERT_TRUE(data.isCorrect()) << run;
    }
  }
}

TEST_P(SessionThreads, SessionsRunConcurrently) {
  QcrtError error;
  ModelPtr model = loadModel(QCRT_TEST_MODEL, error);
  ASSERT_NE(model, nullptr) << error.message;
  std::vector<std::thread> users;
  std::atomic<int> correct = 0;
  for (int user = 0; user < 4; ++user)
    users.emplace_back([&, user] {
      QcrtError userError;
      SessionPtr session = create(model, uint32_t(user % 2), userError);
      ASSERT_NE(session, nullptr) << userError.message;
      for (int run = 0; run < 50; ++run) {
        Data data(user % 2 ? 10 : Large, user * 1000 + run);
        data.bind(session.get());
        ASSERT_EQ(qcrtSessionRun(session.get(), &userError), QCRT_OK);
        correct += data.isCorrect();
      }
    });
  for (std::thread &user : users)
    user.join();
  EXPECT_EQ(correct, 200);
}

INSTANTIATE_TEST_SUITE_P(Threads, SessionThreads,
                         testing::Combine(testing::Values(1, 2, 3, 4),
                                          testing::Bool()));

TEST(Session, RefusesMisuse) {
  QcrtError error;
  ModelPtr model = loadModel(QCRT_TEST_MODEL, error);
  ASSERT_NE(model, nullptr) << error.message;
  EXPECT_EQ(createSession(model.get(), 2, 1, error), nullptr);
  EXPECT_EQ(error.status, QCRT_INVALID_ARGUMENT);
  EXPECT_EQ(createSession(model.get(), 0, QCRT_MAX_THREADS + 1, error),
            nullptr);
  EXPECT_EQ(error.status, QCRT_INVALID_ARGUMENT);

  SessionPtr session = createSession(model.get(), 0, 1, error);
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(qcrtSessionRun(session.get(), &error), QCRT_NOT_READY);
  EXPECT_STREQ(error.message, "input 'x' is not set");
  Data data(Large, 3);
  QcrtSession *raw = session.get();
  EXPECT_EQ(qcrtSessionSetInput(raw, 0, data.x.data(), 3999, &error),
            QCRT_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "input 'x': 3999 bytes given, 4000 are needed");
  EXPECT_EQ(qcrtSessionSetInput(raw, 0, nullptr, 4000, &error),
            QCRT_INVALID_ARGUMENT);
  EXPECT_EQ(
      qcrtSessionSetInput(raw, 0, (char *)data.x.data() + 1, 4000, &error),
      QCRT_INVALID_ARGUMENT);
  EXPECT_EQ(qcrtSessionSetInput(raw, 2, data.x.data(), 4000, &error),
            QCRT_INVALID_ARGUMENT);
  EXPECT_EQ(qcrtSessionSetOutput(raw, 2, data.x.data(), 4000, &error),
            QCRT_INVALID_ARGUMENT);
  EXPECT_EQ(
      qcrtSessionSetInput(raw, 0, data.x.data(), data.x.size() * 4, &error),
      QCRT_OK);
  EXPECT_EQ(qcrtSessionRun(raw, &error), QCRT_NOT_READY);
  EXPECT_STREQ(error.message, "input 'scope/b:0' is not set");
  data.bind(raw);
  EXPECT_EQ(qcrtSessionRun(raw, &error), QCRT_OK);
  EXPECT_TRUE(data.isCorrect());

  QcrtLaunchProfile profile;
  EXPECT_EQ(qcrtSessionLaunchProfile(raw, 0, &profile, &error),
            QCRT_INVALID_ARGUMENT);
  // Errors without an error object.
  EXPECT_EQ(qcrtSessionRun(nullptr, nullptr), QCRT_INVALID_ARGUMENT);
  EXPECT_EQ(qcrtSessionSetInput(nullptr, 0, nullptr, 0, nullptr),
            QCRT_INVALID_ARGUMENT);
}

TEST(Session, OutputOfRunTimeSize) {
  MutableArtifact artifact;
  artifact.makeBounded();
  QcrtError error;
  ModelPtr model = artifact.load(error);
  ASSERT_NE(model, nullptr) << error.message;
  QcrtProgramInfo program;
  ASSERT_EQ(qcrtProgramInfo(model.get(), 0, &program, &error), QCRT_OK);
  EXPECT_EQ(program.outputCount, 1u);
  QcrtTensorInfo tensor;
  ASSERT_EQ(qcrtProgramOutput(model.get(), 0, 0, &tensor, &error), QCRT_OK);
  EXPECT_TRUE(tensor.isBounded);
  EXPECT_EQ(tensor.dims[0], 1000);
  EXPECT_EQ(qcrtProgramOutput(model.get(), 0, 1, &tensor, &error),
            QCRT_INVALID_ARGUMENT);

  SessionPtr session = createSession(model.get(), 0, 1, error);
  ASSERT_NE(session, nullptr) << error.message;
  std::vector<float> x(1000), b(1000), y(1000);
  size_t bytes = x.size() * sizeof(float);
  ASSERT_EQ(qcrtSessionSetInput(session.get(), 0, x.data(), bytes, &error),
            QCRT_OK);
  ASSERT_EQ(qcrtSessionSetInput(session.get(), 1, b.data(), bytes, &error),
            QCRT_OK);
  ASSERT_EQ(qcrtSessionSetOutput(session.get(), 0, y.data(), bytes, &error),
            QCRT_OK);
  // The extents are no output of the caller's.
  EXPECT_EQ(qcrtSessionSetOutput(session.get(), 1, y.data(), 8, &error),
            QCRT_INVALID_ARGUMENT);
  int64_t dims[1] = {-1};
  EXPECT_EQ(qcrtSessionOutputDims(session.get(), 0, dims, 1, &error),
            QCRT_NOT_READY);
  ASSERT_EQ(qcrtSessionRun(session.get(), &error), QCRT_OK) << error.message;
  ASSERT_EQ(qcrtSessionOutputDims(session.get(), 0, dims, 1, &error), QCRT_OK);
  EXPECT_EQ(dims[0], 0);
  EXPECT_EQ(qcrtSessionOutputDims(session.get(), 0, dims, 2, &error),
            QCRT_INVALID_ARGUMENT);
  EXPECT_EQ(qcrtSessionOutputDims(session.get(), 1, dims, 1, &error),
            QCRT_INVALID_ARGUMENT);

  // Two words are 0 and 1: an extent of 2^32.
  artifact.reset();
  artifact.makeBounded(2);
  session.reset();
  model = artifact.load(error);
  ASSERT_NE(model, nullptr) << error.message;
  session = createSession(model.get(), 0, 1, error);
  ASSERT_NE(session, nullptr) << error.message;
  ASSERT_EQ(qcrtSessionSetInput(session.get(), 0, x.data(), bytes, &error),
            QCRT_OK);
  ASSERT_EQ(qcrtSessionSetInput(session.get(), 1, b.data(), bytes, &error),
            QCRT_OK);
  ASSERT_EQ(qcrtSessionSetOutput(session.get(), 0, y.data(), bytes, &error),
            QCRT_OK);
  EXPECT_EQ(qcrtSessionRun(session.get(), &error), QCRT_BAD_ARTIFACT);
  EXPECT_STREQ(error.message,
               "output 'y': the code gives dimension 0 an extent "
               "of 4294967296; at most 1000 fit");
  EXPECT_EQ(qcrtSessionOutputDims(session.get(), 0, dims, 1, &error),
            QCRT_NOT_READY);
}

TEST(Session, ProfilesLaunches) {
  QcrtError error;
  ModelPtr model = loadModel(QCRT_TEST_MODEL, error);
  ASSERT_NE(model, nullptr) << error.message;
  SessionPtr session = createSession(model.get(), 0, 2, error, true);
  ASSERT_NE(session, nullptr);
  Data data(Large, 3);
  data.bind(session.get());
  for (int run = 0; run < 5; ++run)
    ASSERT_EQ(qcrtSessionRun(session.get(), &error), QCRT_OK);
  for (uint32_t launch = 0; launch < 3; ++launch) {
    QcrtLaunchProfile profile;
    ASSERT_EQ(qcrtSessionLaunchProfile(session.get(), launch, &profile, &error),
              QCRT_OK);
    EXPECT_EQ(profile.runs, 5u);
    EXPECT_LE(profile.minNanoseconds * 5, profile.totalNanoseconds);
  }
  ASSERT_EQ(qcrtSessionResetProfile(session.get(), &error), QCRT_OK);
  QcrtLaunchProfile profile;
  ASSERT_EQ(qcrtSessionLaunchProfile(session.get(), 0, &profile, &error),
            QCRT_OK);
  EXPECT_EQ(profile.runs, 0u);
  EXPECT_EQ(qcrtSessionLaunchProfile(session.get(), 3, &profile, &error),
            QCRT_INVALID_ARGUMENT);
}

#if defined(__x86_64__)
// A caller that flushes denormals gets the same results on every thread, and
// keeps its mode.
TEST(Session, DenormalsAreKept) {
  QcrtError error;
  ModelPtr model = loadModel(QCRT_TEST_MODEL, error);
  ASSERT_NE(model, nullptr) << error.message;
  for (uint32_t threads : {1u, 4u}) {
    SessionPtr session = createSession(model.get(), 0, threads, error);
    ASSERT_NE(session, nullptr);
    Data data(Large, 0);
    data.x.assign(Large, std::numeric_limits<float>::denorm_min() * 8);
    data.b.assign(Large, 0.0f);
    data.bind(session.get());
    uint32_t previous = _mm_getcsr();
    _mm_setcsr(previous | 0x8040); // flush results, treat operands as zero
    QcrtStatus status = qcrtSessionRun(session.get(), &error);
    uint32_t after = _mm_getcsr();
    _mm_setcsr(previous);
    ASSERT_EQ(status, QCRT_OK);
    EXPECT_EQ(after & 0x8040, 0x8040u);
    EXPECT_TRUE(data.isCorrect());
    EXPECT_GT(data.y[0], 0.0f);
  }
}
#endif

// An arena above 2 MiB takes the path with huge pages.
TEST(Session, LargeArena) {
  MutableArtifact artifact;
  artifact.programs()[0].arenaBytes = (5u << 20) + 123;
  artifact.arguments()[2].offset = artifact.arguments()[3].offset = 5u << 19;
  QcrtError error;
  ModelPtr model = artifact.load(error);
  ASSERT_NE(model, nullptr) << error.message;
  SessionPtr session = createSession(model.get(), 0, 2, error);
  ASSERT_NE(session, nullptr) << error.message;
  Data data(Large, 3);
  data.bind(session.get());
  ASSERT_EQ(qcrtSessionRun(session.get(), &error), QCRT_OK);
  EXPECT_TRUE(data.isCorrect());
}

TEST(Session, ArenaThatDoesNotFit) {
  MutableArtifact artifact;
  artifact.programs()[0].arenaBytes = uint64_t(INT64_MAX) - 4096;
  QcrtError error;
  ModelPtr model = artifact.load(error);
  ASSERT_NE(model, nullptr) << error.message;
  EXPECT_EQ(createSession(model.get(), 0, 1, error), nullptr);
  EXPECT_EQ(error.status, QCRT_OUT_OF_MEMORY);
}

// Prepared memory above 2 MiB is mapped. It begins as zeros.
TEST(Model, LargePreparedMemory) {
  MutableArtifact artifact;
  artifact.header().preparedBytes = (5u << 20) + 48;
  artifact.arguments()[8].offset = artifact.arguments()[14].offset = 5u << 20;
  QcrtError error;
  ModelPtr model = artifact.load(error);
  ASSERT_NE(model, nullptr) << error.message;
  auto run = [&]() -> float {
    SessionPtr session = createSession(model.get(), 1, 1, error);
    Data data(10, 3);
    data.bind(session.get());
    EXPECT_EQ(qcrtSessionRun(session.get(), &error), QCRT_OK);
    return data.isCorrect() ? 1 : data.y[0] - data.b[0];
  };
  EXPECT_EQ(run(), 1);
  for (uint64_t offset : {uint64_t(0), uint64_t(5u << 20) - 16}) {
    artifact.arguments()[8].offset = offset;
    model = artifact.load(error);
    ASSERT_NE(model, nullptr) << error.message;
    EXPECT_EQ(run(), 0);
  }
}

TEST(Model, PreparedMemoryThatDoesNotFit) {
  MutableArtifact artifact;
  artifact.header().preparedBytes = uint64_t(INT64_MAX) - 4096;
  QcrtError error;
  EXPECT_EQ(artifact.load(error), nullptr);
  EXPECT_EQ(error.status, QCRT_OUT_OF_MEMORY);
  EXPECT_NE(std::string(error.message).find("test: preparation: no memory"),
            std::string::npos)
      << error.message;
}

TEST(Elements, SizesAndNames) {
  for (uint32_t type = 0; type < 64; ++type)
    EXPECT_EQ(qcrtElementBits(type) != 0, qcrtElementName(type) != nullptr)
        << type;
  EXPECT_EQ(qcrtElementBits(QC_TYPE_INT4), 4u);
  EXPECT_EQ(qcrtElementBits(QC_TYPE_BOOL), 8u);
  EXPECT_EQ(qcrtElementBits(QC_TYPE_BFLOAT16), 16u);
  EXPECT_EQ(qcrtElementBits(QC_TYPE_DOUBLE), 64u);
  EXPECT_STREQ(qcrtElementName(QC_TYPE_FLOAT8E5M2FNUZ), "float8e5m2fnuz");
  EXPECT_STREQ(qcrtElementName(QC_TYPE_INT4), "int4");
  EXPECT_STREQ(qcrtElementName(QC_TYPE_FLOAT8E8M0), "float8e8m0");
  EXPECT_EQ(qcrtElementBits(QC_TYPE_INT2), 2u);
  EXPECT_STREQ(qcrtElementName(QC_TYPE_INT2), "int2");
}

TEST(Cuda, SaysWhatIsMissing) {
  QcrtDevice *device = nullptr;
  QcrtError error;
  if (qcrtCudaDeviceCreate(0, &device, &error) == QCRT_OK) {
    EXPECT_NE(device, nullptr);
    qcrtDeviceFree(device);
    GTEST_SKIP() << "this machine has a GPU";
  }
  EXPECT_EQ(device, nullptr);
  EXPECT_EQ(error.status, QCRT_DEVICE_ERROR);
  EXPECT_EQ(std::string(error.message).rfind("cuda: ", 0), 0u);
}

} // namespace
