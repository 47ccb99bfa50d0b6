// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What qc-run prints: text for people, or one JSON object.
#ifndef QC_TOOLS_QC_RUN_REPORT_H
#define QC_TOOLS_QC_RUN_REPORT_H

#include "Artifact.h"

#include <map>
#include <string>

namespace qcrun {

/// What is known of an output after the runs.
struct OutputReport {
  const qcrt::Tensor *tensor = nullptr;
  std::string file; ///< that it was written to, or empty
  bool isCompared = false;
  qcrt::Comparison comparison;
};

/// What is known of a run, or of those of a data set.
struct RunReport {
  const Session *session = nullptr; ///< null for a data set
  Latency latency;
  std::vector<OutputReport> outputs;
  size_t dataSetRuns = 0;
};

/// Describes the artefact: programs, tensors, memory, launches.
std::string reportInfo(const Artifact &artifact, const Options &options);

/// Describes the runs.
std::string reportRuns(const Artifact &artifact, const Options &options,
                       const RunReport &report);

} // namespace qcrun

#endif // QC_TOOLS_QC_RUN_REPORT_H
