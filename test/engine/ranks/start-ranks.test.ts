import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartRanksOptions, startRanks } from '../../../src/engine/ranks/start-ranks.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-start-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs a program of one line as ranks; gives the exit code, and what was said and written to the file `$log`. */
async function started(
  program: string,
  options: Partial<StartRanksOptions>,
): Promise<{ code: number; said: string[]; log: string[]; seconds: number }> {
  const file = join(folder, 'program.cjs');
  const log = join(folder, 'log');
  await writeFile(log, '');
  await writeFile(
    file,
    `const { RANK: rank, WORLD_SIZE: size, LOCAL_RANK: local, MASTER_ADDR: host } = process.env;
const args = process.argv.slice(2);
const say = (text) => require('node:fs').appendFileSync(${JSON.stringify(log)}, text + '\\n');
${program}`,
  );
  const said: string[] = [];
  const began = performance.now();
  const code = await startRanks({
    command: [process.execPath, file, 'word'],
    restarts: 0,
    say: (line) => said.push(line),
    graceMs: 300,
    ...options,
  });
  const lines = (await readFile(log, 'utf8')).split('\n').filter((line) => line !== '');
  return { code, said, log: lines.sort(), seconds: (performance.now() - began) / 1000 };
}

const killedAtFirst =
  "if (args.includes('--resume')) say(args.join()); else process.kill(process.pid, 'SIGKILL');";

describe('ranks of one host', () => {
  it('are started with their numbers', async () => {
    const { code, said, log } = await started('say([rank, size, local, host, args].join())', { count: 2 });
    expect({ code, said }).toEqual({ code: 0, said: [] });
    expect(log).toEqual(['0,2,0,127.0.0.1,word', '1,2,1,127.0.0.1,word']);
  });

  it('end when one of them ends badly, and those that will not are killed', async () => {
    const program = `if (rank === '1') setTimeout(() => process.exit(1), 700);
process.on('SIGTERM', () => say(rank));
setInterval(() => {}, 1000);`;
    const { code, said, log, seconds } = await started(program, { count: 3, restarts: 5 });
    expect({ code, said }).toEqual({ code: 1, said: [] });
    expect(log).toEqual(['0', '2']);
    expect(seconds).toBeLessThan(10);
  });

  it('are started again with --resume after one was killed', async () => {
    const { code, said, log } = await started(killedAtFirst, { count: 1, restarts: 2 });
    expect(code).toBe(0);
    expect(said).toEqual([
      'rank 0 of 1 was ended by SIGKILL',
      'a rank was lost: starting again with --resume, 1 of 2',
    ]);
    expect(log).toEqual(['word,--resume']);
  });

  it('are started again so often and no more', async () => {
    const { code, said } = await started('process.exit(75)', { count: 1, restarts: 2 });
    expect(code).toBe(75);
    expect(said).toEqual([
      'a rank was lost: starting again with --resume, 1 of 2',
      'a rank was lost: starting again with --resume, 2 of 2',
    ]);
  });
});

describe('a launcher', () => {
  it('is started once as it is, and again when it says that a rank was killed', async () => {
    const program = "say(String(rank)); process.exit(args.includes('--resume') ? 0 : 137)";
    const { code, said, log } = await started(program, { restarts: 1 });
    expect({ code, log }).toEqual({ code: 0, log: ['undefined', 'undefined'] });
    expect(said).toEqual(['a rank was lost: starting again with --resume, 1 of 1']);
  });

  it.each([1, 130])('is not started again after code %i', async (wanted) => {
    const { code, said } = await started(`process.exit(${wanted})`, { restarts: 1 });
    expect({ code, said }).toEqual({ code: wanted, said: [] });
  });

  it('that is not there is an error', async () => {
    const command = ['pointpair-no-such-launcher'];
    await expect(startRanks({ command, restarts: 1, say: () => {} })).rejects.toThrow(
      'pointpair-no-such-launcher: expected a program that can be started, found nothing',
    );
  });
});
