/** The tfjs kernels that cannot be captured, by what stands against it. */
const reasons: ReadonlyArray<readonly [reason: string, kernelNames: string]> = [
  ['ONNX Runtime has no complex numbers', 'Complex ComplexAbs FFT IFFT Imag Real'],
  ['texts have no place in a step', 'StaticRegexReplace StringNGrams StringSplit StringToHashBucketFast'],
  [
    'the shape of its result depends on values; work it out while the batch is made',
    'BroadcastArgs NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 RaggedGather RaggedRange ' +
      'RaggedTensorToTensor SparseFillEmptyRows SparseReshape SparseSegmentMean SparseSegmentSum SparseToDense Unique',
  ],
  ['random numbers are inputs of a step', 'Multinomial'],
  [
    'images are augmented while the batch is made',
    'CropAndResize Draw FlipLeftRight RotateWithOffset Transform',
  ],
  [
    'write the operation and its activation one after the other',
    'FusedConv2D FusedDepthwiseConv2D _FusedMatMul',
  ],
  [
    'there are no three-dimensional convolutions here',
    'AvgPool3D AvgPool3DGrad Conv3D Conv3DBackpropFilterV2 Conv3DBackpropInputV2 MaxPool3D MaxPool3DGrad',
  ],
  [
    'write it with other operations',
    'Atan2 BatchToSpaceND Bincount BitwiseAnd Cumprod DenseBincount DepthToSpace Diag Dilation2D ' +
      'Dilation2DBackpropFilter Dilation2DBackpropInput Einsum FusedBatchNorm LRN LRNGrad LinSpace MaxPoolWithArgmax ' +
      'SearchSorted SpaceToBatchND TensorScatterUpdate',
  ],
];

/** Every kernel of tfjs's cpu backend that is not mapped to ONNX, and why, or what to do instead. */
export const unmapped: { readonly [kernelName: string]: string } = Object.fromEntries(
  reasons.flatMap(([reason, names]) => names.split(' ').map((name) => [name, reason])),
);
