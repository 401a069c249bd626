import { describe, expect, test } from 'vitest';
import {
  createLoader,
  type LoadedBatch,
  type Loader,
  type LoaderOptions,
  type LoaderPosition,
} from '../../src/datasets/loader.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { Random } from '../../src/engine/random.ts';
import type { FixtureOptions, FixtureSample } from './loader-source-fixture.ts';

const module = new URL('./loader-source-fixture.ts', import.meta.url).href;

type Options = Partial<LoaderOptions> & { fixture?: Partial<FixtureOptions> };

function fixtureLoader({ fixture, ...options }: Options = {}): Loader<FixtureSample> {
  const length = options.length ?? 10;
  const source = { module, export: 'fixtureSource', options: { length, ...fixture } };
  return createLoader<FixtureSample>({ length, batchSize: 4, seed: 11, source, ...options });
}

async function take<Sample>(
  loader: Loader<Sample>,
  count: number,
  position?: LoaderPosition,
): Promise<LoadedBatch<Sample>[]> {
  const batches: LoadedBatch<Sample>[] = [];
  for await (const batch of loader.from(position)) {
    batches.push(batch);
    if (batches.length === count) break;
  }
  return batches;
}

async function errorOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

/** The stream of batches as the loader's description has it, from nothing but the generator. */
function expectedStream(length: number, damaged: readonly number[], batchSize: number, count: number) {
  const good: Array<{ index: number; epoch: number; consumed: number }> = [];
  for (let epoch = 0, consumed = 0; good.length < count * batchSize; epoch++) {
    for (const index of Random.fromSeed(11).fork('order', epoch).permutation(length)) {
      consumed++;
      if (!damaged.includes(index)) good.push({ index, epoch, consumed });
    }
  }
  return Array.from({ length: count }, (_, b) => good.slice(b * batchSize, (b + 1) * batchSize));
}

describe('the stream of batches', () => {
  test.each([
    { length: 10, batchSize: 4, damaged: [] },
    { length: 10, batchSize: 4, damaged: [2, 7, 9] },
    { length: 3, batchSize: 8, damaged: [] },
    { length: 7, batchSize: 8, damaged: [0, 1, 2, 3, 4, 5] },
    { length: 1, batchSize: 1, damaged: [] },
  ])(
    'is the epochs’ orders without damaged items, cut into batches: %j',
    async ({ length, batchSize, damaged }) => {
      const loader = fixtureLoader({ length, batchSize, fixture: { damaged } });
      const batches = await take(loader, 6);
      const expected = expectedStream(length, damaged, batchSize, 6);
      batches.forEach((batch, b) => {
        expect(batch.batch.map(({ index, epoch }) => [index, epoch])).toEqual(
          expected[b].map(({ index, epoch }) => [index, epoch]),
        );
        expect(batch.indices).toEqual(expected[b].map(({ index }) => index));
        expect(batch.position.consumed).toBe(expected[b].at(-1)!.consumed);
        const start = b === 0 ? 0 : batches[b - 1].position.consumed;
        expect(batch.epoch * length + batch.indexInEpoch).toBe(start);
        expect(batch.failures.length + batchSize).toBe(batch.position.consumed - start);
      });
    },
  );

  test('gives every sample a generator of its own', async () => {
    const [first] = await take(fixtureLoader(), 1);
    for (const { index, epoch, drawn, values } of first.batch) {
      const random = Random.fromSeed(11).fork('sample', epoch, index);
      expect(Array.from(values)).toEqual(Array.from({ length: 16 }, () => Math.fround(random.uniform())));
      expect(drawn).toBe(random.uniform());
    }
  });

  test('keeps the order of the items when it is not to shuffle', async () => {
    const batches = await take(fixtureLoader({ shuffle: false, length: 6 }), 3);
    expect(batches.flatMap(({ indices }) => indices)).toEqual([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]);
  });

  test('draws by name what is the same in any list', async () => {
    const drawn = async (ids: readonly string[], options: Options = {}) => {
      const loader = fixtureLoader({
        length: ids.length,
        shuffle: false,
        drawnBy: 'name',
        ...options,
        fixture: { ids },
      });
      const samples = (await take(loader, 3)).flatMap(({ batch }) => batch);
      return new Map(samples.map(({ index, epoch, drawn }) => [`${ids[index]} ${epoch}`, drawn]));
    };
    const [few, many] = [await drawn(['c']), await drawn(['a', 'b', 'c', 'd'], { workers: 1 })];
    for (const epoch of [0, 1, 2]) expect(many.get(`c ${epoch}`)).toBe(few.get(`c ${epoch}`));
    // Other names and other epochs have draws of their own.
    expect(new Set(many.values()).size).toBe(12);
    const [, second] = (await take(fixtureLoader({ shuffle: false }), 1))[0].batch;
    expect((await drawn(['0', '1'])).get('1 0')).not.toBe(second.drawn);
  });

  test('is another one for another seed', async () => {
    const [one] = await take(fixtureLoader({ length: 100, batchSize: 50, seed: 1 }), 1);
    const [two] = await take(fixtureLoader({ length: 100, batchSize: 50, seed: 2 }), 1);
    expect(one.indices).not.toEqual(two.indices);
  });
});

describe('workers', () => {
  test('make the same batches, however many and however far ahead', async () => {
    const fixture = { damaged: [3] };
    const alone = await take(fixtureLoader({ fixture }), 8);
    const one = await take(fixtureLoader({ fixture, workers: 1, prefetch: 3 }), 8);
    const two = await take(fixtureLoader({ fixture, workers: 2, prefetch: 1 }), 8);
    expect(one).toEqual(alone.map(asMoved));
    expect(two).toEqual(alone.map(asMoved));
  });

  test('go on from any position as if nothing had happened', async () => {
    const whole = await take(fixtureLoader({ length: 5, fixture: { damaged: [1] } }), 7);
    for (let b = 0; b < 6; b++) {
      const rest = await take(
        fixtureLoader({ length: 5, fixture: { damaged: [1] } }),
        6 - b,
        whole[b].position,
      );
      expect(rest).toEqual(whole.slice(b + 1));
    }
    const resumed = fixtureLoader({ length: 5, workers: 2, fixture: { damaged: [1] } });
    expect(await take(resumed, 4, whole[2].position)).toEqual(whole.slice(3).map(asMoved));
  });

  test('make no more than `prefetch` batches ahead', async () => {
    const calls = new SharedArrayBuffer(4);
    const loader = fixtureLoader({ length: 100, workers: 2, prefetch: 2, fixture: { calls } });
    let taken = 0;
    for await (const _ of loader.from()) {
      taken++;
      await settled(calls);
      expect(new Int32Array(calls)[0]).toBe((taken + 2) * 4);
      if (taken === 3) break;
    }
    await loader.close();
  });

  test('go on while this thread is blocked, as it is by a step', async () => {
    const calls = new SharedArrayBuffer(4);
    const loader = fixtureLoader({ length: 100, workers: 2, prefetch: 10, fixture: { calls } });
    const made = new Int32Array(calls);
    for await (const _ of loader.from()) {
      const deadline = performance.now() + 10_000;
      while (made[0] < 44 && performance.now() < deadline) Atomics.wait(made, 0, made[0], 10);
      break;
    }
    expect(made[0]).toBe(44);
  });

  test('without workers nothing is made ahead', async () => {
    const calls = new SharedArrayBuffer(4);
    await take(fixtureLoader({ fixture: { calls } }), 2);
    expect(new Int32Array(calls)[0]).toBe(8);
  });

  test.each([0, 1])('adds up how long the stages of the samples took, with %i workers', async (workers) => {
    const loader = fixtureLoader({ workers, fixture: { damaged: [3] } });
    expect(loader.stageMs.size).toBe(0);
    await take(loader, 1);
    const first = new Map(loader.stageMs);
    expect([...first.keys()]).toEqual(['pause', 'draw']);
    for (const ms of first.values()) expect(ms).toBeGreaterThan(0);
    await take(loader, 2);
    for (const [stage, ms] of first) expect(loader.stageMs.get(stage)).toBeGreaterThan(ms);
  });

  test('measures the time that was waited', async () => {
    const loader = fixtureLoader();
    expect(loader.waitedMs).toBe(0);
    await take(loader, 2);
    expect(loader.waitedMs).toBeGreaterThan(0);
  });
});

describe('one pass', () => {
  test.each([0, 1])('has every item once with %i workers, and a shorter last batch', async (workers) => {
    const loader = fixtureLoader({ workers, fixture: { damaged: [4] } });
    const batches: LoadedBatch<FixtureSample>[] = [];
    for await (const batch of loader.pass({ epoch: 2 })) batches.push(batch);
    expect(batches.map(({ batch }) => batch.length)).toEqual([4, 4, 1]);
    expect(batches.flatMap(({ indices }) => indices)).toEqual(
      Array.from(Random.fromSeed(11).fork('order', 2).permutation(10)).filter((index) => index !== 4),
    );
    expect(batches.every(({ batch }) => batch.every(({ epoch }) => epoch === 2))).toBe(true);
    expect([...loader.failures.keys()]).toEqual([4]);
  });

  test('drops the short batch when told', async () => {
    const sizes: number[] = [];
    for await (const { batch } of fixtureLoader().pass({ dropLast: true })) sizes.push(batch.length);
    expect(sizes).toEqual([4, 4]);
  });
});

describe('damaged items', () => {
  test.each([0, 2])('are told and counted with %i workers', async (workers) => {
    const loader = fixtureLoader({ workers, fixture: { damaged: [3, 8] } });
    const batches = await take(loader, 7);
    const met = batches.flatMap(({ failures }) => failures);
    const message = (index: number) => `${index}.bin: expected whole rows, found half a row`;
    expect(met.length).toBeGreaterThan(3);
    for (const { index, message: told } of met) expect(told).toBe(message(index));
    for (const index of [3, 8]) {
      const count = met.filter((failure) => failure.index === index).length;
      expect(loader.failures.get(index)).toEqual({ message: message(index), count });
    }
  });

  test.each([0, 1])('are errors when strict, with %i workers', async (workers) => {
    const error = await errorOf(take(fixtureLoader({ workers, strict: true, fixture: { damaged: [3] } }), 5));
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).fault).toEqual({
      file: '3.bin',
      expected: 'whole rows',
      found: 'half a row',
    });
  });

  test.each([0, 1])('are an error when there are no others, with %i workers', async (workers) => {
    const error = await errorOf(
      take(fixtureLoader({ workers, length: 3, fixture: { damaged: [0, 1, 2] } }), 1),
    );
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toContain('all 3 damaged');
    expect(error.message).toContain('half a row');
  });

  test('are left out of a pass too, those behind its last batch and all of them', async () => {
    for (const damaged of [
      [8, 9],
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    ]) {
      const loader = fixtureLoader({ shuffle: false, batchSize: 4, fixture: { damaged } });
      const met: number[] = [];
      for await (const { indices } of loader.pass()) met.push(...indices);
      expect(met).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((index) => !damaged.includes(index)));
      expect([...loader.failures.keys()]).toEqual(damaged);
    }
  });

  test.each([0, 1])('other errors end the run with %i workers', async (workers) => {
    const error = await errorOf(take(fixtureLoader({ workers, fixture: { broken: [5] } }), 5));
    expect(error).not.toBeInstanceOf(InputError);
    expect(error.message).toContain('a mistake in item 5');
  });
});

describe('a source that cannot be used', () => {
  test.each([0, 1])('is told with %i workers', async (workers) => {
    const open = (source: LoaderOptions['source'], length = 10) =>
      errorOf(take(createLoader({ length, batchSize: 2, seed: 1, workers, source }), 1));
    const missing = await open({ module, export: 'missingSource' });
    expect(missing).toBeInstanceOf(InputError);
    expect(missing.message).toBe('/nowhere: expected a data set, found nothing');
    expect((await open({ module, export: 'notAFunction' })).message).toContain(
      'no exported function notAFunction',
    );
    expect((await open({ module: `${module}.gone`, export: 'x' })).message).toContain('fixture.ts.gone');
    const other = await open({ module, export: 'fixtureSource', options: { length: 9 } });
    expect(other).toBeInstanceOf(InputError);
    expect(other.message).toContain('expected 10 items, found 9');
    const unnamed = fixtureLoader({ workers, drawnBy: 'name' });
    expect((await errorOf(take(unnamed, 1))).message).toContain('has no names to draw by');
  });

  test('numbers that make no sense are refused at once', () => {
    for (const wrong of [
      { length: 0 },
      { batchSize: 0 },
      { batchSize: 1.5 },
      { workers: -1 },
      { prefetch: 0 },
    ]) {
      expect(() => fixtureLoader(wrong), JSON.stringify(wrong)).toThrow(RangeError);
    }
    for (const consumed of [-1, 0.5, Number.NaN]) {
      expect(() => fixtureLoader().from({ consumed })).toThrow(RangeError);
    }
  });
});

describe('closing', () => {
  test('ends the threads when the iteration is left, also while items are being made', async () => {
    const pulse = new SharedArrayBuffer(4);
    const beats = new Int32Array(pulse);
    await take(fixtureLoader({ workers: 2, length: 100, shuffle: false, fixture: { pulse, stuck: [6] } }), 1);
    const last = beats[0];
    expect(last).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(beats[0]).toBe(last);
  });

  test('ends a taker that waits for an item that never comes', async () => {
    const loader = fixtureLoader({ workers: 2, shuffle: false, fixture: { stuck: [5] } });
    const batches: number[][] = [];
    const taking = (async () => {
      for await (const { indices } of loader.from()) batches.push([...indices]);
    })();
    while (batches.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await loader.close();
    await taking;
    expect(batches).toEqual([[0, 1, 2, 3]]);
    await expect(take(loader, 1)).rejects.toThrow('closed');
  });

  test('ends the iteration between two batches', async () => {
    const loader = fixtureLoader();
    const batches = loader.from();
    expect((await batches.next()).done).toBe(false);
    await loader.close();
    expect((await batches.next()).done).toBe(true);
  });
});

/** What a batch is after it came from another thread: Node's Buffers arrive as plain bytes. */
function asMoved({ batch, ...rest }: LoadedBatch<FixtureSample>): LoadedBatch<FixtureSample> {
  return { ...rest, batch: batch.map((sample) => ({ ...sample, buffer: new Uint8Array(sample.buffer) })) };
}

/** Waits until the count has stood still for a while. */
async function settled(calls: SharedArrayBuffer): Promise<void> {
  const count = new Int32Array(calls);
  for (let last = -1; last !== count[0]; ) {
    last = count[0];
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
