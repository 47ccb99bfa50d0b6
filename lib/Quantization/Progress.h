// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A line on stderr that says how far long work is and how long it will take.
#ifndef QC_LIB_QUANTIZATION_PROGRESS_H
#define QC_LIB_QUANTIZATION_PROGRESS_H

#include "llvm/ADT/StringRef.h"

#include <chrono>
#include <string>

namespace qc {

class Progress {
public:
  /// Shows nothing unless `enabled`.
  Progress(llvm::StringRef what, size_t total, bool enabled)
      : what(what), total(total), enabled(enabled),
        start(std::chrono::steady_clock::now()) {}
  ~Progress();
  /// `done` of `total` steps are done.
  void advance(size_t done);

private:
  std::string what;
  size_t total;
  bool enabled;
  std::chrono::steady_clock::time_point start, shown;
};

} // namespace qc

#endif // QC_LIB_QUANTIZATION_PROGRESS_H
