import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/engine/random.ts';
import { presetOf } from '../../../src/training/presets.ts';
import { classifierPictures } from '../../../src/training/probe/classifier-pictures.ts';

describe('the pictures of a classifier', () => {
  // Columns that rise from left to right, and a picture of one colour.
  const ramp = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => 4 * (Math.floor(i / 3) % 32));
  const images = [new Uint8Array(32 * 32 * 3).fill(90), ramp].map((data) => ({
    width: 32,
    height: 32,
    data,
  }));
  const encoder = presetOf('simclr-v2-cifar')!.encoders.image!;
  const given = { images, labels: Int32Array.of(3, 5), indices: Int32Array.of(1), encoder };
  const red = ({ pixels }: { pixels: Float32Array }) => pixels.filter((_, i) => i % 3 === 0);
  const back = (value: number) => Math.round((value * 0.229 + 0.485) * 255);

  it('are those that are named, each under its class', async () => {
    const { length, sample } = classifierPictures({ ...given, area: [1, 1] });
    expect(length).toBe(1);
    const { pixels, label } = await sample(0, Random.fromSeed(0), 0, undefined as never);
    expect([pixels.length, label]).toEqual([32 * 32 * 3, 5]);
  });

  it('are normalised crops, mirrored or not, the same for the same generator', async () => {
    const { sample } = classifierPictures({ ...given, area: [0.4, 1] });
    const mirrored = new Set<boolean>();
    for (let draw = 0; draw < 12; draw++) {
      const [once, again] = await Promise.all(
        [0, 0].map(() => sample(0, Random.fromSeed('draws').fork(draw), 0, undefined as never)),
      );
      expect(Buffer.from(once.pixels.buffer).equals(Buffer.from(again.pixels.buffer))).toBe(true);
      const row = red(once).slice(0, 32);
      const [first, last] = [back(row[0]), back(row[31])];
      mirrored.add(first > last);
      expect(Math.max(first, last)).toBeLessThanOrEqual(124);
      // A crop of 0.4 of the area or more is at least 17 columns wide, each 4 brighter than the one before.
      expect(Math.abs(first - last)).toBeGreaterThan(4 * 15);
    }
    expect(mirrored.size).toBe(2);
  });
});
