// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ctrl-C while a pass works: it stops at the next step and writes what it has.
#ifndef QC_LIB_QUANTIZATION_INTERRUPT_H
#define QC_LIB_QUANTIZATION_INTERRUPT_H

namespace qc {

/// While one lives, an interrupt sets a flag and ends nothing. One at a time.
class InterruptScope {
public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope &) = delete;
  InterruptScope &operator=(const InterruptScope &) = delete;

  bool isInterrupted() const;
};

} // namespace qc

#endif // QC_LIB_QUANTIZATION_INTERRUPT_H
