import { describe, expect, it } from 'vitest';
import { createLoader, type LoadedBatch } from '../../src/datasets/loader.ts';
import { inMemoryRanks } from '../../src/engine/ranks/in-memory.ts';
import type { FixtureOptions, FixtureSample } from './loader-source-fixture.ts';

const module = new URL('./loader-source-fixture.ts', import.meta.url).href;
const LENGTH = 10;
const BATCH = 4;

/** The first batches from a position on, as each of so many ranks gets them, and what each knows of damaged items. */
async function sharesOf(
  size: number,
  {
    fixture = {},
    consumed = 0,
    count = 6,
    workers = 0,
  }: {
    readonly fixture?: Partial<FixtureOptions>;
    readonly consumed?: number;
    readonly count?: number;
    readonly workers?: number;
  } = {},
) {
  return Promise.all(
    inMemoryRanks(size).map(async (ranks) => {
      const source = { module, export: 'fixtureSource', options: { length: LENGTH, ...fixture } };
      const options = { length: LENGTH, batchSize: BATCH, seed: 11, source, workers, ranks };
      const loader = createLoader<FixtureSample>(options);
      const batches: LoadedBatch<FixtureSample>[] = [];
      try {
        for await (const batch of loader.from({ consumed })) {
          batches.push(batch);
          if (batches.length === count) break;
        }
      } finally {
        await loader.close();
      }
      return { batches, failures: loader.failures };
    }),
  );
}

/** The batches of all ranks put together. */
function joined(shares: Awaited<ReturnType<typeof sharesOf>>) {
  return shares[0].batches.map(({ epoch, indexInEpoch, position, failures }, i) => ({
    ...{ epoch, indexInEpoch, position, failures },
    indices: shares.flatMap(({ batches }) => batches[i].indices),
    samples: shares.flatMap(({ batches }) =>
      batches[i].batch.map(({ index, epoch, drawn }) => ({ index, epoch, drawn })),
    ),
  }));
}

describe('batches that are shared out', () => {
  it.each([
    { size: 2, damaged: [] },
    { size: 4, damaged: [] },
    { size: 2, damaged: [2, 7, 9] },
    { size: 4, damaged: [0, 1, 2, 3, 4, 5, 6] },
  ])(
    'are together those of one, in the order of ranks: $size, damaged $damaged',
    async ({ size, damaged }) => {
      const [one, several] = [
        await sharesOf(1, { fixture: { damaged } }),
        await sharesOf(size, { fixture: { damaged } }),
      ];
      expect(joined(several)).toEqual(joined(one));
      for (const { batches, failures } of several) {
        for (const { batch } of batches) expect(batch).toHaveLength(BATCH / size);
        // Every rank knows of every damaged item, with the words of the one that met it.
        expect([...failures].sort()).toEqual([...one[0].failures].sort());
      }
    },
  );

  it('are made by threads as well', async () => {
    const options = { fixture: { damaged: [2, 7] }, count: 3 };
    expect(joined(await sharesOf(2, { ...options, workers: 1 }))).toEqual(joined(await sharesOf(1, options)));
  });

  it('go on with another number of ranks, with every sample once', async () => {
    const fixture = { damaged: [3] };
    const whole = joined(await sharesOf(1, { fixture, count: 9 }));
    const begun = joined(await sharesOf(2, { fixture, count: 4 }));
    const { consumed } = begun[3].position;
    const rest = joined(await sharesOf(4, { fixture, consumed, count: 5 }));
    expect([...begun, ...rest]).toEqual(whole);
  });

  it('end where all items are damaged, on every rank', async () => {
    const all = Array.from({ length: LENGTH }, (_, i) => i);
    await expect(sharesOf(2, { fixture: { damaged: all } })).rejects.toThrow(/all 10 damaged/);
  });

  it('are refused where they do not come out even', async () => {
    await expect(sharesOf(3)).rejects.toThrow('a batch of 4 cannot be shared out among 3');
  });
});
