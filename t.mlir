func.func @f(%x: tensor<1x256x28x28xui8>) -> tensor<1x256x28x28xsi32> {
  %w = qc.constant dense<7> : tensor<256x256x3x3xsi4> : tensor<256x256x3x3xsi4>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x256x28x28xui8>, tensor<256x256x3x3xsi4>) -> tensor<1x256x28x28xsi32>
  return %0 : tensor<1x256x28x28xsi32>
}
