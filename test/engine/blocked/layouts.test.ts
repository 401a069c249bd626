import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WeightLayout } from '../../../src/engine/blocked/layouts.ts';
import { fitsBlocks, fromBlocks, toBlocks } from '../../../src/engine/blocked/layouts.ts';
import { float32, sizeOf } from '../../../src/engine/host-tensor.ts';

/** Weights of a convolution (O, I, H, W) or of rows (I, O), each value its own place in public order. */
function numbered({ kind, outputs, inputs, window }: WeightLayout) {
  const shape = kind === 'matrix' ? [inputs, outputs] : [outputs, inputs, 1, window];
  return float32(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => i),
    shape,
  );
}

const stored = (layout: WeightLayout, shape: readonly number[]) => ({
  layout,
  shape,
  stored: [1, sizeOf(shape)],
});

/** Where the value of output `o`, input `i` and window place `w` lies, as the layouts' description reads. */
function placeOf(
  { kind, inputs, window }: WeightLayout,
  block: number,
  [o, i, w]: readonly [number, number, number],
): number {
  const [ob, oi] = [Math.floor(o / block), o % block];
  const [ib, ii] = [Math.floor(i / block), i % block];
  if (kind === 'matrix') return ((ob * (inputs / block) + ib) * block + ii) * block + oi;
  if (inputs < block) return ((ob * inputs + i) * window + w) * block + oi;
  return (((ob * (inputs / block) + ib) * window + w) * block + ii) * block + oi;
}

describe.each([8, 16])('weights in blocks of %i', (block) => {
  const some = fc.record({
    kind: fc.constantFrom('weights' as const, 'matrix' as const),
    outputs: fc.integer({ min: 1, max: 3 }).map((count) => count * block),
    inputs: fc.oneof(
      fc.integer({ min: 1, max: 3 }).map((count) => count * block),
      fc.integer({ min: 1, max: block - 1 }),
    ),
    window: fc.constantFrom(1, 4, 9),
  });
  const layouts = some
    .map((layout): WeightLayout => (layout.kind === 'matrix' ? { ...layout, window: 1 } : layout))
    .filter((layout) => fitsBlocks(layout, block));

  it('lie where the description says, and come back', () => {
    fc.assert(
      fc.property(layouts, (layout) => {
        const tensor = numbered(layout);
        const weights = stored(layout, tensor.shape);
        const there = toBlocks(tensor, weights, block);
        expect(there.shape).toEqual(weights.stored);
        const { kind, outputs, inputs, window } = layout;
        for (let o = 0; o < outputs; o++) {
          for (let i = 0; i < inputs; i++) {
            for (let w = 0; w < window; w++) {
              const open = kind === 'matrix' ? i * outputs + o : (o * inputs + i) * window + w;
              if (there.data[placeOf(layout, block, [o, i, w])] !== open)
                expect.fail(`output ${o}, input ${i}, window ${w} is elsewhere`);
            }
          }
        }
        expect(fromBlocks(there, weights, block)).toEqual(tensor);
      }),
      { numRuns: 40, seed: 7 },
    );
  });

  it('fit by whole blocks of outputs, and of inputs but for a few of a convolution', () => {
    const fits = (kind: WeightLayout['kind'], inputs: number, outputs: number) =>
      fitsBlocks({ kind, inputs, outputs, window: 1 }, block);
    expect(fits('weights', block, 2 * block)).toBe(true);
    expect(fits('weights', 3, block)).toBe(true);
    expect(fits('weights', block + 4, block)).toBe(false);
    expect(fits('weights', block, block + 4)).toBe(false);
    expect(fits('matrix', 3, block)).toBe(false);
    expect(fits('matrix', 2 * block, block)).toBe(true);
  });
});
