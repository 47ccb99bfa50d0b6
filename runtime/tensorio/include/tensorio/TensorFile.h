// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors in files: numpy's npy and npz, and ONNX's TensorProto (.pb, as the
// ONNX test data has it). Readers take hostile input: sizes are checked against
// the file before memory is allocated, and what is not accepted is a failure
// that names the file.
//
//   npy   versions 1 to 3, little- and big-endian, C and Fortran order; bool,
//         integers, float16, float32, float64, and opaque items of 1 or 2 bytes
//   npz   zip archives of npy files, stored or deflated, with and without zip64
//   pb    TensorProto with raw or typed data; no segments, no external data
#ifndef TENSORIO_TENSORFILE_H
#define TENSORIO_TENSORFILE_H

#include "tensorio/Tensor.h"

#include <span>
#include <string_view>

namespace qcrt {

/// The content of a regular file.
Result<Bytes> readWholeFile(const std::string &path);
/// Replaces the file by `pieces`, one behind the other.
Status writeWholeFile(const std::string &path,
                      const std::vector<std::span<const uint8_t>> &pieces);

/// Reads a tensor by the file's extension, .npy or .pb.
Result<Tensor> readTensorFile(const std::string &path);

/// `name` stands for the file in messages. The content is consumed: its memory
/// becomes the tensor's.
Result<Tensor> parseNpy(Bytes content, const std::string &name);
Result<Tensor> parseTensorProto(std::span<const uint8_t> content,
                                const std::string &name);
/// Tensors named as the archive's members, without ".npy".
Result<std::vector<Tensor>> parseNpz(std::span<const uint8_t> content,
                                     const std::string &name);
Result<std::vector<Tensor>> readNpzFile(const std::string &path);

/// The type must be one that numpy has.
Status writeNpy(const std::string &path, const Tensor &tensor);
Status writeTensorProto(const std::string &path, const Tensor &tensor);
/// Stored, not deflated; types that numpy lacks as convertForNumpy turns them.
Status writeNpz(const std::string &path, const std::vector<Tensor> &tensors);

} // namespace qcrt

#endif // TENSORIO_TENSORFILE_H
