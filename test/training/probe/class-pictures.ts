import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Random } from '../../../src/engine/random.ts';
import { encodePng } from '../../../src/image/decode-image.ts';

/** Classes that differ by the direction of their stripes, not by their colours. */
export const classes = ['across', 'down'] as const;

/** Writes `count` pictures of each class under `root/<class>/`, with noise and colours drawn by the seed. */
export async function writeClassPictures(
  root: string,
  { count, seed, size = 16 }: { readonly count: number; readonly seed: number; readonly size?: number },
): Promise<void> {
  for (const [which, name] of classes.entries()) {
    await mkdir(join(root, name), { recursive: true });
    for (let i = 0; i < count; i++) {
      const random = Random.fromSeed(`${seed} ${name} ${i}`);
      const colour = [0, 1, 2].map(() => random.uniform(60, 200));
      const phase = random.integer(4);
      const data = new Uint8Array(size * size * 3);
      for (let y = 0, at = 0; y < size; y++) {
        for (let x = 0; x < size; x++) {
          const stripe = Math.floor(((which === 0 ? y : x) + phase) / 2) % 2 === 0 ? 50 : -50;
          for (let c = 0; c < 3; c++) data[at++] = colour[c] + stripe + random.uniform(-10, 10);
        }
      }
      const picture = await encodePng({ width: size, height: size, data });
      await writeFile(join(root, name, `${String(i).padStart(3, '0')}.png`), picture);
    }
  }
}
