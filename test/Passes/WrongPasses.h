// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that compute something else than what stood there before, one per
// level: what --qc-verify-numerics must find.
#ifndef QC_TEST_PASSES_WRONGPASSES_H
#define QC_TEST_PASSES_WRONGPASSES_H

namespace qc {

void registerWrongPasses();

} // namespace qc

#endif // QC_TEST_PASSES_WRONGPASSES_H
