// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A signal handler that says which launch faulted. What it needs stands in
// variables of this file, as a handler has no argument of its own; messages are
// made with snprintf, which allocates nothing for these formats.
#include "FaultReport.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <unistd.h>

namespace qcrun {

namespace {

const QcrtSession *volatile runningSession = nullptr;
const QcrtModel *volatile runningModel = nullptr;
volatile uint32_t runningProgram = 0;

void handleFault(int signal, siginfo_t *info, void *) {
  QcrtFault fault;
  if (qcrtSessionExplainFault(runningSession, info->si_addr, &fault)) {
    // Not an argument: the usual end, at the instruction that did it.
    std::signal(signal, SIG_DFL);
    return;
  }
  QcrtLaunchInfo launch = {};
  if (fault.isPreparation)
    qcrtPreparationLaunch(runningModel, fault.launch, &launch, nullptr);
  else
    qcrtProgramLaunch(runningModel, runningProgram, fault.launch, &launch,
                      nullptr);
  bool isInside = fault.offset >= 0 && uint64_t(fault.offset) < fault.bytes;
  char text[2048];
  int length = std::snprintf(
      text, sizeof text,
      "qc-run: error: %s %u '%s' (%s: %s) %s byte %lld of its argument %u, "
      "which has %llu bytes%s\n",
      fault.isPreparation ? "preparing launch" : "launch", fault.launch,
      launch.name, launch.kernel, launch.shape,
      isInside ? "writes" : "accesses", (long long)fault.offset, fault.argument,
      (unsigned long long)fault.bytes, isInside ? " and is only read" : "");
  size_t size = std::min(size_t(length), sizeof text - 1);
  if (write(STDERR_FILENO, text, size) < 0)
    _exit(3);
  _exit(2);
}

} // namespace

QcrtStatus runReportingFaults(const Artifact &artifact, uint32_t program,
                              QcrtSession *session, QcrtError *error) {
  struct sigaction action = {}, segmentation = {}, bus = {};
  action.sa_sigaction = handleFault;
  action.sa_flags = SA_SIGINFO;
  runningSession = session;
  runningModel = artifact.get();
  runningProgram = program;
  sigaction(SIGSEGV, &action, &segmentation);
  sigaction(SIGBUS, &action, &bus);
  QcrtStatus status = qcrtSessionRun(session, error);
  sigaction(SIGSEGV, &segmentation, nullptr);
  sigaction(SIGBUS, &bus, nullptr);
  return status;
}

} // namespace qcrun
