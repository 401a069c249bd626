import { InvalidArgumentError, Option } from 'commander';
import { type Device, devices } from '../src/engine/device.ts';

/** A whole number from `least` on, up to `most` where that is given: decimal digits and nothing else. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
  const wanted = range === 'from 1 on' ? 'a positive integer' : `a whole number ${range}`;
  return (text) => {
    const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`expected ${wanted}, in decimal digits`);
    return value;
  };
}

/** `--columns`: how many numbers a point has in a file that does not say so. */
export function columnsOption(): Option {
  return new Option(
    '--columns <number>',
    "numbers a point has in .bin files, if not KITTI's four (nuScenes: 5)",
  ).argParser(wholeNumber(3));
}

/** `--camera`: which of several cameras. */
export function cameraOption(): Option {
  return new Option(
    '--camera <name>',
    "the camera that is seen by, by the data set's own name, such as image_03 (default: the first)",
  );
}

/** `--sequence`: some of several sequences. */
export function sequenceOption(): Option {
  return new Option('--sequence <name>', 'only this sequence of several (repeatable)')
    .argParser(collected)
    .default([], 'all');
}

/** A share above 0 and up to 1: decimal digits, perhaps with a point. */
export function share(text: string): number {
  const value = /^([0-9]+\.?[0-9]*|\.[0-9]+)$/.test(text) ? Number(text) : Number.NaN;
  if (!(value > 0 && value <= 1))
    throw new InvalidArgumentError('expected a share above 0 and up to 1, such as 0.05');
  return value;
}

/** Collects the values of an option that is given several times. */
export function collected(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

/** `--device`: where steps run. */
export function deviceOption(): Option {
  return new Option('--device <device>', 'where steps run')
    .choices([...devices])
    .default('cpu' satisfies Device);
}

/** Somebody stopped a command that goes on when it is given again. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** A signal for the first Ctrl-C; the second one ends the process. */
export function interruptSignal(onInterrupt: () => void): {
  readonly signal: AbortSignal;
  readonly release: () => void;
} {
  const controller = new AbortController();
  const handle = () => {
    process.off('SIGINT', handle);
    process.off('SIGTERM', handle);
    onInterrupt();
    controller.abort(new Interrupted('stopped; the same command goes on where it was'));
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  return {
    signal: controller.signal,
    release: () => {
      process.off('SIGINT', handle);
      process.off('SIGTERM', handle);
    },
  };
}
