import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/engine/compile.ts';
import type { Device } from '../../src/engine/device.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { float32 } from '../../src/engine/host-tensor.ts';
import { InputError } from '../../src/engine/input-error.ts';

const batch = { x: float32([1, 2], [2]) };

const open = (device: Device, eagerBackend?: string) =>
  compile((_, { x }) => [{}, { y: tf.mul(x as tf.Tensor, 2) }], { state: {}, batch, device, eagerBackend });

describe('devices', () => {
  it.each([
    ['cuda', 'an NVIDIA GPU with CUDA 12 and cuDNN 9'],
    ['webgpu', 'a GPU with a Vulkan, Metal or Direct3D 12 driver'],
  ] as const)('%s runs a step, or says what was looked for', async (device, lookedFor) => {
    const outcome = await open(device).catch((error: unknown) => error);
    if (outcome instanceof Error) {
      expect(outcome).toBeInstanceOf(InputError);
      expect(outcome.message).toContain(`device '${device}': expected ${lookedFor}`);
      expect(outcome.message).toContain('found none (');
    } else {
      const { outputs } = await (outcome as Awaited<ReturnType<typeof open>>).run({}, batch);
      expect([...(outputs.y as HostTensor).data]).toEqual([2, 4]);
    }
  });

  it('that do not exist are refused', async () => {
    await expect(open('tpu' as Device)).rejects.toThrow(
      'device: expected cpu, webgpu, cuda, eager, found tpu',
    );
    await expect(open('eager', 'abacus')).rejects.toThrow(
      "expected a tfjs backend 'abacus', imported beforehand, found only",
    );
  });

  it('run with as many threads as they are told', async () => {
    const compiled = await compile((_, { x }) => [{}, { y: tf.neg(x as tf.Tensor) }], {
      state: {},
      batch,
      threads: 1,
    });
    expect([...((await compiled.run({}, batch)).outputs.y as HostTensor).data]).toEqual([-1, -2]);
  });
});
