import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { beaconsOf, writeBeacons } from './beacons.ts';
import { along, pointsAlone, spotAlong } from './eyes.ts';
import { describeInBrowser } from './in-browser.ts';
import { until } from './open-page.ts';
import { isColoured } from './pixels.ts';

const cli = fileURLToPath(new URL('../../../dist/tools/cli.js', import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-command-'));
  await writeBeacons(join(folder, 'beacons'));
});
afterAll(() => rm(folder, { recursive: true }));

describeInBrowser('pointpair view', (browser) => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'says its address, shows the page there and ends with %s',
    async (signal) => {
      const child = spawn(process.execPath, [cli, 'view', 'beacons', '--port', '0'], { cwd: folder });
      try {
        let [stdout, stderr] = ['', ''];
        child.stdout.on('data', (chunk) => {
          stdout += chunk;
        });
        child.stderr.on('data', (chunk) => {
          stderr += chunk;
        });
        const exited = once(child, 'exit');
        await until(() => stdout.includes('Ctrl-C') || child.exitCode !== null, 'the address');
        const address = /^beacons: (http:\/\/localhost:\d+\/)$/m.exec(stdout)?.[1];
        expect(address, `${stdout}${stderr}`).toBeDefined();
        const link = { ...pointsAlone, ...along([0, 0, 0], 4), size: 4 };
        const page = await browser.open(address!, link);
        await page.shown(0);
        await page.pictured();
        const stage = await page.stage();
        for (const { at } of beaconsOf(0))
          expect(isColoured(stage.at(...spotAlong(stage, [0, 0, 0], 4, at)))).toBe(true);
        child.kill(signal);
        expect(await exited).toEqual([0, null]);
        expect(stderr).toBe('');
      } finally {
        child.kill('SIGKILL');
      }
    },
  );
});
