import { DeviceSession, runtime } from '../device.ts';
import { Graph } from '../graph.ts';
import { encodeModel } from '../onnx-model.ts';

let found: Promise<number | undefined> | undefined;

/**
 * The number of channels that ONNX Runtime's blocked convolutions on this processor take as one: 16 with AVX-512, 8 with
 * AVX2. Undefined where it has none: its operations on blocks are its own affair, so they are tried out, once a process.
 */
export function blockSize(): Promise<number | undefined> {
  found ??= probe().catch(() => undefined);
  return found;
}

async function probe(): Promise<number | undefined> {
  const graph = new Graph();
  const channels = 4;
  const x = graph.input('x', 'float32', [1, channels, 1, 1]);
  // The result has as many channels as fill a block.
  const blocked = graph.node('ReorderInput', [x], {
    domain: 'com.microsoft.nchwc',
    type: 'float32',
    shape: x.shape,
  });
  const shape = graph.node('Shape', [blocked], { type: 'int64', shape: [4] });
  const model = encodeModel(graph, [{ name: 'shape', value: shape }]);
  const session = await DeviceSession.open(model, { device: 'cpu', threads: 1 });
  const { Tensor } = runtime();
  const results = await session.run({ x: new Tensor('float32', new Float32Array(channels), [...x.shape]) });
  await session.release();
  const size = Number((results.shape.data as BigInt64Array)[1]);
  return size === 8 || size === 16 ? size : undefined;
}
