import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import {
  type Column,
  encodePoints,
  type Pass,
  PointDecoder,
  type StreamHeader,
} from '../../src/viewer/point-stream.ts';

function bytesOf(columns: readonly Column[], count: number): Uint8Array {
  return Buffer.concat([...encodePoints(columns, count)]);
}

/** What comes out of a stream that arrives in these pieces. */
function decoded(pieces: Iterable<Uint8Array>): { readonly header: StreamHeader; readonly passes: Pass[] } {
  const decoder = new PointDecoder();
  const passes: Pass[] = [];
  for (const piece of pieces) passes.push(...decoder.push(piece));
  return { header: decoder.finish(), passes };
}

/** The columns of a stream, rows in the order of the file, with their origins added. */
function columnsOf({ header, passes }: ReturnType<typeof decoded>): Float64Array[] {
  const columns = header.columns.map(() => new Float64Array(header.count).fill(12345));
  for (const { indices, positions, fields } of passes) {
    indices.forEach((index, k) => {
      header.columns.forEach(({ name, origin }, c) => {
        columns[c][index] = origin + (c < 3 ? positions[3 * k + c] : fields[name][k]);
      });
    });
  }
  return columns;
}

const isHeld = (value: number) => Math.abs(value) <= 3.4028234663852886e38;

/** Half a step, and what float64 and float32 round. */
function tolerance(value: number, { origin, min, max, step }: StreamHeader['columns'][number]): number {
  const float64 = Math.max(Math.abs(min), Math.abs(max)) * 2 ** -50;
  const float32 = Math.abs(value - origin) * 2 ** -24 + 2 ** -149;
  return step * (0.5 + 1e-6) + float64 + float32;
}

function expectColumns(columns: readonly Column[], count: number, stream: ReturnType<typeof decoded>): void {
  const { header, passes } = stream;
  expect(header.count).toBe(count);
  expect(header.columns.map(({ name }) => name)).toEqual(columns.map(({ name }) => name));
  const indices = passes.flatMap((pass) => [...pass.indices]).sort((a, b) => a - b);
  expect(indices.every((index, i) => index === i)).toBe(true);
  expect(indices).toHaveLength(count);
  columnsOf(stream).forEach((values, c) => {
    let worst = 0;
    let wrong = 0;
    for (let i = 0; i < count; i++) {
      const [value, original] = [values[i], columns[c].values[i]];
      if (!isHeld(original)) wrong += Number.isNaN(value) ? 0 : 1;
      else {
        const excess = Math.abs(value - original) - tolerance(original, header.columns[c]);
        worst = Math.max(worst, Number.isNaN(excess) ? Infinity : excess);
      }
    }
    expect([columns[c].name, wrong]).toEqual([columns[c].name, 0]);
    expect(worst).toBeLessThanOrEqual(0);
  });
}

const anyValue = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: -120, max: 120, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity, -Infinity, 0, -0, 1e-320, 5e-324, 1e300) },
  { weight: 1, arbitrary: fc.float() },
);
/** Ways to have as many values as there are points. */
const anyValues: fc.Arbitrary<(count: number) => fc.Arbitrary<number[]>> = fc.constantFrom(
  (count) => fc.array(anyValue, { minLength: count, maxLength: count }),
  (count) => fc.array(fc.double(), { minLength: count, maxLength: count }),
  (count) => fc.array(fc.integer({ min: -300, max: 300 }), { minLength: count, maxLength: count }),
  (count) => fc.array(fc.integer(), { minLength: count, maxLength: count }),
  (count) => anyValue.map((value) => new Array<number>(count).fill(value)),
  // UTM coordinates.
  (count) =>
    fc.array(
      fc.double({ min: 0, max: 90, noNaN: true }).map((value) => 4320978 + value),
      { minLength: count, maxLength: count },
    ),
);
const anyColumns = fc.tuple(fc.nat(60), fc.integer({ min: 3, max: 6 })).chain(([count, columns]) =>
  fc
    .array(
      anyValues.chain((values) => values(count)),
      { minLength: columns, maxLength: columns },
    )
    .map((all) => ({
      count,
      columns: all.map((values, c): Column => ({ name: `${'xyz'[c] ?? `field ${c}`}`, values })),
    })),
);

/** A sweep of a spinning scanner, with intensity, ring and a few points without a place. */
function sweep(count: number): Column[] {
  const random = Random.fromSeed(count);
  const rows = Array.from({ length: 5 }, () => new Float32Array(count));
  for (let i = 0; i < count; i++) {
    const range = i % 997 === 5 ? Number.NaN : 20 + 15 * Math.sin(i / 5000) + random.uniform(-0.05, 0.05);
    const angle = (i / count) * 2 * Math.PI;
    rows[0][i] = range * Math.cos(angle);
    rows[1][i] = range * Math.sin(angle);
    rows[2][i] = -1.7 + range * 0.01;
    rows[3][i] = random.uniform();
    rows[4][i] = i % 64;
  }
  return ['x', 'y', 'z', 'intensity', 'ring'].map((name, c) => ({ name, values: rows[c] }));
}

function sameBits(a: Int32Array | Float32Array, b: Int32Array | Float32Array): boolean {
  return Buffer.compare(Buffer.from(a.buffer), Buffer.from(b.buffer)) === 0;
}

describe('a stream of points', () => {
  it('gives any columns back within half a step, and NaN for what is no number', () => {
    fc.assert(
      fc.property(anyColumns, ({ columns, count }) => {
        expectColumns(columns, count, decoded(encodePoints(columns, count)));
      }),
      { numRuns: 300 },
    );
  });

  it.each([0, 1, 2, 65535, 65536, 65537, 131071, 131072, 131073, 196607, 196609, 262145])(
    'has every one of %i points once, in passes that are no larger than a picture needs',
    (count) => {
      const columns = sweep(count);
      const pieces = [...encodePoints(columns, count)];
      const stream = decoded(pieces);
      expectColumns(columns, count, stream);
      expect(pieces).toHaveLength(1 + stream.passes.length);
      for (const { indices } of stream.passes) expect(indices.length).toBeLessThanOrEqual(65536);
      const { stride } = stream.header;
      expect(stream.passes).toHaveLength(count === 0 ? 0 : stride);
      if (stride > 1) expect(count / (stride / 2)).toBeGreaterThan(65536);
    },
  );

  it('begins with points from everywhere, and halves the gaps with each further pass', () => {
    const count = 300_001;
    const { header, passes } = decoded(encodePoints(sweep(count), count));
    expect(header.stride).toBe(8);
    expect(header.firsts).toEqual([0, 4, 2, 6, 1, 5, 3, 7]);
    const gapAfter = (taken: number) => {
      const seen = passes
        .slice(0, taken)
        .flatMap(({ indices }) => [...indices])
        .sort((a, b) => a - b);
      return Math.max(
        count - seen.at(-1)!,
        ...[...new Set(seen.map((index, i) => index - (seen[i - 1] ?? 0)))],
      );
    };
    expect([1, 2, 4, 8].map(gapAfter)).toEqual([8, 4, 2, 1]);
  });

  it('is the same in pieces of any size', () => {
    const columns = sweep(70_000);
    const bytes = bytesOf(columns, 70_000);
    const whole = decoded([bytes]);
    const headerEnd = 8 + JSON.stringify(whole.header).length;
    const cut = fc.oneof(
      fc.nat(bytes.length),
      fc.nat(12),
      fc.integer({ min: headerEnd - 9, max: headerEnd + 9 }),
    );
    fc.assert(
      fc.property(fc.array(cut, { maxLength: 12 }), (cuts) => {
        const ends = [...cuts, bytes.length].sort((a, b) => a - b);
        const pieces = ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
        // A buffer that is written to again, as readers do, must not be kept.
        const lent = new Uint8Array(bytes.length);
        const decoder = new PointDecoder();
        const passes = pieces.flatMap((piece) => {
          lent.set(piece);
          const made = decoder.push(lent.subarray(0, piece.length));
          lent.fill(255);
          return made;
        });
        expect(decoder.finish()).toEqual(whole.header);
        expect(passes).toHaveLength(whole.passes.length);
        passes.forEach((pass, p) => {
          const same = whole.passes[p];
          expect(sameBits(pass.indices, same.indices)).toBe(true);
          expect(sameBits(pass.positions, same.positions)).toBe(true);
          expect(Object.keys(pass.fields)).toEqual(['intensity', 'ring']);
          expect(sameBits(pass.fields.ring, same.fields.ring)).toBe(true);
        });
      }),
      { numRuns: 25 },
    );
  });

  it('is an error where it is cut, and where it is something else', () => {
    const bytes = bytesOf(sweep(66_000), 66_000);
    for (const length of [0, 4, 7, 8, 100, 1000, bytes.length / 2, bytes.length - 1]) {
      expect(() => decoded([bytes.subarray(0, length)])).toThrow('ended too early');
    }
    expect(() => decoded([new TextEncoder().encode('<!doctype html><title>x</title>')])).toThrow(
      'no stream of points',
    );
    expect(() => decoded([new Uint8Array(64)])).toThrow('no stream of points');
    const damaged = bytes.slice();
    damaged[8] = 0;
    expect(() => decoded([damaged])).toThrow(SyntaxError);
  });
});

describe('the header of a stream', () => {
  const headerOf = (values: readonly number[], place: 'coordinate' | 'field') => {
    const plain = { name: 'x', values: values.map(() => 0) };
    const asked = { name: 'asked', values };
    const columns = place === 'coordinate' ? [asked, plain, plain] : [plain, plain, plain, asked];
    return decoded(encodePoints(columns, values.length)).header.columns.at(place === 'coordinate' ? 0 : 3)!;
  };

  it('has steps of 4 mm at most for coordinates, as far as a sweep or a town reaches', () => {
    expect(headerOf([-100, 100], 'coordinate')).toEqual({
      name: 'asked',
      origin: 0,
      min: -100,
      max: 100,
      step: 200 / 65534,
      bytes: 2,
    });
    expect(headerOf([0, 262], 'coordinate').bytes).toBe(2);
    expect(headerOf([0, 263], 'coordinate')).toMatchObject({ bytes: 3, step: 263 / (2 ** 24 - 2) });
    expect(headerOf([0, 67_000], 'coordinate')).toMatchObject({ bytes: 3 });
    expect(headerOf([0, 67_200], 'coordinate')).toMatchObject({ bytes: 4, step: 67_200 / (2 ** 32 - 2) });
    for (const extent of [1, 50, 262, 263, 1000, 67_000, 1e6, 1e7]) {
      expect(headerOf([7, 7 + extent], 'coordinate').step).toBeLessThanOrEqual(0.004);
    }
  });

  it('tells places of a map apart to millimetres', () => {
    // Float32 alone has steps of half a metre at such a northing.
    const northings = Float64Array.from({ length: 500 }, (_, i) => 5_427_318.25 + i * 0.013);
    const zeros = { name: 'z', values: new Uint8Array(500) };
    const columns = [{ name: 'x', values: northings }, zeros, zeros];
    const stream = decoded(encodePoints(columns, 500));
    expect(stream.header.columns.map(({ origin }) => origin)).toEqual([5_427_321, 0, 0]);
    const [seen] = columnsOf(stream);
    const worst = Math.max(...northings.map((northing, i) => Math.abs(northing - seen[i])));
    expect(worst).toBeLessThan(0.0005);
  });

  it.each([
    ['one far away', [1e30]],
    ['a few, on both sides', [3e38, -3e38, 1e12, -1e9]],
    ['one as far as a step over all of it still does', [1e6]],
    ['what has no place', [Number.NaN, Infinity, -Infinity, 1e300]],
  ])('rounds other points no more for %s', (_, outliers) => {
    for (const place of [0, 4_649_776.45]) {
      const near = Array.from({ length: 1000 }, (_, i) => place + 40 * Math.sin(i));
      const values = [...near.slice(0, 500), ...outliers, ...near.slice(500)];
      const zeros = { name: 'x', values: new Uint8Array(values.length) };
      for (const axis of [0, 1, 2]) {
        const columns = [zeros, zeros, zeros].map((each, c) => (c === axis ? { name: 'far', values } : each));
        const stream = decoded(encodePoints(columns, values.length));
        const { origin } = stream.header.columns[axis];
        expect(Math.abs(origin - place)).toBeLessThan(place === 0 ? 1e-9 : 45);
        const seen = columnsOf(stream)[axis];
        values.forEach((value, i) => {
          if (!isHeld(value)) expect(seen[i]).toBeNaN();
          else if (outliers.includes(value)) expect(seen[i] / value).toBeCloseTo(1, 6);
          else expect(Math.abs(seen[i] - value)).toBeLessThanOrEqual(0.0021);
        });
      }
    }
  });

  it('tells the numbers of a field apart, whatever a few of them are', () => {
    const times = Array.from({ length: 400 }, (_, i) => 1.7e9 + i / 1000);
    const bright = Array.from({ length: 400 }, (_, i) => i / 400);
    for (const [values, step] of [
      [times, 0.001],
      [bright, 1 / 400],
    ] as const) {
      const some = [...values, 0, 1e30];
      const zeros = { name: 'x', values: new Uint8Array(some.length) };
      const columns = [zeros, zeros, zeros, { name: 'field', values: some }];
      const seen = columnsOf(decoded(encodePoints(columns, some.length)))[3];
      values.forEach((value, i) => {
        expect(Math.abs(seen[i] - value)).toBeLessThan(step / 10);
      });
    }
  });

  it('carries what is to be said of the points', () => {
    const zeros = { name: 'x', values: [0] };
    const columns = [zeros, zeros, zeros];
    expect(decoded(encodePoints(columns, 1)).header.notes).toBeUndefined();
    expect(decoded(encodePoints(columns, 1, { notes: ['Cut.'] })).header.notes).toEqual(['Cut.']);
  });

  it('keeps whole numbers as they are', () => {
    expect(headerOf([3, 257], 'field')).toMatchObject({ min: 3, step: 1, bytes: 1 });
    expect(headerOf([3, 258], 'field')).toMatchObject({ min: 3, step: 1, bytes: 2 });
    expect(headerOf([0, 65534], 'field')).toMatchObject({ step: 1, bytes: 2 });
    expect(headerOf([0, 65535], 'field')).toMatchObject({ step: 1, bytes: 3 });
    expect(headerOf([0, 2 ** 24 - 2], 'field')).toMatchObject({ step: 1, bytes: 3 });
    expect(headerOf([0, 2 ** 24 - 1], 'field')).toMatchObject({ step: (2 ** 24 - 1) / 65534, bytes: 2 });
    expect(headerOf([0, 0.5], 'field')).toMatchObject({ step: 0.5 / 65534, bytes: 2 });
    const within = fc.integer({ min: -(2 ** 23) + 1, max: 2 ** 23 - 1 });
    const whole = fc.array(fc.oneof(within, fc.nat(255), fc.constant(Number.NaN)), { minLength: 1 });
    fc.assert(
      fc.property(whole, (values) => {
        const zeros = { name: 'x', values: new Uint8Array(values.length) };
        const columns = [zeros, zeros, zeros, { name: 'ring', values }];
        expect([...columnsOf(decoded(encodePoints(columns, values.length)))[3]]).toEqual(
          values.map((value) => value + 0),
        );
      }),
    );
  });

  it('is small for columns that say nothing', () => {
    expect(headerOf([5, 5, 5], 'coordinate')).toMatchObject({ min: 5, max: 5, step: 1 });
    expect(headerOf([0.1, 0.1], 'field')).toMatchObject({ min: 0.1, step: 1 });
    const none = { name: 'asked', origin: 0, min: 0, max: 0, step: 1, bytes: 1 };
    expect(headerOf([Number.NaN, Infinity, 1e300], 'coordinate')).toEqual(none);
    expect(headerOf([], 'field')).toEqual(none);
  });

  it('may have fields of any name', () => {
    const values = [1, 2, 4];
    const names = ['x', 'y', 'z', '__proto__', 'constructor', 'ä €'];
    const { passes } = decoded(
      encodePoints(
        names.map((name) => ({ name, values })),
        3,
      ),
    );
    expect(Object.keys(passes[0].fields)).toEqual(['__proto__', 'constructor', 'ä €']);
    // As a worker hands it over.
    const cloned = structuredClone(passes[0]);
    expect([...Object.getOwnPropertyDescriptor(cloned.fields, '__proto__')!.value]).toEqual(values);
  });
});
