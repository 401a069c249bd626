import type { HostTensor } from '../../engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../engine/tree.ts';

/** A loss that is no number: the run stops, and the last checkpoint is from before. */
export class DivergedError extends Error {
  override readonly name = 'DivergedError';
}

/** Throws a DivergedError for a loss that is no finite number at a step; `checkpoint` is the last one from before. */
export function requireFiniteLoss(
  loss: Readonly<Record<string, number>>,
  step: number,
  checkpoint: string | undefined,
): void {
  // The terms are named before their total.
  const [term] = Object.keys(loss)
    .filter((name) => !Number.isFinite(loss[name]))
    .sort((a, b) => Number(a === 'total') - Number(b === 'total'));
  if (term !== undefined) throw diverged(`loss '${term}' is ${loss[term]} at step ${step}`, checkpoint);
}

/** Throws a DivergedError for a state that holds anything but finite numbers. */
export function requireFinite(state: Tree<HostTensor>, step: number, checkpoint: string | undefined): void {
  for (const [path, { data }] of leavesOf(state)) {
    for (let i = 0; i < data.length; i++) {
      if (!Number.isFinite(data[i]))
        throw diverged(`tensor '${path}' holds ${data[i]} after step ${step}`, checkpoint);
    }
  }
}

function diverged(what: string, checkpoint: string | undefined): DivergedError {
  const kept =
    checkpoint === undefined
      ? 'there is no checkpoint from before'
      : `the last good checkpoint is ${checkpoint}`;
  return new DivergedError(
    `${what}: the run has diverged and stops; ${kept}. A lower learning rate (--set optimizers.…) may help`,
  );
}
