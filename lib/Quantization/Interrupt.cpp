// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ctrl-C while a pass works.

#include "Interrupt.h"

#include "llvm/Support/Signals.h"

#include <atomic>

static std::atomic<bool> interrupted = false;

qc::InterruptScope::InterruptScope() {
  interrupted = false;
  llvm::sys::SetInterruptFunction([] { interrupted = true; });
}

qc::InterruptScope::~InterruptScope() {
  llvm::sys::SetInterruptFunction(nullptr);
}

bool qc::InterruptScope::isInterrupted() const { return interrupted; }
