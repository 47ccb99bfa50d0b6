// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// libqcrt for qc-run: handles that free themselves, tensors instead of
// pointers.
#ifndef QC_TOOLS_QC_RUN_ARTIFACT_H
#define QC_TOOLS_QC_RUN_ARTIFACT_H

#include "Options.h"

#include "qcrt/device.h"
#include "qcrt/qcrt.h"
#include "tensorio/Tensor.h"

#include <map>
#include <memory>
#include <string_view>

namespace qcrun {

/// A loaded artefact and the device that it runs on.
class Artifact {
public:
  static qcrt::Result<Artifact> load(const Options &options);

  const QcrtModel *get() const { return model.get(); }
  QcrtModelInfo info() const;
  QcrtProgramInfo program(uint32_t index) const;
  std::vector<QcrtTensorInfo> inputs(uint32_t program) const;
  std::vector<QcrtTensorInfo> outputs(uint32_t program) const;
  std::vector<QcrtLaunchInfo> launches(uint32_t program) const;

  /// The program called `name`, or without a name the first that takes all of
  /// the tensors. A tensor that is no program's input is a failure that lists
  /// the inputs.
  qcrt::Result<uint32_t>
  selectProgram(const std::string &name,
                const std::vector<qcrt::Tensor> &tensors) const;

  /// Splits "NAME=FILE" where NAME is one of `names`; a name may contain '='.
  static qcrt::Result<std::pair<std::string, std::string>>
  splitAssignment(const std::string &text,
                  const std::vector<std::string> &names, const char *option);

  /// Names of the inputs, or of the outputs, of all programs.
  std::vector<std::string> inputNames() const;
  std::vector<std::string> outputNames() const;

private:
  struct DeviceDeleter {
    void operator()(QcrtDevice *device) const { qcrtDeviceFree(device); }
  };
  struct ModelDeleter {
    void operator()(QcrtModel *model) const { qcrtModelFree(model); }
  };
  // Declared in this order: the model is freed before its device.
  std::unique_ptr<QcrtDevice, DeviceDeleter> device;
  std::unique_ptr<QcrtModel, ModelDeleter> model;
};

/// Latencies of runs, in milliseconds.
class Latency {
public:
  void add(double milliseconds) { values.push_back(milliseconds); }
  size_t runs() const { return values.size(); }
  double minimum() const;
  double median() const; ///< of an even number of runs the mean of the two
  double percentile90() const; ///< nearest rank

private:
  std::vector<double> sorted() const;
  std::vector<double> values;
};

/// A session with memory for its inputs and outputs.
class Session {
public:
  static qcrt::Result<Session> create(const Artifact &artifact,
                                      uint32_t program, const Options &options);

  /// Takes the tensors as inputs, matched by name. With `randomSeed`, inputs
  /// without a tensor get random numbers, otherwise they are a failure.
  qcrt::Status setInputs(std::vector<qcrt::Tensor> tensors,
                         const uint64_t *randomSeed);

  /// Runs `warmup` times, then `repeat` times, and measures those.
  qcrt::Status run(uint32_t warmup, uint32_t repeat, Latency &latency);

  const std::vector<qcrt::Tensor> &outputs() const { return outputTensors; }
  uint32_t program() const { return programIndex; }
  /// One for each launch; with Options::profile.
  std::vector<QcrtLaunchProfile> profile() const;

private:
  /// Takes what the last run gave of outputs whose size varies.
  qcrt::Status cutOutputs();

  struct SessionDeleter {
    void operator()(QcrtSession *session) const { qcrtSessionFree(session); }
  };
  const Artifact *artifact = nullptr;
  uint32_t programIndex = 0;
  bool isProfiled = false;
  std::vector<qcrt::Tensor> inputTensors, outputTensors;
  /// Where outputs whose size varies are written, by output; others are written
  /// to their tensors.
  std::map<uint32_t, qcrt::Bytes> largestOutputs;
  std::unique_ptr<QcrtSession, SessionDeleter> session;
};

} // namespace qcrun

#endif // QC_TOOLS_QC_RUN_ARTIFACT_H
