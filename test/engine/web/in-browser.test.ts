import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium, noBrowser } from '../../../bench/chromium.ts';
import type { Step } from '../../../src/engine/capture.ts';
import { compile } from '../../../src/engine/compile.ts';
import type { HostTensor } from '../../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../../src/engine/tree.ts';
import { repository } from '../../architecture/source-files.ts';
import type { PlainLeaves, Trained } from './in-page.ts';
import { line, models, network } from './trained-steps.ts';

const web = join(repository, 'node_modules/onnxruntime-web/dist');
let server: Server;
let browser: Browser;
let page: Page;

/** Bundles the page's script, as a user's bundler would, and serves it with the models and onnxruntime-web's own files. */
beforeAll(async () => {
  if (noBrowser !== undefined) return;
  const bundled = await build({
    entryPoints: [join(repository, 'test/engine/web/in-page.ts')],
    ...{ bundle: true, format: 'esm', platform: 'browser', write: false, logLevel: 'error' },
    // The runtime finds its WebAssembly file by itself.
    external: ['node:*'],
  });
  const files = new Map<string, readonly [type: string, bytes: Uint8Array]>([
    ['/', ['text/html', Buffer.from('<!doctype html><script type="module" src="/train.js"></script>')]],
    ['/train.js', ['text/javascript', bundled.outputFiles[0].contents]],
    ...Object.entries(models()).map(
      ([name, bytes]) => [`/${name}.onnx`, ['application/octet-stream', bytes]] as const,
    ),
  ]);
  server = createServer(async (request, response) => {
    const name = new URL(request.url!, 'http://localhost').pathname;
    const runtime = /^\/ort-wasm[\w.-]+\.(wasm|mjs)$/.exec(name);
    const file =
      files.get(name) ??
      (runtime && [
        runtime[1] === 'wasm' ? 'application/wasm' : 'text/javascript',
        await readFile(join(web, name)),
      ]);
    if (!file) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': file[0] }).end(file[1]);
  });
  await new Promise<void>((listening) => server.listen(0, 'localhost', listening));
  browser = await launchChromium();
  page = await browser.newPage();
  await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
  await page.waitForFunction(() => 'train' in globalThis);
}, 120_000);

afterAll(async () => {
  await browser?.close();
  server?.close();
});

const plain = (tree: Tree<HostTensor>): PlainLeaves =>
  leavesOf(tree).map(([path, { shape, data }]) => [path, [...shape], [...data]]);

/** Trains in the page, and in Node from the same start; both give the losses and the last state. */
async function bothWays(
  name: string,
  {
    step,
    state,
    batch,
  }: { readonly step: Step; readonly state: Tree<HostTensor>; readonly batch: Tree<HostTensor> },
  runs: number,
) {
  const given = [`/${name}.onnx`, plain(state), plain(batch), runs] as const;
  const inBrowser = await page.evaluate((values) => {
    const { train } = globalThis as unknown as { train(...args: unknown[]): Promise<Trained> };
    return train(...values);
  }, given);
  const compiled = await compile(step, { state, batch });
  let result = await compiled.run(state, batch);
  const losses = [(result.outputs.loss as HostTensor).data[0]];
  while (losses.length < runs) {
    result = await compiled.run(result.state, batch);
    losses.push((result.outputs.loss as HostTensor).data[0]);
  }
  const inNode = { losses, state: plain(await result.state.read()) };
  await compiled.dispose();
  return { inBrowser, inNode };
}

const title = `in a browser, on onnxruntime-web's WebAssembly${noBrowser === undefined ? '' : ` (skipped: ${noBrowser})`}`;

describe.skipIf(noBrowser !== undefined)(title, () => {
  it('finds the line through four points', async () => {
    const { inBrowser } = await bothWays('line', line as never, 100);
    // Mean of (y - 0)² at first; the line is y = 3 x - 1.
    expect(inBrowser.losses[0]).toBeCloseTo((16 + 1 + 4 + 25) / 4, 5);
    expect(inBrowser.losses[99]).toBeLessThan(1e-6);
    const [bias, weight] = inBrowser.state;
    expect(bias[2][0]).toBeCloseTo(-1, 4);
    expect(weight[2][0]).toBeCloseTo(3, 4);
  });

  it('trains a small network as Node does', async () => {
    const { inBrowser, inNode } = await bothWays('network', network as never, 60);
    expect(inBrowser.losses[0]).toBeGreaterThan(0.3);
    expect(inBrowser.losses[59]).toBeLessThan(0.05);
    for (const i of [0, 1, 2, 5, 10]) expect(inBrowser.losses[i]).toBeCloseTo(inNode.losses[i], 3);
    expect(inBrowser.state.map(([path, shape]) => [path, shape])).toEqual(
      inNode.state.map(([path, shape]) => [path, shape]),
    );
  });
});
