import { createHash } from 'node:crypto';
import { Random } from '../../src/engine/random.ts';
import {
  type CorrespondenceFile,
  decodeCorrespondences,
  encodeCorrespondences,
} from '../../src/training/correspond/correspondence-file.ts';
import type { Correspondences } from '../../src/views/correspondences.ts';

/** Three boxes of each of some pictures of one size, drawn at random; two neighbours of each, and two pairs with each. */
export function tinyCorrespondences(
  pictures: number,
  { width, height }: { readonly width: number; readonly height: number },
): Correspondences {
  const random = Random.fromSeed(`boxes of ${pictures}`);
  const boxes = Array.from({ length: 3 * pictures }, () => {
    const [left, top] = [random.integer(width - 12), random.integer(height - 12)];
    return [left, top, left + 6 + random.integer(7), top + 6 + random.integer(7)];
  });
  const of = Array.from({ length: pictures }, (_, i) => i);
  const neighbours = of.flatMap((i) => [(i + 1) % pictures, (i + 2) % pictures]);
  const pairs = neighbours.flatMap((neighbour, at) => {
    const own = 3 * Math.floor(at / 2);
    return [own, 3 * neighbour + 2, own + 1 + random.integer(2), 3 * neighbour + random.integer(2)];
  });
  return {
    sizes: Int32Array.from(of.flatMap(() => [width, height])),
    boxes: Int32Array.from(boxes.flat()),
    boxesFrom: Int32Array.from({ length: pictures + 1 }, (_, i) => 3 * i),
    neighbours: Int32Array.from(neighbours),
    pairs: Int32Array.from(pairs),
    pairsFrom: Int32Array.from({ length: 2 * pictures + 1 }, (_, i) => 2 * i),
  };
}

/** Such boxes as a file that is about pictures of these names. */
export function tinyCorrespondenceFile(
  names: readonly string[],
  size: { readonly width: number; readonly height: number },
): CorrespondenceFile {
  const options = { neighbours: 2, keep: 0.5, leastSide: 0.1, mostAspect: 3, mostOverlap: 1, most: 3 };
  const key = createHash('sha256').update(names.join()).digest('hex');
  const about = { key, run: 'runs/before', step: 1, data: 'pictures', options, names: [...names] };
  return decodeCorrespondences(encodeCorrespondences(tinyCorrespondences(names.length, size), about), 'tiny');
}
