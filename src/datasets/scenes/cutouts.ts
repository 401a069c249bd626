import { Random } from '../../engine/random.ts';

/** Width and height of a mask. */
export const cutoutSize = 64;

const area = cutoutSize * cutoutSize;

/** Masks of `Cutout`, one after another: 0 is a hole, otherwise 1..255 is how light the surface is there. */
export const cutouts: Uint8Array = makeCutouts();

/** The mask's value at texture coordinates, which repeat: 0 is a hole. */
export function cutoutAt(kind: number, u: number, v: number): number {
  const x = (u - Math.floor(u)) * cutoutSize;
  const y = (v - Math.floor(v)) * cutoutSize;
  return cutouts[kind * area + ((y | 0) % cutoutSize) * cutoutSize + ((x | 0) % cutoutSize)];
}

function makeCutouts(): Uint8Array {
  const masks = new Uint8Array(6 * area).fill(255, 0, area);
  const random = Random.fromSeed('cutouts');
  const blade = (kind: number, x: number, y: number, angle: number, length: number, width: number): void => {
    const light = random.uniform(110, 250);
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    for (let dy = -length; dy <= length; dy++)
      for (let dx = -length; dx <= length; dx++) {
        const along = (dx * cos + dy * sin) / length;
        const side = (-dx * sin + dy * cos) / width;
        if (Math.abs(along) > 1 || Math.abs(side) > 1 - along * along) continue;
        const px = Math.round(x + dx);
        const py = Math.round(y + dy);
        if (px < 0 || py < 0 || px >= cutoutSize || py >= cutoutSize) continue;
        const vein = Math.abs(side) < 0.18 ? 0.8 : 1 - 0.2 * side;
        masks[kind * area + py * cutoutSize + px] = Math.max(1, Math.min(255, light * vein));
      }
  };
  for (let i = 0; i < 95; i++) {
    const radius = 27 * Math.sqrt(random.uniform());
    const angle = random.uniform(0, 2 * Math.PI);
    const x = 32 + radius * Math.cos(angle);
    const y = 32 + radius * Math.sin(angle);
    blade(1, x, y, random.uniform(0, Math.PI), random.uniform(3.2, 6.2), random.uniform(1.6, 3.2));
  }
  for (let i = 0; i < 150; i++) {
    const y = random.uniform(4, 60);
    const reach = 27 * (1 - Math.abs(y - 32) / 36);
    blade(2, 32 + random.uniform(-reach, reach), y, random.uniform(-0.5, 0.5), random.uniform(4, 8), 0.9);
  }
  for (let i = 0; i < 42; i++) {
    const x = random.uniform(6, 58);
    const height = random.uniform(9, 28);
    blade(3, x, height, Math.PI / 2 + random.normal(0, 0.25), height, random.uniform(0.9, 1.6));
  }
  for (let y = 0; y < cutoutSize; y++)
    for (let x = 0; x < cutoutSize; x++) {
      const rail = (y > 3 && y < 7) || (y > 54 && y < 59);
      if (rail || x % 16 < 5) masks[4 * area + y * cutoutSize + x] = 220;
      if ((x + y) % 16 < 2 || (x - y + 64) % 16 < 2 || rail) masks[5 * area + y * cutoutSize + x] = 220;
    }
  return masks;
}
