import type { Pass, StreamHeader } from '../../point-stream.ts';
import { addressOf, Refused } from '../api.ts';
import { Sweep } from './sweep.ts';
import type { TiledPass, TileGrid } from './tiles.ts';

/** What the worker receives. */
export type SweepRequest = { readonly id: number; readonly address: string } | { readonly giveUp: number };

/** What the worker sends; the last message has `done`, or `message`, which is undefined where the request was given up. */
export type SweepMessage =
  | { readonly id: number; readonly header: StreamHeader }
  | { readonly id: number; readonly pass: Pass }
  | ({ readonly id: number; readonly grid: TileGrid } & TiledPass)
  | { readonly id: number; readonly done: true }
  | { readonly id: number; readonly message: string | undefined };

interface Loading {
  readonly frame: number;
  readonly done: Promise<Sweep>;
  readonly listeners: Set<(sweep: Sweep) => void>;
  readonly giveUp: () => void;
  /** How many still want it. */
  wanted: number;
  sweep: Sweep | undefined;
}

/** So often is a worker that failed begun again before the page says so, and so long after. */
const mostRestarts = 3;
const restartMs = 500;

/** Points that are kept for frames that were seen before. */
const keptPoints = 6_000_000;

/** The sweeps of the sequence, fetched and decoded in a worker, the last ones kept. */
export class Sweeps {
  private worker: Worker | undefined;
  private readonly query: { readonly beside?: 'yes' };
  private restarts = 0;
  private readonly loading = new Map<number, Loading>();
  private readonly requests = new Map<number, (message: SweepMessage) => void>();
  /** What is asked for and of which nothing has come yet. */
  private readonly addresses = new Map<number, string>();
  private nextId = 0;

  /** The query goes with every request for points. */
  constructor(query: { readonly beside?: 'yes' } = {}) {
    this.query = query;
    this.worker = this.startWorker();
  }

  private post(request: SweepRequest): void {
    this.worker ??= this.startWorker();
    this.worker.postMessage(request);
  }

  private startWorker(): Worker {
    const worker = new Worker(new URL('./sweep-worker.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }: MessageEvent<SweepMessage>) => {
      this.restarts = 0;
      this.requests.get(data.id)?.(data);
    });
    for (const event of ['error', 'messageerror'] as const) {
      worker.addEventListener(event, () => {
        worker.terminate();
        this.worker = undefined;
        const waiting = [...this.requests];
        const canBegin = this.restarts++ < mostRestarts && waiting.every(([id]) => this.addresses.has(id));
        // Its own file may not have come: a busy server may refuse it once.
        setTimeout(() => {
          for (const [id, tell] of waiting) {
            if (canBegin) this.post({ id, address: this.addresses.get(id)! });
            else tell({ id, message: 'The page could not take in the points: reload it' });
          }
        }, restartMs);
      });
    }
    return worker;
  }

  /**
   * The whole sweep of a frame. `onPass` is called with what is there, at once and for every pass that comes; a signal ends
   * that, and gives the sweep up where nobody else wants it. Rejects with `Refused` where it cannot be had.
   */
  async load(
    frame: number,
    { onPass, signal }: { readonly onPass?: (sweep: Sweep) => void; readonly signal?: AbortSignal } = {},
  ): Promise<Sweep> {
    const entry = this.loading.get(frame) ?? this.begin(frame);
    // Moved to the end: the first ones are forgotten first.
    this.loading.delete(frame);
    this.loading.set(frame, entry);
    entry.wanted++;
    if (onPass !== undefined) {
      if (entry.sweep !== undefined && entry.sweep.filled > 0) onPass(entry.sweep);
      entry.listeners.add(onPass);
    }
    signal?.addEventListener('abort', () => {
      if (onPass !== undefined) entry.listeners.delete(onPass);
      if (--entry.wanted === 0) entry.giveUp();
    });
    try {
      return await entry.done;
    } finally {
      if (onPass !== undefined) entry.listeners.delete(onPass);
    }
  }

  private begin(frame: number): Loading {
    const id = this.nextId++;
    const listeners = new Set<(sweep: Sweep) => void>();
    const done = new Promise<Sweep>((resolve, reject) => {
      const fail = (message: string | undefined) => {
        this.requests.delete(id);
        this.addresses.delete(id);
        if (this.loading.get(frame) === entry) this.loading.delete(frame);
        reject(message === undefined ? new DOMException('given up', 'AbortError') : new Refused(message));
      };
      this.requests.set(id, (message) => {
        if ('message' in message) {
          fail(message.message);
          return;
        }
        try {
          this.addresses.delete(id);
          if ('header' in message) entry.sweep = new Sweep(frame, message.header);
          else if ('pass' in message) {
            if ('grid' in message) entry.sweep!.appendTiled(message, message.grid);
            else entry.sweep!.append(message.pass);
            for (const listener of listeners) listener(entry.sweep!);
          } else {
            this.requests.delete(id);
            this.forget();
            resolve(entry.sweep!);
          }
        } catch (error) {
          // Too many points for the page's memory, for one.
          fail((error as Error).message);
        }
      });
    });
    const giveUp = () => {
      if (!this.requests.has(id)) return;
      this.post({ giveUp: id });
      if (this.loading.get(frame) === entry) this.loading.delete(frame);
    };
    const entry: Loading = { frame, done, listeners, giveUp, wanted: 0, sweep: undefined };
    this.loading.set(frame, entry);
    // The worker's own address is another one than the page's.
    const address = new URL(addressOf('points', { frame, ...this.query }), document.baseURI).href;
    this.addresses.set(id, address);
    this.post({ id, address });
    return entry;
  }

  private forget(): void {
    let points = 0;
    for (const { sweep } of this.loading.values()) points += sweep?.count ?? 0;
    for (const [frame, { sweep }] of this.loading) {
      if (points <= keptPoints || this.loading.size <= 1) return;
      if (sweep?.complete !== true) continue;
      this.loading.delete(frame);
      points -= sweep.count;
    }
  }
}
