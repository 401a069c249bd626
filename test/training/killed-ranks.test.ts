import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { latestCheckpoint, loadCheckpoint } from '../../src/training/run/checkpoint.ts';
import { smallScenes } from '../datasets/scenes/small-scenes.ts';

/** `KILLS=50` for as many as a release is tried with; some ten minutes. */
const kills = Number(process.env.KILLS ?? 1);
const steps = 12;
const cli = fileURLToPath(new URL('../../dist/tools/cli.js', import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'killed-ranks-'));
  await smallScenes(join(folder, 'scenes'), { count: 6, heldOut: 0 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Starts two ranks of a training run that has to be as long as another that is undisturbed. */
function start(out: string): ChildProcess {
  const begins = !existsSync(join(out, 'config.json'));
  const options = [
    ...['--preset', 'simipu-smoke', '--data', join(folder, 'scenes'), '--out', out, '--threads', '1'],
    ...['--set', `steps=${steps}`, '--set', 'checkpoint.everySteps=3', '--set', 'batchSize=2'],
    ...['--set', 'checkpoint.keep=2'],
  ];
  const how = begins ? [...options, '--overwrite'] : ['--out', out, '--threads', '1', '--resume'];
  const args = [cli, 'ranks', '-n', '2', '--', 'pointpair', 'pretrain', ...how];
  const env = { ...process.env, OMP_WAIT_POLICY: 'PASSIVE' };
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'ignore'], env });
}

/** The processes that it has started, as Linux lists them. */
function ranksOf({ pid }: ChildProcess): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

/** The newest checkpoint of a run that is whole: it is read, so a torn one would be an error. */
async function checkpointIn(out: string): Promise<number> {
  const newest = existsSync(out) ? await latestCheckpoint(out) : undefined;
  if (newest === undefined) return 0;
  return (await loadCheckpoint(newest.folder)).meta.step;
}

async function weightsOf(out: string): Promise<Buffer> {
  const newest = await latestCheckpoint(out);
  return readFile(join(newest!.folder, 'state.safetensors'));
}

describe('two ranks, one of which is killed at any moment', () => {
  it(`lose no checkpoint and come to the same bits, ${kills} times`, {
    timeout: 600_000 + kills * 30_000,
  }, async () => {
    const undisturbed = join(folder, 'undisturbed');
    const began = performance.now();
    expect(await once(start(undisturbed), 'exit')).toEqual([0, null]);
    const whole = performance.now() - began;
    const random = Random.fromSeed('kills');
    let killed = 0;
    for (let run = 0; killed < kills; run++) {
      const out = join(folder, `run${run}`);
      let before = 0;
      for (let done = false; !done; ) {
        const ranks = start(out);
        const ended = once(ranks, 'exit');
        const moment = killed < kills ? random.uniform(0, whole) : undefined;
        const victim = random.integer(2);
        if (moment !== undefined) {
          await Promise.race([ended, setTimeout(moment)]);
          const pid = ranks.exitCode === null ? ranksOf(ranks)[victim] : undefined;
          if (pid !== undefined) {
            process.kill(pid, 'SIGKILL');
            killed++;
          }
        }
        const [code] = await ended;
        const now = await checkpointIn(out);
        expect(now).toBeGreaterThanOrEqual(before);
        before = now;
        done = code === 0;
        if (done) expect(now).toBe(steps);
      }
      expect((await weightsOf(out)).equals(await weightsOf(undisturbed))).toBe(true);
    }
  });
});
