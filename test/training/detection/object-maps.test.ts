import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { float32, type HostTensor } from '../../../src/engine/host-tensor.ts';
import { InputError } from '../../../src/engine/input-error.ts';
import {
  type ObjectMaps,
  readObjectMaps,
  writeObjectMaps,
} from '../../../src/training/detection/object-maps.ts';
import { encodeSafetensors } from '../../../src/training/run/safetensors.ts';

const folder = mkdtempSync(join(tmpdir(), 'pointpair-maps-'));
afterAll(() => rmSync(folder, { recursive: true }));

const maps = (seed: number): ObjectMaps => ({
  box: [10 + seed, 20, 70, 60],
  pose: { center: [12, seed, -0.5], sizeM: [4, 1.75, 1.5], yaw: 0.25 },
  score: 0.5,
  covariance: Float32Array.from({ length: 16 }, (_, i) => seed + i / 5),
  coordinates: Float32Array.from({ length: 2352 }, (_, i) => seed + i / 7),
  logStd: Float32Array.from({ length: 1568 }, (_, i) => seed - i / 9),
  errorPx: Float32Array.from({ length: 784 }, (_, i) => seed + i / 3),
});

/** A file with the tensors of two objects, some of them replaced; undefined leaves one out. */
function written(name: string, replaced: Readonly<Record<string, HostTensor | undefined>>): string {
  const tensors: Record<string, HostTensor | undefined> = {
    boxes: float32([0, 0, 1, 1, 5, 5, 9, 9], [2, 4]),
    poses: float32([1, 2, 3, 4, 1, 1, 0, 1, 2, 3, 4, 1, 1, 0], [2, 7]),
    scores: float32([0.5, 0.25], [2]),
    covariances: float32(new Float32Array(32), [2, 4, 4]),
    coordinates: float32(new Float32Array(2 * 2352), [2, 28, 28, 3]),
    log_std: float32(new Float32Array(2 * 1568), [2, 28, 28, 2]),
    error: float32(new Float32Array(2 * 784), [2, 28, 28]),
    ...replaced,
  };
  const file = join(folder, name);
  const present = Object.entries(tensors).filter(
    (each): each is [string, HostTensor] => each[1] !== undefined,
  );
  writeFileSync(file, encodeSafetensors(present));
  return file;
}

const faultOf = async (file: string) => {
  const error = await readObjectMaps(file).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(InputError);
  const { fault } = error as InputError;
  expect(fault.file).toBe(file);
  return fault;
};

describe('object maps', () => {
  it('are read as they were written', async () => {
    for (const all of [[maps(0), maps(1.5), maps(-3)], []]) {
      const file = join(folder, 'some.safetensors');
      await writeObjectMaps(file, all);
      expect(await readObjectMaps(file)).toEqual(all);
    }
  });

  it('have the layout of the file that is told', async () => {
    const [, second] = await readObjectMaps(
      written('two', {
        error: float32(
          Float32Array.from({ length: 1568 }, (_, i) => i),
          [2, 28, 28],
        ),
      }),
    );
    expect(second.box).toEqual([5, 5, 9, 9]);
    expect(second.pose).toEqual({ center: [1, 2, 3], sizeM: [4, 1, 1], yaw: 0 });
    expect([second.score, second.errorPx[0], second.errorPx[783]]).toEqual([0.25, 784, 1567]);
  });

  it('of another size are not written', async () => {
    const wrong = { ...maps(0), logStd: new Float32Array(784) };
    await expect(writeObjectMaps(join(folder, 'wrong'), [wrong])).rejects.toThrow(RangeError);
  });

  it.each<[string, Record<string, HostTensor | undefined>, object]>([
    ['lacks a tensor', { scores: undefined }, { place: 'tensor scores', found: 'none' }],
    [
      'has maps of another size',
      { log_std: float32(new Float32Array(2 * 28 * 28), [2, 28, 28, 1]) },
      { place: 'tensor log_std', expected: 'float32 [2, 28, 28, 2]', found: 'float32 [2, 28, 28, 1]' },
    ],
    [
      'has another number of objects',
      { poses: float32(new Float32Array(7), [1, 7]) },
      { place: 'tensor poses', expected: 'float32 [2, 7]' },
    ],
    [
      'has a region without an area',
      { boxes: float32([0, 0, 1, 1, 5, 5, 5, 9], [2, 4]) },
      { place: 'object 1 of tensor boxes', found: '5, 5, 5, 9' },
    ],
    [
      'has a box without a length',
      { poses: float32([1, 2, 3, 0, 1, 1, 0, 1, 2, 3, 4, 1, 1, 0], [2, 7]) },
      { place: 'object 0 of tensor poses' },
    ],
  ])('are refused where the file %s', async (name, replaced, fault) => {
    expect(await faultOf(written(name, replaced))).toMatchObject(fault);
  });

  it('are refused where there is no file, or no safetensors file', async () => {
    expect(await faultOf(join(folder, 'none'))).toMatchObject({ found: 'nothing' });
    const file = join(folder, 'text');
    writeFileSync(file, 'some text that is none');
    await faultOf(file);
  });
});
