import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium, noBrowser } from '../../../bench/chromium.ts';
import { serveViewer } from '../../../src/viewer/server/http-server.ts';
import type { SessionOptions } from '../../../src/viewer/server/open-parts.ts';
import { Session } from '../../../src/viewer/server/session.ts';
import { addressOf, type Link, OpenPage, patienceMs } from './open-page.ts';

/** A viewer that answers. */
export interface Served {
  readonly address: string;
  readonly close: () => Promise<void>;
}

/** One browser for all suites of a process, started by the first; it ends with the process, whose pipe it hangs on. */
let started: Promise<Browser> | undefined;

async function browser(): Promise<Browser> {
  const known = await started;
  if (known?.isConnected()) return known;
  started = launchChromium();
  return started;
}

/** A suite of tests that have a browser; where there is none it is skipped, and its name says why. */
export function describeInBrowser(name: string, body: (open: OpenPages) => void): void {
  if (noBrowser !== undefined) {
    describe.skip(name, () => it(noBrowser!, () => {}));
    return;
  }
  describe(name, { timeout: 2 * patienceMs }, () => {
    const pages = new OpenPages();
    beforeAll(async () => {
      await browser();
    }, 2 * patienceMs);
    afterEach(() => pages.closeAll(), patienceMs);
    body(pages);
  });
}

/** The pages and viewers that a test has opened. */
export class OpenPages {
  private readonly pages: OpenPage[] = [];
  private readonly served: Served[] = [];

  /** Closes what a test has opened; fails where a page complained of something that was not expected. */
  async closeAll(): Promise<void> {
    const pages = this.pages.splice(0);
    for (const { page } of pages) await page.context().close();
    for (const { close } of this.served.splice(0)) await close();
    expect(pages.flatMap((page) => page.complaints())).toEqual([]);
  }

  /** Opens a viewer until the end of the test. */
  async serve(options: SessionOptions): Promise<string> {
    const served = await serve(options);
    this.served.push(served);
    return served.address;
  }

  /** Opens a page of a viewer until the end of the test. */
  async open(
    address: string,
    link: Link = {},
    options: {
      readonly theme?: 'dark' | 'light';
      readonly expected?: readonly RegExp[];
      readonly viewport?: { readonly width: number; readonly height: number };
      /** Runs before anything is loaded. */
      readonly before?: (page: Page) => Promise<unknown>;
    } = {},
  ): Promise<OpenPage> {
    const context = await (await browser()).newContext({
      locale: 'en-US',
      viewport: options.viewport ?? { width: 1280, height: 720 },
      colorScheme: options.theme ?? 'dark',
      // What moves the eye does so at once.
      reducedMotion: 'reduce',
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    context.setDefaultTimeout(patienceMs);
    const page = new OpenPage(await context.newPage(), options.expected ?? []);
    this.pages.push(page);
    await options.before?.(page.page);
    await page.page.goto(addressOf(address, link));
    return page;
  }
}

/** A viewer on a free port. */
export async function serve(options: SessionOptions): Promise<Served> {
  const viewer = await serveViewer(await Session.open(options), { port: 0 });
  return { address: `http://localhost:${viewer.port}/`, close: viewer.close };
}
