# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Sourced by every script: the one place that says where things are. All
# variables may be preset in the environment.
#
#   QC_ROOT      the source tree
#   QC_DEPS      what scripts/setup makes, shared by all clones of this user;
#                every entry is keyed by a hash of its recipe, so that two
#                branches with different needs do not disturb each other
#   QC_VENV      the Python environment        QC_PYTHON  its interpreter
#   QC_PEERS     the optional second one (nncf, openvino, iree)
#   QC_ONNX      install prefix of the ONNX C++ library
#   QC_LLVM      prefix of LLVM/MLIR 22
#   QC_BUILD     the build directory
#   QC_DATA      real models and labelled data; empty when there are none
#   QC_JOBS      how many processes may run at once

QC_ROOT=${QC_ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
QC_DEPS=${QC_DEPS:-${XDG_CACHE_HOME:-$HOME/.cache}/qc}

# Twelve digits of the hash of some files and words.
qc_hash_files() { cat "$@" | sha256sum | cut -c1-12; }

QC_SYSTEM_PYTHON=/usr/bin/python3
[ -x "$QC_SYSTEM_PYTHON" ] || QC_SYSTEM_PYTHON=$(command -v python3 || true)

QC_ONNX_VERSION=$(sed -n 's/^onnx==\([0-9.]*\).*/\1/p' "$QC_ROOT/scripts/requirements.txt")
QC_VENV=${QC_VENV:-$QC_DEPS/venv-$(qc_hash_files "$QC_ROOT/scripts/requirements.txt" "$QC_ROOT/scripts/requirements-nodeps.txt")}
QC_PEERS=${QC_PEERS:-$QC_DEPS/peers-$(qc_hash_files "$QC_ROOT/scripts/requirements-peers.txt")}
QC_ONNX=${QC_ONNX:-$QC_DEPS/onnx-$QC_ONNX_VERSION-$(qc_hash_files "$QC_ROOT/scripts/build-onnx")}
QC_PYTHON=${QC_PYTHON:-$QC_VENV/bin/python}
QC_LLVM=${QC_LLVM:-/usr/lib/llvm-22}
QC_BUILD=${QC_BUILD:-$QC_ROOT/build}
QC_JOBS=${QC_JOBS:-$(nproc)}
if [ -z "${QC_DATA:-}" ] && [ -d "$QC_ROOT/../shared/data" ]; then
  QC_DATA=$(cd "$QC_ROOT/../shared/data" && pwd)
fi
QC_DATA=${QC_DATA:-}
export QC_ROOT QC_DEPS QC_VENV QC_PEERS QC_ONNX QC_PYTHON QC_LLVM QC_BUILD QC_DATA QC_JOBS

qc_say() { printf '%s\n' "$*"; }
qc_die() { printf '%s: error: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# Runs and counts pytest's tests of these files, several at once; a later `-n 0`
# has them one after the other.
qc_pytest() {
  "$QC_ROOT/scripts/stages/count" pytest "$QC_PYTHON" -m pytest -q -p no:cacheprovider \
    -n "$QC_JOBS" --dist worksteal "$@"
}
