import type { Communicator } from '../engine/ranks/communicator.ts';
import { gatherTexts } from '../engine/ranks/gather-texts.ts';
import type { Outcome } from './loader-source.ts';

/** What a rank loads its share of every batch with. */
export interface ShareOptions<Sample> {
  readonly ranks: Communicator;
  /** The place in the stream of items that the first batch begins at. */
  readonly begin: number;
  /** Of all ranks together; a multiple of their number. */
  readonly batchSize: number;
  /** How many batches are made ahead. */
  readonly ahead: number;
  /** Begins to make the sample of a place. */
  readonly make: (place: number) => Promise<Outcome<Sample>>;
  /** Waits for a sample; undefined where the loader was closed. */
  readonly wait: (made: Promise<Outcome<Sample>>) => Promise<Outcome<Sample> | undefined>;
  /** Receives a damaged item's outcome; gives its message, or throws where it may not be left out. */
  readonly messageOf: (outcome: Exclude<Outcome<Sample>, { kind: 'sample' }>) => string;
  /** Receives every damaged item of all ranks before what follows it is loaded; throws where none is left. */
  readonly onDamaged: (place: number, message: string) => void;
}

/** An own share of a batch, and the damaged items that all ranks met on the way to it. */
export interface Share<Sample> {
  readonly samples: ReadonlyArray<{
    readonly place: number;
    readonly outcome: Extract<Outcome<Sample>, { kind: 'sample' }>;
  }>;
  /** The place behind the batch. */
  readonly end: number;
  readonly damaged: ReadonlyArray<readonly [place: number, message: string]>;
}

/**
 * Every batch is the first items of the stream that are not damaged, whatever the number of ranks; rank r makes those from
 * r·b/N on, b/N of them. Which items are damaged only the rank knows that made them: so after each batch ranks tell one another, and
 * where there are any, batch and shares are cut anew.
 */
export async function* sharedBatches<Sample>(
  options: ShareOptions<Sample>,
): AsyncGenerator<Share<Sample>, void> {
  const { ranks, batchSize, ahead, make, wait, messageOf, onDamaged } = options;
  const own = batchSize / ranks.size;
  const left = new Set<number>();
  const pending = new Map<number, Promise<Outcome<Sample>>>();
  /** The places of own samples in the batch that begins at a place, and the place behind that batch. */
  const shareFrom = (start: number) => {
    const places: number[] = [];
    let place = start;
    for (; places.length < batchSize; place++) if (!left.has(place)) places.push(place);
    return { places: places.slice(ranks.rank * own, (ranks.rank + 1) * own), end: place };
  };
  const request = (place: number) => {
    const known = pending.get(place);
    if (known !== undefined) return known;
    const made = make(place);
    // It is awaited when its turn comes; until then its rejection is nobody's fault.
    made.catch(() => {});
    pending.set(place, made);
    return made;
  };
  const fill = (start: number) => {
    for (let i = 0, at = start; i < ahead; i++) {
      const { places, end } = shareFrom(at);
      for (const place of places) request(place);
      at = end;
    }
  };
  for (let start = options.begin; ; ) {
    const damaged: Array<readonly [place: number, message: string]> = [];
    for (;;) {
      fill(start);
      const { places, end } = shareFrom(start);
      const samples = [];
      const found: Array<readonly [place: number, message: string]> = [];
      for (const place of places) {
        const outcome = await wait(request(place));
        if (outcome === undefined) return;
        if (outcome.kind === 'sample') samples.push({ place, outcome });
        else found.push([place, messageOf(outcome)]);
      }
      const told = await tellDamaged(ranks, found);
      if (told.length === 0) {
        for (const place of pending.keys()) if (place < end) pending.delete(place);
        yield { samples, end, damaged };
        start = end;
        break;
      }
      for (const [place, message] of told) {
        left.add(place);
        onDamaged(place, message);
      }
      damaged.push(...told);
    }
  }
}

/** The damaged items of all ranks, in the order of the stream. */
async function tellDamaged(
  ranks: Communicator,
  found: ReadonlyArray<readonly [place: number, message: string]>,
): Promise<Array<readonly [place: number, message: string]>> {
  const count = Float32Array.of(found.length);
  await ranks.allReduce(count);
  if (count[0] === 0) return [];
  const texts = await gatherTexts(ranks, JSON.stringify(found));
  const all = texts.flatMap((text) => JSON.parse(text) as Array<readonly [number, string]>);
  return all.sort(([a], [b]) => a - b);
}
