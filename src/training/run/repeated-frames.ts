/** What is said of a batch that is larger than the data; undefined where it is not. */
export function describeRepeats(batchSize: number, frames: number): string | undefined {
  if (batchSize <= frames) return undefined;
  const which = frames === 1 ? 'the only frame is' : `its ${frames} frames are`;
  return `a batch of ${batchSize} is larger than the data: ${which} in it several times (--set batchSize=${frames} has each once)`;
}
