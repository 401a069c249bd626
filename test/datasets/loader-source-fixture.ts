import type { SampleSource } from '../../src/datasets/loader-source.ts';
import type { Stopwatch } from '../../src/datasets/stopwatch.ts';
import { InputError } from '../../src/engine/input-error.ts';
import type { Random } from '../../src/engine/random.ts';

/** What the sources of the loader's tests are told. */
export interface FixtureOptions {
  readonly length: number;
  readonly damaged?: readonly number[];
  readonly broken?: readonly number[];
  /** An array in shared memory where every call of `sample` adds one to element 0. */
  readonly calls?: SharedArrayBuffer;
  /** An array in shared memory where element 0 grows by one a millisecond as long as the source's thread lives. */
  readonly pulse?: SharedArrayBuffer;
  /** Items that never come to an end. */
  readonly stuck?: readonly number[];
  readonly ids?: readonly string[];
}

export interface FixtureSample {
  readonly index: number;
  readonly epoch: number;
  readonly drawn: number;
  readonly values: Float32Array;
  /** A view of a part of a larger buffer. */
  readonly part: Float32Array;
  readonly buffer: Uint8Array;
}

/** Samples that tell what they were made of, at speeds that do not follow their order. */
export function fixtureSource(options: FixtureOptions): SampleSource<FixtureSample> {
  if (options.pulse !== undefined) {
    const beats = new Int32Array(options.pulse);
    setInterval(() => Atomics.add(beats, 0, 1), 1).unref();
  }
  return {
    length: options.length,
    ids: options.ids,
    async sample(index: number, random: Random, epoch: number, stopwatch: Stopwatch) {
      if (options.calls !== undefined) Atomics.add(new Int32Array(options.calls), 0, 1);
      if (options.stuck?.includes(index)) await new Promise(() => setInterval(() => {}, 1000));
      await new Promise((resolve) => setTimeout(resolve, random.fork('pause').integer(4)));
      stopwatch.lap('pause');
      if (options.damaged?.includes(index)) {
        throw new InputError({ file: `${index}.bin`, expected: 'whole rows', found: 'half a row' });
      }
      if (options.broken?.includes(index)) throw new TypeError(`a mistake in item ${index}`);
      const values = Float32Array.from({ length: 16 }, () => random.uniform());
      stopwatch.lap('draw');
      return {
        index,
        epoch,
        drawn: random.uniform(),
        values,
        part: new Float32Array(100).fill(index).subarray(10, 13),
        buffer: Buffer.from([index, epoch]),
      };
    },
  };
}

/** A source that cannot be opened. */
export function missingSource(): never {
  throw new InputError({ file: '/nowhere', expected: 'a data set', found: 'nothing' });
}

export const notAFunction = 7;
