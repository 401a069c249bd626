import type { IncompleteFrame } from '../../datasets/incomplete-frame.ts';
import type { FailureCount } from '../../datasets/loader.ts';

/** What is said of a frame that was left out. */
export function describeDamaged(dataName: string, message: string): string {
  return `${dataName}: frame left out as damaged: ${message}`;
}

/** Says of each damaged frame that a loader has met which file and why, once. */
export function damageTeller(dataName: string, say: (line: string) => void) {
  const told = new Set<number>();
  return (failures: ReadonlyMap<number, FailureCount>): void => {
    for (const [index, { message }] of failures) {
      if (!told.has(index)) say(describeDamaged(dataName, message));
      told.add(index);
    }
  };
}

/** What is said of frames whose picture is not needed and not there; undefined where all have one. */
export function describeWithoutPicture(dataName: string, count: number): string | undefined {
  if (count === 0) return undefined;
  return `${dataName}: ${count} ${count === 1 ? 'frame has' : 'frames have'} no picture: its size is taken to be twice the principal point`;
}

/** What is said of frames that lack a file; undefined where none does. */
export function describeIncomplete(
  dataName: string,
  incomplete: readonly IncompleteFrame[],
): string | undefined {
  const [first] = incomplete;
  if (first === undefined) return undefined;
  return `${dataName}: ${incomplete.length} incomplete left out, such as ${first.id} without ${first.missing}`;
}
