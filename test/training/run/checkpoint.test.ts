import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../../src/engine/host-tensor.ts';
import { float32, int32 } from '../../../src/engine/host-tensor.ts';
import { InputError } from '../../../src/engine/input-error.ts';
import { Random } from '../../../src/engine/random.ts';
import type { Tree } from '../../../src/engine/tree.ts';
import { leavesOf } from '../../../src/engine/tree.ts';
import type { CheckpointMeta } from '../../../src/training/run/checkpoint.ts';
import {
  fingerprintOf,
  latestCheckpoint,
  listCheckpoints,
  loadCheckpoint,
  loadMatching,
  saveCheckpoint,
} from '../../../src/training/run/checkpoint.ts';
import { encodeSafetensors } from '../../../src/training/run/safetensors.ts';

const runFolder = () => mkdtempSync(join(tmpdir(), 'pointpair-checkpoint-'));

function stateOf(seed: number): Tree<HostTensor> {
  const random = Random.fromSeed(seed);
  const values = (count: number) => Float32Array.from({ length: count }, () => random.normal());
  return {
    parameters: {
      image: { conv1: { weight: float32(values(24), [2, 3, 2, 2]), bias: float32(values(2), [2]) } },
      points: { mlp: float32(values(6), [2, 3]) },
    },
    mask: { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) },
    step: int32([seed], []),
  };
}

const metaOf = (step: number): CheckpointMeta => ({
  step,
  fingerprint: 'a1',
  loader: { epoch: 1, position: 7, order: [3, 1, 2] },
  random: Random.fromSeed(step).state,
  metrics: { total: 6.5 },
  time: '2024-05-06T07:08:09.000Z',
});

async function save(run: string, step: number, keep = 10): Promise<string> {
  return saveCheckpoint(run, step, { state: stateOf(step), meta: metaOf(step) }, { keep });
}

const steps = async (run: string) => (await listCheckpoints(run)).map(({ step }) => step);

function damage(file: string, at = -1): void {
  const bytes = readFileSync(file);
  bytes[at < 0 ? bytes.length + at : at] ^= 1;
  writeFileSync(file, bytes);
}

describe('checkpoints', () => {
  it('give back the state and all that goes with it', async () => {
    const run = runFolder();
    const folder = await save(run, 12);
    expect(folder).toBe(join(run, 'checkpoints', '00000012'));
    expect(readdirSync(folder).sort()).toEqual(['state.json', 'state.safetensors']);
    const { state, meta } = await loadCheckpoint(folder, { expected: stateOf(0), fingerprint: 'a1' });
    expect(state).toEqual(stateOf(12));
    expect(meta).toEqual(metaOf(12));
    const drawn = Random.fromState(meta.random).uint32();
    expect(drawn).toBe(Random.fromSeed(12).uint32());
  });

  it('hold null for a metric that was not finite', async () => {
    const meta = { ...metaOf(1), metrics: { top1: Number.NaN } };
    const folder = await saveCheckpoint(runFolder(), 1, { state: stateOf(1), meta });
    expect((await loadCheckpoint(folder)).meta.metrics).toEqual({ top1: null });
  });

  it('keep the newest, and clear away older and half-written ones', async () => {
    const run = runFolder();
    for (const step of [5, 10, 15]) await save(run, step, 2);
    expect(await steps(run)).toEqual([10, 15]);
    const half = join(run, 'checkpoints', '.00000020.1-0.tmp');
    mkdirSync(half);
    writeFileSync(join(half, 'state.safetensors'), 'half');
    expect((await latestCheckpoint(run))!.step).toBe(15);
    await save(run, 20, 2);
    expect(readdirSync(join(run, 'checkpoints')).sort()).toEqual(['00000015', '00000020']);
  });

  it('of a course that was left go when an earlier step is saved', async () => {
    const run = runFolder();
    for (const step of [5, 10, 15]) await save(run, step);
    await save(run, 7);
    expect(await steps(run)).toEqual([5, 7]);
    await save(run, 7);
    expect(await steps(run)).toEqual([5, 7]);
  });

  it('are listed in order of their steps beyond eight digits', async () => {
    const run = runFolder();
    for (const name of ['100000000', '99999999', '00000001', 'notes', '1']) {
      mkdirSync(join(run, 'checkpoints', name), { recursive: true });
    }
    expect(await steps(run)).toEqual([1, 99_999_999, 100_000_000]);
    expect(await listCheckpoints(runFolder())).toEqual([]);
    expect(await latestCheckpoint(runFolder())).toBeUndefined();
  });
});

describe('a damaged newest checkpoint', () => {
  it.each<[string, (folder: string) => void, RegExp]>([
    [
      'a flipped bit',
      (folder) => damage(join(folder, 'state.safetensors')),
      /expected SHA-256 [0-9a-f]+, as in state\.json/,
    ],
    [
      'a flipped length',
      (folder) => damage(join(folder, 'state.safetensors'), 7),
      /byte 0: expected a header/,
    ],
    [
      'a missing file',
      (folder) => rmSync(join(folder, 'state.safetensors')),
      /expected a file of a checkpoint, found nothing/,
    ],
    [
      'an empty state.json',
      (folder) => writeFileSync(join(folder, 'state.json'), ''),
      /state\.json: expected JSON/,
    ],
    [
      'a wrong state.json',
      (folder) => writeFileSync(join(folder, 'state.json'), '{"step":-1}'),
      /state\.json: step: expected the meta data/,
    ],
  ])('with %s is reported, and passed over only when told', async (_, spoil, message) => {
    const run = runFolder();
    await save(run, 5);
    spoil(await save(run, 10));
    await expect(latestCheckpoint(run)).rejects.toThrow(InputError);
    await expect(latestCheckpoint(run)).rejects.toThrow(message);
    await expect(latestCheckpoint(run)).rejects.toThrow(/the newest intact checkpoint is 00000005$/);
    const found = await latestCheckpoint(run, { fallBack: true });
    expect(found!.step).toBe(5);
    expect(found!.damaged[0].message).toMatch(message);
  });

  it('is an error too where no older one is there', async () => {
    const run = runFolder();
    damage(join(await save(run, 10), 'state.safetensors'));
    await expect(latestCheckpoint(run, { fallBack: true })).rejects.toThrow(InputError);
  });

  it('is never taken for intact, wherever it was cut or changed', async () => {
    const run = runFolder();
    const folder = await save(run, 10);
    const files = ['state.safetensors', 'state.json'].map((name) => join(folder, name));
    const whole = files.map((file) => readFileSync(file));
    const reference = JSON.stringify(await loadCheckpoint(folder));
    await fc.assert(
      fc.asyncProperty(fc.nat(1), fc.nat(), fc.integer({ min: 0, max: 255 }), async (which, at, value) => {
        const bytes = Buffer.from(whole[which]);
        const place = at % bytes.length;
        if (value === 0) writeFileSync(files[which], bytes.subarray(0, place));
        else writeFileSync(files[which], bytes.fill(bytes[place] ^ value, place, place + 1));
        try {
          const loaded = await loadCheckpoint(folder);
          // Only state.json may hold another right value, in its numbers and texts; the tensors never.
          expect(which).toBe(1);
          expect(JSON.stringify(loaded.state)).toBe(JSON.stringify(JSON.parse(reference).state));
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        } finally {
          writeFileSync(files[which], whole[which]);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('a checkpoint of another configuration', () => {
  it('is refused by the first tensors that differ, the rest counted', async () => {
    const folder = await save(runFolder(), 1);
    const other: Tree<HostTensor> = {
      ...stateOf(1),
      mask: int32([1, 0, 1], [3]),
      parameters: { image: { conv1: { weight: float32(new Float32Array(18), [2, 1, 3, 3]) } } },
      head: float32([1], [1]),
    };
    const error: unknown = await loadCheckpoint(folder, { expected: other }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(InputError);
    expect((error as Error).message).toBe(
      `${join(folder, 'state.safetensors')}: mask: expected int32 [3], found bool [3]; 1 more differ` +
        ' (parameters/image/conv1/weight float32 [2,1,3,3] against float32 [2,3,2,2]), 1 missing (head),' +
        ' 2 extra (parameters/image/conv1/bias, parameters/points/mlp)',
    );
  });

  it('is refused where it only lacks tensors, and by its fingerprint', async () => {
    const folder = await save(runFolder(), 1);
    const more = { ...stateOf(1), queue: float32([1], [1]) };
    await expect(loadCheckpoint(folder, { expected: more })).rejects.toThrow(
      /expected the tensors of this configuration, found 1 missing \(queue\), 0 extra$/,
    );
    await expect(loadCheckpoint(folder, { fingerprint: 'b2' })).rejects.toThrow(
      /state\.json: fingerprint: expected a checkpoint of configuration b2, found a1/,
    );
  });

  it('gives what fits by path', () => {
    const state = stateOf(1);
    const checkpoint: Tree<HostTensor> = {
      parameters: {
        image: { conv1: { weight: float32(new Float32Array(24), [2, 3, 2, 2]), bias: float32([1], [1]) } },
        head: float32([2], [1]),
      },
    };
    const leaves = new Map(leavesOf(state));
    const result = loadMatching(state, checkpoint);
    expect(result.loaded).toEqual(['parameters/image/conv1/weight']);
    expect(result.missing).toEqual(['mask', 'parameters/points/mlp', 'step']);
    expect(result.unexpected).toEqual(['parameters/head']);
    expect(result.differing).toEqual([
      { path: 'parameters/image/conv1/bias', expected: 'float32 [2]', found: 'float32 [1]' },
    ]);
    expect(result.state).toEqual({
      ...state,
      parameters: {
        image: {
          conv1: {
            weight: float32(new Float32Array(24), [2, 3, 2, 2]),
            bias: leaves.get('parameters/image/conv1/bias')!,
          },
        },
        points: { mlp: leaves.get('parameters/points/mlp')! },
      },
    });
  });
});

it.each(['__proto__/polluted', 'a//b', '', 'a/b/dtype'])('a tensor named "%s" is refused', async (name) => {
  const folder = await save(runFolder(), 1);
  const bytes = encodeSafetensors([[name, float32([1], [1])]]);
  replaceState(folder, bytes);
  await expect(loadCheckpoint(folder)).rejects.toThrow(/expected the paths of a tree of tensors/);
  expect('polluted' in {}).toBe(false);
});

it('a tensor that is a branch too is refused', async () => {
  const folder = await save(runFolder(), 1);
  const tensor = float32([1], [1]);
  replaceState(
    folder,
    encodeSafetensors([
      ['a/b', tensor],
      ['a', tensor],
    ]),
  );
  await expect(loadCheckpoint(folder)).rejects.toThrow(/found "a"$/);
});

it('the fingerprint of a configuration depends on its values, not on the order of its keys', () => {
  const print = fingerprintOf({ a: 1, b: { c: [1, 2], d: null } });
  expect(fingerprintOf({ b: { d: null, c: [1, 2] }, a: 1 })).toBe(print);
  expect(fingerprintOf({ b: { d: null, c: [2, 1] }, a: 1 })).not.toBe(print);
  expect(print).toMatch(/^[0-9a-f]{16}$/);
});

function replaceState(folder: string, bytes: Uint8Array): void {
  const file = join(folder, 'state.json');
  const meta = JSON.parse(readFileSync(file, 'utf8')) as object;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  writeFileSync(file, JSON.stringify({ ...meta, sha256 }));
  writeFileSync(join(folder, 'state.safetensors'), bytes);
}
