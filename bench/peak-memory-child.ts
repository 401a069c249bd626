import { type PeakMemoryAnswer, type PeakMemoryRequest, peakMemoryMiB } from './peak-memory.ts';
import { referencedStep } from './repeated-step.ts';

/** The process that `peakMemoryAlone` starts: it does what it is asked once, answers and ends. */
process.once('message', async ({ step, runs }: PeakMemoryRequest) => {
  const repeated = await referencedStep(step);
  for (let run = 0; run < runs; run++) await repeated.run();
  process.send!({ mib: peakMemoryMiB() } satisfies PeakMemoryAnswer);
  await repeated.dispose();
  process.disconnect();
});
