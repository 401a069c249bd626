import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { composeScene } from '../src/datasets/scenes/compose-scene.ts';
import { scan } from '../src/datasets/scenes/laser-scanner.ts';
import { Random } from '../src/engine/random.ts';
import { writeKittiBin } from '../src/pointcloud/kitti-bin.ts';
import { serveViewer } from '../src/viewer/server/http-server.ts';
import { Session } from '../src/viewer/server/session.ts';
import { launchChromium } from './chromium.ts';
import { type Row, rowOf } from './measurement.ts';
import { ourselves } from './result.ts';

/** How large the sweeps are, and how often each is shown. */
export interface ViewerBenchOptions {
  readonly points: readonly number[];
  readonly runs: number;
  readonly warmup: number;
}

/** Firings a turn of 64 beams for so many points: about two in three come back. */
const stepsFor = (points: number) => Math.ceil(points / 38);

/**
 * `bytes sent`, `first picture` and `whole sweep`: what a sweep of a generated street takes over this machine's loopback, from
 * the key that asks for the frame until its first points, and all of them, are drawn in a Chromium without a graphics card.
 */
export async function benchViewer({ points, runs, warmup }: ViewerBenchOptions): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'pointpair-bench-viewer-'));
  try {
    const scene = composeScene(Random.fromSeed('viewer').fork('scene'));
    await writeFile(join(folder, 'a.bin'), writeKittiBin(Float32Array.of(1, 0, 0, 0)));
    const files: Array<{ readonly count: number; readonly bytes: number }> = [];
    for (const count of points) {
      const rows = scan(scene, Random.fromSeed(`viewer ${count}`), { beams: 64, steps: stepsFor(count) });
      if (rows.length < 4 * count) throw new Error(`${rows.length / 4} points for a sweep of ${count}`);
      const bytes = writeKittiBin(rows.slice(0, 4 * count));
      for (let run = 0; run < warmup + runs; run++) {
        files.push({ count, bytes: bytes.length });
        await writeFile(join(folder, `b${String(files.length).padStart(4, '0')}.bin`), bytes);
      }
    }
    return await measure(folder, files, { runs, warmup });
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measure(
  folder: string,
  files: ReadonlyArray<{ readonly count: number; readonly bytes: number }>,
  { runs, warmup }: { readonly runs: number; readonly warmup: number },
): Promise<Row[]> {
  const browser = await launchChromium();
  const viewer = await serveViewer(await Session.open({ path: folder }), { port: 0 });
  try {
    // The page lets nothing evaluate strings, which is how it is asked for its marks.
    const page = await browser.newPage({
      locale: 'en-US',
      viewport: { width: 1280, height: 720 },
      bypassCSP: true,
    });
    const address = `http://localhost:${viewer.port}/`;
    await page.goto(address);
    await drawn(page, 'pointpair:shown', 0);
    const rows: Row[] = [];
    for (const count of new Set(files.map((file) => file.count))) {
      const first = files.findIndex((file) => file.count === count);
      const times: Array<{ readonly begun: number; readonly whole: number }> = [];
      for (let run = 0; run < warmup + runs; run++) {
        const frame = 1 + first + run;
        await page.keyboard.press('.');
        const whole = await drawn(page, 'pointpair:shown', frame);
        const begun = await drawn(page, 'pointpair:begun', frame);
        process.stderr.write(`${count} points, run ${run + 1}/${warmup + runs}: ${whole.toFixed(0)} ms\n`);
        if (run >= warmup) times.push({ begun, whole });
      }
      const sent = await bytesOf(`${address}api/points?frame=${1 + first}`);
      const work = { shape: `${count.toLocaleString('en')} points`, threads: 1, warmup } as const;
      const size = { ...work, name: 'bytes sent', unit: 'KiB' } as const;
      rows.push(
        rowOf({ ...size, by: ourselves, warmup: 0 }, [sent / 1024]),
        rowOf({ ...size, by: 'the file itself', warmup: 0 }, [files[first].bytes / 1024]),
        rowOf(
          { ...work, name: 'first picture', by: ourselves, unit: 'ms' },
          times.map(({ begun }) => begun),
        ),
        rowOf(
          { ...work, name: 'whole sweep', by: ourselves, unit: 'ms' },
          times.map(({ whole }) => whole),
        ),
      );
    }
    return rows;
  } finally {
    await browser.close();
    await viewer.close();
  }
}

/** Milliseconds from the request for a frame to a mark of it, once the page has made that. */
async function drawn(page: Page, mark: string, frame: number): Promise<number> {
  const find = (name: string) =>
    `performance.getEntriesByName('${name}').filter((each) => each.detail === ${frame}).at(-1)?.startTime`;
  await page.waitForFunction(`${find(mark)} !== undefined`, undefined, { timeout: 120_000 });
  return page.evaluate<number>(`${find(mark)} - ${find('pointpair:asked')}`);
}

/** The bytes of an answer as they travel, compressed. */
function bytesOf(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get(address, { headers: { 'Accept-Encoding': 'gzip' } }, (response) => {
      let bytes = 0;
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
      });
      response.on('end', () => resolve(bytes));
    });
    request.on('error', reject);
  });
}
