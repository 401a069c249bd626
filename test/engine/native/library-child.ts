import { setTimeout as sleep } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs-core';
import { compile } from '../../../src/engine/compile.ts';
import { scalar } from '../../../src/engine/host-tensor.ts';
import { ortApi } from '../../../src/engine/native/ort-api.ts';

// A process that has nothing but koffi's copy of ONNX Runtime, and collects what nothing refers to before it opens a step.
ortApi();
for (let i = 0; i < 3; i++) {
  (globalThis as { gc?: () => void }).gc!();
  await sleep(10);
}
const [state, batch] = [{ sum: scalar(1) }, { x: scalar(2) }];
const step = await compile((before, { x }) => [{ sum: tf.add(before.sum, x) }, {}], {
  ...{ state, batch, blocked: false, runner: 'native' as const },
});
const result = await step.run(state, batch);
process.stdout.write(`${(await result.state.read()).sum.data[0]}\n`);
