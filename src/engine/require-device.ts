import * as tf from '@tensorflow/tfjs-core';
import { compile } from './compile.ts';
import type { Device } from './device.ts';
import { scalar } from './host-tensor.ts';

/** Runs the smallest of steps on a device. Throws an InputError that says what was looked for where it is not there. */
export async function requireDevice(device: Device): Promise<void> {
  const batch = { x: scalar(1) };
  const step = await compile((_, { x }) => [{}, { y: tf.neg(x as tf.Tensor) }], { state: {}, batch, device });
  await step.run({}, batch);
  await step.dispose();
}
