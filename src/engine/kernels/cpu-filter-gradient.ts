import type { KernelConfig } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';

/** What the gradient of a convolution's filters is called with. */
interface Attributes {
  readonly strides: [number, number] | number;
  readonly pad: 'valid' | 'same' | number;
  readonly dataFormat: 'NHWC' | 'NCHW';
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  readonly filterShape: [number, number, number, number];
}

/** tfjs's backend in plain JavaScript, as far as it is used here. */
interface CpuBackend {
  readonly data: { get(id: object): { readonly values: Float32Array } };
  makeTensorInfo(shape: number[], dtype: 'float32', values: Float32Array): tf.TensorInfo;
}

/**
 * The gradient of a convolution's filters on tfjs's backend in plain JavaScript: its own kernel looks up each number by its four
 * coordinates, and takes most of an eager step's time. This one adds the same products in the same order, to the same bits.
 */
const filterGradient: KernelConfig = {
  kernelName: tf.Conv2DBackpropFilter,
  backendName: 'cpu',
  kernelFunc: ({ inputs, backend, attrs }) => {
    const { x, dy } = inputs as { x: tf.TensorInfo; dy: tf.TensorInfo };
    const { strides, pad, dataFormat, dimRoundingMode, filterShape } = attrs as unknown as Attributes;
    const info = tf.backend_util.computeConv2DInfo(
      x.shape as [number, number, number, number],
      filterShape,
      strides,
      1,
      pad,
      dimRoundingMode,
      false,
      tf.backend_util.convertConv2DDataFormat(dataFormat),
    );
    const cpu = backend as CpuBackend;
    const [from, to] = [x, dy].map(({ dataId }) => cpu.data.get(dataId as object).values);
    const values = gradientOf(from, to, info);
    return cpu.makeTensorInfo(info.filterShape as number[], 'float32', values);
  },
};

function gradientOf(
  x: Float32Array,
  dy: Float32Array,
  info: ReturnType<typeof tf.backend_util.computeConv2DInfo>,
): Float32Array {
  const { filterHeight, filterWidth, inChannels, outChannels, strideHeight, strideWidth, padInfo } = info;
  const last = info.dataFormat === 'channelsLast';
  const stepsOf = (height: number, width: number, channels: number) =>
    last
      ? { batch: height * width * channels, row: width * channels, column: channels, channel: 1 }
      : { batch: channels * height * width, row: width, column: 1, channel: height * width };
  const xSteps = stepsOf(info.inHeight, info.inWidth, inChannels);
  const dySteps = stepsOf(info.outHeight, info.outWidth, outChannels);
  const gradient = new Float32Array(filterHeight * filterWidth * inChannels * outChannels);
  // Sums in float64, as numbers of JavaScript have it.
  const sums = new Float64Array(inChannels * outChannels);
  for (let fy = 0; fy < filterHeight; fy++) {
    const firstRow = Math.max(0, Math.ceil((padInfo.top - fy) / strideHeight));
    const endRow = Math.min(info.outHeight, (info.inHeight + padInfo.top - fy) / strideHeight);
    for (let fx = 0; fx < filterWidth; fx++) {
      const firstColumn = Math.max(0, Math.ceil((padInfo.left - fx) / strideWidth));
      const endColumn = Math.min(info.outWidth, (info.inWidth + padInfo.left - fx) / strideWidth);
      sums.fill(0);
      for (let b = 0; b < info.batchSize; b++)
        for (let row = firstRow; row < endRow; row++)
          for (let column = firstColumn; column < endColumn; column++) {
            const xRow = fy + row * strideHeight - padInfo.top;
            const xColumn = fx + column * strideWidth - padInfo.left;
            const xAt = b * xSteps.batch + xRow * xSteps.row + xColumn * xSteps.column;
            const dyAt = b * dySteps.batch + row * dySteps.row + column * dySteps.column;
            for (let i = 0, at = 0; i < inChannels; i++) {
              const value = x[xAt + i * xSteps.channel];
              for (let o = 0; o < outChannels; o++) sums[at++] += value * dy[dyAt + o * dySteps.channel];
            }
          }
      gradient.set(sums, (fy * filterWidth + fx) * sums.length);
    }
  }
  return gradient;
}

tf.unregisterKernel(tf.Conv2DBackpropFilter, 'cpu');
tf.registerKernel(filterGradient);
