// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The command line of qc-run.
#ifndef QC_TOOLS_QC_RUN_OPTIONS_H
#define QC_TOOLS_QC_RUN_OPTIONS_H

#include "tensorio/Tensor.h"

#include <cstdint>
#include <string>
#include <vector>

namespace qcrun {

enum class DeviceKind { Cpu, PtxSim, Cuda };

struct Options {
  std::string artifact;
  std::vector<std::string> inputs;  ///< "NAME=FILE"
  std::vector<std::string> expects; ///< "NAME=FILE"
  std::string outputFolder;         ///< of single files
  std::string inputsFolder;         ///< of npz files, one for each run
  std::string outputsFolder;        ///< of npz files
  std::string program;
  std::string cpuForm;
  qcrt::Tolerance tolerance;
  DeviceKind device = DeviceKind::Cpu;
  uint32_t repeat = 1;
  uint32_t warmup = 0;
  uint32_t threads = 1;
  uint64_t randomSeed = 0;
  bool hasRandomSeed = false;
  bool profile = false;
  bool guard = false;
  bool divide = false;
  bool json = false;
  bool info = false;
  bool help = false;
};

/// The help text.
extern const char *const helpText;

/// Reads the command line; the failure names the argument.
qcrt::Result<Options> parseOptions(int argc, const char *const *argv);

} // namespace qcrun

#endif // QC_TOOLS_QC_RUN_OPTIONS_H
