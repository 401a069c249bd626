import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import type { Tree } from '../../src/engine/tree.ts';
import { branchAt } from '../../src/nn/layer.ts';
import type { RunConfig } from '../../src/training/config.ts';
import type { CorrespondenceFile } from '../../src/training/correspond/correspondence-file.ts';
import { pretrain } from '../../src/training/pretrain.ts';
import { latestCheckpoint, loadCheckpoint } from '../../src/training/run/checkpoint.ts';
import { readMetrics } from '../../src/training/run/run-folder.ts';
import type { Teacher } from '../../src/training/teacher.ts';
import { type firstSteps, greatestDifference, runSteps } from './tiny-image-run.ts';
import { writeSyntheticKitti } from './tiny-simipu.ts';

/**
 * Expects of a run that is stopped and resumed the losses, metrics and last state of one in one go, bit for bit; gives that state.
 * Without `root` it learns from six pictures, so that in batches of four two epochs meet in the second.
 */
export async function expectSameAfterResuming(
  config: RunConfig,
  {
    root,
    teacher,
    correspondences,
    steps = 5,
    stopAfter = 2,
  }: {
    readonly root?: string;
    /** Given to what begins, not to what goes on. */
    readonly teacher?: Teacher;
    readonly correspondences?: CorrespondenceFile;
    readonly steps?: number;
    readonly stopAfter?: number;
  } = {},
): Promise<Tree<HostTensor>> {
  const folder = await mkdtemp(join(tmpdir(), 'resuming-'));
  const data = { root: root ?? join(folder, 'kitti') };
  if (root === undefined) await writeSyntheticKitti(data.root, 6);
  const given = { config: { ...config, steps }, data };
  const beside = { teacher, correspondences };
  const quiet = { write: () => {} };
  const course = async (out: string) => {
    const { lines } = await readMetrics(out);
    const { folder: newest } = (await latestCheckpoint(out))!;
    const { state, meta } = await loadCheckpoint(newest, {});
    return { step: meta.step, lines: lines.map(({ step, loss, metric }) => ({ step, loss, metric })), state };
  };
  const whole = join(folder, 'whole');
  await pretrain({ ...given, ...beside, out: whole, stream: quiet });
  const parts = join(folder, 'parts');
  const controller = new AbortController();
  const stream = {
    write: (text: string) => {
      if (text.startsWith(`step ${stopAfter}/`)) controller.abort();
    },
  };
  const first = await pretrain({ ...given, ...beside, out: parts, stream, signal: controller.signal });
  await pretrain({ ...given, out: parts, resume: true, stream: quiet });
  expect(first.step).toBeGreaterThanOrEqual(stopAfter);
  expect(first.step).toBeLessThan(steps);
  const expected = await course(whole);
  expect(expected.step).toBe(steps);
  expect(await course(parts)).toEqual(expected);
  await rm(folder, { recursive: true });
  return expected.state;
}

/** Expects of the steps captured and run by ONNX Runtime what tfjs gives, each from the same state. */
export async function expectCapturedAsEager(
  first: ReturnType<typeof firstSteps>,
  eager: Awaited<ReturnType<typeof runSteps>>,
  { ofLosses = 1e-5, ofStates = 1e-4 }: { readonly ofLosses?: number; readonly ofStates?: number } = {},
): Promise<void> {
  const captured = await runSteps(first, { device: 'cpu', from: eager.states });
  eager.outputs.forEach((output, i) => {
    const loss = greatestDifference(branchAt(output, 'loss'), branchAt(captured.outputs[i], 'loss'));
    expect(loss.difference, `${loss.path} of step ${i}`).toBeLessThan(ofLosses);
    const state = greatestDifference(eager.states[i], captured.states[i]);
    expect(state.difference, `${state.path} after step ${i}`).toBeLessThan(ofStates);
  });
}
