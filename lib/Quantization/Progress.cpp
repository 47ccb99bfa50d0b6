// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Progress of long work.

#include "Progress.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace qc;

void Progress::advance(size_t done) {
  auto now = std::chrono::steady_clock::now();
  // A terminal is no faster.
  if (!enabled ||
      (done < total && now - shown < std::chrono::milliseconds(200)))
    return;
  shown = now;
  double seconds = std::chrono::duration<double>(now - start).count();
  double left = done ? seconds / done * (total - std::min(done, total)) : 0;
  llvm::errs() << "\r" << what << ": " << done << " of " << total
               << llvm::format(", %.0f s, %.0f s left   ", seconds, left);
}

Progress::~Progress() {
  if (enabled)
    llvm::errs() << "\n";
}
