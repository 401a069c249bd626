import { InputError } from '../engine/input-error.ts';

/** A frame that was asked for or begun, and the files it lacks, such as `velodyne/000007.bin`. */
export interface IncompleteFrame {
  readonly id: string;
  readonly missing: string;
}

/** Throws InputError where no complete frame is left of those in `folder`, and with `strict` for any incomplete one. */
export function requireComplete(
  folder: string,
  found: {
    readonly complete: number;
    readonly incomplete: readonly IncompleteFrame[];
    readonly strict: boolean | undefined;
  },
): void {
  const { complete, incomplete, strict = false } = found;
  if (complete > 0 && !(strict && incomplete.length > 0)) return;
  const [first] = incomplete;
  throw new InputError({
    file: folder,
    expected: complete === 0 ? 'at least one complete frame' : 'complete frames',
    found:
      first === undefined
        ? 'none'
        : `${incomplete.length} incomplete, such as ${first.id} without ${first.missing}`,
  });
}
