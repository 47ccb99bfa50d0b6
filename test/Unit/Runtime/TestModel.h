// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the runtime's tests share: the test model, handles that free themselves,
// and a loader that lets a test change the manifest first.
#ifndef QCRT_TEST_UNIT_RUNTIME_TESTMODEL_H
#define QCRT_TEST_UNIT_RUNTIME_TESTMODEL_H

#include "qcrt/qcrt.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

extern "C" const QcArtifact qc_artifact;

struct ModelDeleter {
  void operator()(QcrtModel *model) const { qcrtModelFree(model); }
};
struct SessionDeleter {
  void operator()(QcrtSession *session) const { qcrtSessionFree(session); }
};
using ModelPtr = std::unique_ptr<QcrtModel, ModelDeleter>;
using SessionPtr = std::unique_ptr<QcrtSession, SessionDeleter>;

inline ModelPtr loadModel(const std::string &path, QcrtError &error,
                          const QcrtLoadOptions *options = nullptr) {
  QcrtModel *model = nullptr;
  error = {};
  if (qcrtModelLoad(path.c_str(), options, &model, &error))
    return nullptr;
  return ModelPtr(model);
}

inline SessionPtr createSession(const QcrtModel *model, uint32_t program,
                                uint32_t threads, QcrtError &error,
                                bool profile = false, bool divide = false) {
  QcrtSessionOptions options = {};
  options.size = sizeof options;
  options.threads = threads;
  options.profile = profile;
  options.divide = divide;
  QcrtSession *session = nullptr;
  error = {};
  if (qcrtSessionCreate(model, program, &options, &session, &error))
    return nullptr;
  return SessionPtr(session);
}

/// A copy of the test model's artefact with a manifest that may be changed.
/// Memory of exactly the manifest's size, so that a sanitizer sees every access
/// behind it.
class MutableArtifact {
public:
  MutableArtifact() { reset(); }

  void reset() {
    artifact = qc_artifact;
    resize(qc_artifact.manifestBytes);
    std::memcpy(bytes.get(), qc_artifact.manifest, qc_artifact.manifestBytes);
  }

  void resize(size_t size) {
    bytes.reset(new uint8_t[size]);
    artifact.manifest = bytes.get();
    artifact.manifestBytes = size;
  }

  QcManifestHeader &header() {
    return *reinterpret_cast<QcManifestHeader *>(bytes.get());
  }
  template <typename Record> Record *records(const QcManifestArray &array) {
    return reinterpret_cast<Record *>(bytes.get() + array.offset);
  }
  QcManifestKernel *kernels() {
    return records<QcManifestKernel>(header().kernels);
  }
  QcManifestParameter *parameters() {
    return records<QcManifestParameter>(header().parameters);
  }
  QcManifestProgram *programs() {
    return records<QcManifestProgram>(header().programs);
  }
  QcManifestTensor *tensors() {
    return records<QcManifestTensor>(header().tensors);
  }
  int64_t *dims() { return records<int64_t>(header().dims); }
  QcManifestLaunch *launches() {
    return records<QcManifestLaunch>(header().launches);
  }
  QcManifestArgument *arguments() {
    return records<QcManifestArgument>(header().arguments);
  }

  /// Makes y of program "main" an output of run-time size: "numbers" receives
  /// its extent, of which the kernel writes `words` words of 32 bits.
  void makeBounded(uint64_t words = 1) {
    tensors()[3].type = QC_TYPE_INT64;
    tensors()[3].bytes = parameters()[6].bytes = arguments()[6].bytes = 8;
    dims()[1] = 1;
    kernels()[2].extent = launches()[2].extent = words;
    programs()[0].extentsCount = 1;
    tensors()[2].extents = 2;
  }

  ModelPtr load(QcrtError &error, const QcrtLoadOptions *options = nullptr) {
    QcrtModel *model = nullptr;
    error = {};
    if (qcrtModelFromArtifact(&artifact, "test", options, &model, &error))
      return nullptr;
    return ModelPtr(model);
  }

  QcArtifact artifact;
  std::unique_ptr<uint8_t[]> bytes;
};

#endif // QCRT_TEST_UNIT_RUNTIME_TESTMODEL_H
