// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Faults of guarded runs as messages.
#ifndef QC_TOOLS_QC_RUN_FAULTREPORT_H
#define QC_TOOLS_QC_RUN_FAULTREPORT_H

#include "Artifact.h"

namespace qcrun {

/// Runs `session`. If a launch accesses memory that is not its own, the process
/// ends with exit status 2 and a message that names the launch.
QcrtStatus runReportingFaults(const Artifact &artifact, uint32_t program,
                              QcrtSession *session, QcrtError *error);

} // namespace qcrun

#endif // QC_TOOLS_QC_RUN_FAULTREPORT_H
