// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The PTX simulator as a device of libqcrt.
#ifndef QC_TOOLS_QC_RUN_PTXSIMDEVICE_H
#define QC_TOOLS_QC_RUN_PTXSIMDEVICE_H

#include "qcrt/device.h"

#include <cstdint>

namespace qcrun {

/// A device that executes PTX with `hostThreads` threads. Free it with
/// qcrtDeviceFree.
QcrtDevice *createPtxSimDevice(uint32_t hostThreads);

} // namespace qcrun

#endif // QC_TOOLS_QC_RUN_PTXSIMDEVICE_H
