import type { Locator, Page } from 'playwright-core';
import { Pixels } from './pixels.ts';

/** How long something may take that is waited for: machines are slow, and tests that fail are few. */
export const patienceMs = 60_000;

/** A part of an address: what it says of the state of the page. */
export type Link = { readonly [key: string]: string | number };

/** An address with a state of the page. */
export function addressOf(address: string, link: Link): string {
  const words = Object.entries(link).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
  return words.length === 0 ? address : `${address}#${words.join('&')}`;
}

/** Asks again and again until something is so. */
export async function until(isSo: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`waited ${patienceMs / 1000} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** A page of the viewer, and what it complained of. */
export class OpenPage {
  readonly page: Page;
  private readonly expected: RegExp[];
  private readonly heard: string[] = [];

  constructor(page: Page, expected: readonly RegExp[]) {
    this.page = page;
    this.expected = [...expected];
    page.on('pageerror', (error) => this.heard.push(`error: ${error.stack ?? error.message}`));
    page.on('console', (message) => {
      if (!['error', 'warning'].includes(message.type())) return;
      // SwiftShader is slow at reading, which these tests do.
      if (message.text().includes('GPU stall due to ReadPixels')) return;
      this.heard.push(`${message.type()}: ${message.text()} ${message.location().url}`);
    });
    page.on('requestfailed', (request) => {
      const why = request.failure()?.errorText ?? '';
      // The page gives up requests whose answers it does not need any more.
      if (why !== 'net::ERR_ABORTED') this.heard.push(`request: ${request.url()} ${why}`);
    });
  }

  /** From now on such complaints are as they should be. */
  expect(...complaints: readonly RegExp[]): void {
    this.expected.push(...complaints);
  }

  complaints(): string[] {
    return this.heard.filter((each) => !this.expected.some((pattern) => pattern.test(each)));
  }

  /** Waits until the whole sweep of a frame, by its number, is on the stage. */
  async shown(frame: number): Promise<void> {
    // Not `waitForFunction`, which the page's own policy against foreign code does not let run.
    const isShown = () =>
      this.page.evaluate<boolean>(
        `(() => {
          const [shown] = performance.getEntriesByName('pointpair:shown').slice(-1);
          const [asked] = performance.getEntriesByName('pointpair:asked').slice(-1);
          return shown?.detail === ${frame} && asked?.detail === ${frame} && shown.startTime >= asked.startTime;
        })()`,
      );
    await until(isShown, `frame ${frame} on the stage`);
    await this.drawn();
  }

  /** Waits until what was asked of the page has been drawn. */
  async drawn(): Promise<void> {
    await this.page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))))',
    );
  }

  /** Waits until the picture of the frame is in its pane. */
  async pictured(): Promise<void> {
    await until(async () => (await this.picture()).count((_, alpha) => alpha === 255) > 1000, 'a picture');
  }

  /** What is on the canvas of the points, without labels and whatever else lies over it. */
  async stage(): Promise<Pixels> {
    await this.drawn();
    // A stage whose size may have changed is drawn at once, and can be read until the task ends.
    return Pixels.of(
      await this.page.evaluate<string>(
        "(dispatchEvent(new Event('resize')), document.getElementById('stage').toDataURL())",
      ),
    );
  }

  /** What is on the canvas of the picture; transparent where there is nothing. */
  async picture(): Promise<Pixels> {
    return this.canvas('picture');
  }

  /** The lines across the panes; transparent where there is none. */
  async links(): Promise<Pixels> {
    return this.canvas('links');
  }

  private async canvas(id: string): Promise<Pixels> {
    await this.drawn();
    return Pixels.of(await this.page.evaluate<string>(`document.getElementById('${id}').toDataURL()`));
  }

  /** Takes an entry of a drop-down list. */
  async select(name: string, value: string): Promise<void> {
    await this.page.locator(`select[name="${name}"]`).selectOption(value);
  }

  /** Takes one of a few choices that are side by side. */
  async choose(name: string, value: string): Promise<void> {
    await this.page.locator(`[data-name="${name}"] [data-value="${value}"]`).click();
  }

  /** Moves a slider, or writes into a field. */
  async enter(name: string, value: number): Promise<void> {
    const field = this.page.locator(`input[name="${name}"]`);
    await field.fill(String(value));
    await field.press('Enter');
  }

  /** Turns a switch on or off. */
  async turn(name: string, on: boolean): Promise<void> {
    await this.page.locator(`input[name="${name}"]`).setChecked(on);
  }

  async tab(name: 'Scene' | 'Matches' | 'Features' | 'Run'): Promise<void> {
    await this.page.getByRole('tab', { name }).click();
  }

  /** The names and values of a list of facts. */
  async facts(list = '#side .facts'): Promise<Record<string, string>> {
    const root = this.page.locator(list).first();
    const [names, values] = await Promise.all([
      root.locator('dt').allTextContents(),
      root.locator('dd').allTextContents(),
    ]);
    return Object.fromEntries(names.map((name, i) => [name, values[i]]));
  }

  /** Waits until a list has a fact. */
  async fact(name: string, value: string | RegExp, list?: string): Promise<void> {
    let found: string | undefined;
    await until(async () => {
      found = (await this.facts(list))[name];
      return found !== undefined && (typeof value === 'string' ? found === value : value.test(found));
    }, `${name} to be ${value}`).catch((error: Error) => {
      throw new Error(`${error.message}; found ${found}`);
    });
  }

  /** What a pane says instead of showing something: on the stage, or where the picture is. */
  status(pane: 'stage-pane' | 'picture-pane', kind: 'loading' | 'empty' | 'problem'): Locator {
    return this.page.locator(`#${pane} > .status[data-kind="${kind}"]`);
  }

  /** Where a canvas lies in the window. */
  async place(
    id: 'stage' | 'picture' | 'links',
  ): Promise<{ x: number; y: number; width: number; height: number }> {
    return (await this.page.locator(`#${id}`).boundingBox())!;
  }

  /** Moves the pointer over a canvas. */
  async pointAt(id: 'stage' | 'picture', x: number, y: number): Promise<void> {
    const { x: left, y: top } = await this.place(id);
    await this.page.mouse.move(left + x, top + y);
    await this.drawn();
  }

  /** Clicks on a canvas. */
  async clickAt(id: 'stage' | 'picture', x: number, y: number): Promise<void> {
    const { x: left, y: top } = await this.place(id);
    await this.page.mouse.click(left + x, top + y);
    await this.drawn();
  }
}
