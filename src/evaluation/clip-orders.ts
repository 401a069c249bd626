import { kendallTau, orderMeasures } from './frame-order-measures.ts';
import { readOrder } from './read-order.ts';

/** A shuffled clip: the logits [n, n] of its frames, and the place in time of each, in the order in which they came. */
export interface ClipLogits {
  readonly logits: ArrayLike<number>;
  readonly order: ArrayLike<number>;
}

/** How well clips were put in order, shares from 0 to 1. */
export interface OrderScores {
  /** Of the frames that have one, how often the most probable next frame (`either`: neighbour) is one. */
  readonly next: number;
  /** How often the whole order is right. */
  readonly exact: number;
  /** The mean of Kendall's tau: 1 for the right order, -1 for the reverse. */
  readonly kendallTau: number;
}

/**
 * Reads the orders of clips from their logits by `readOrder` and compares them with the true ones; with `either` a clip may be
 * in order or from behind, whichever is nearer. Throws an InputError without clips, and as `readOrder` does.
 */
export function orderScores(
  clips: readonly ClipLogits[],
  { frames, direction }: { readonly frames: number; readonly direction: 'forward' | 'either' },
): OrderScores {
  const places = clips.map(({ logits, order }) => {
    const chain = readOrder(logits, frames, { direction });
    const found = new Array<number>(frames);
    chain.forEach((position, place) => {
      found[order[position]] = place;
    });
    return direction === 'either' && kendallTau(found) < 0 ? found.map((place) => frames - 1 - place) : found;
  });
  const { exact, kendallTau: tau } = orderMeasures(places);
  const asked = clips.flatMap((clip) => nextFrames(clip, { frames, direction }));
  return { next: asked.filter((right) => right).length / asked.length, exact, kendallTau: tau };
}

/** What guessing gives of each score: all orders of n frames are as likely. */
export function orderChance(frames: number, direction: 'forward' | 'either'): OrderScores {
  let [count, exact, sum] = [0, 0, 0];
  for (const places of permutations(frames)) {
    const tau = kendallTau(places);
    const scored = direction === 'either' ? Math.abs(tau) : tau;
    count++;
    sum += scored;
    if (scored === 1) exact++;
  }
  const next = direction === 'either' ? 2 / frames : 1 / (frames - 1);
  return { next, exact: exact / count, kendallTau: sum / count };
}

/** For each frame that has a next one (`either`: for each), whether the highest logit of its row is that of one; a tie is a miss. */
function nextFrames(
  { logits, order }: ClipLogits,
  { frames, direction }: { readonly frames: number; readonly direction: 'forward' | 'either' },
): boolean[] {
  const isNext = (i: number, j: number) => {
    const later = order[j] - order[i];
    return later === 1 || (direction === 'either' && later === -1);
  };
  const others = Array.from({ length: frames }, (_, j) => j);
  return others.flatMap((i) => {
    if (direction === 'forward' && order[i] === frames - 1) return [];
    const best = (right: boolean) =>
      Math.max(...others.filter((j) => j !== i && isNext(i, j) === right).map((j) => logits[i * frames + j]));
    return [best(true) > best(false)];
  });
}

function* permutations(length: number): Generator<number[]> {
  if (length === 0) {
    yield [];
    return;
  }
  for (const rest of permutations(length - 1))
    for (let at = 0; at < length; at++) yield [...rest.slice(0, at), length - 1, ...rest.slice(at)];
}
