import { Piscina } from 'piscina';
import { moduleBeside, threadOptions } from '../../datasets/thread-module.ts';
import { InputError } from '../../engine/input-error.ts';
import type {
  ColoursTable,
  ModelName,
  PairsTable,
  PlacesTable,
  SimilarityQuery,
  SimilarityTable,
  WorkInfo,
} from '../protocol.ts';
import type { Table } from '../table.ts';
import type { LearnedRequest, LearnedSetting, Stage } from './answers.ts';
import type { LearnedOutcome } from './learned-worker.ts';

type Pool = Piscina<LearnedRequest, LearnedOutcome>;

/**
 * What encoders learned of the frames of a sequence, computed in a worker thread of its own that is started by the first
 * question. Questions are answered one after the other; a signal drops its question while that waits, and what has begun
 * is answered. Frames go by their number. Throws InputErrors as `Answers` does.
 */
export class Learned {
  private readonly setting: LearnedSetting;
  private thread: Thread | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private readonly closing = new AbortController();
  private waiting = 0;
  private stage: Stage | undefined;
  private beganAt = 0;

  constructor(setting: LearnedSetting) {
    this.setting = setting;
  }

  /** What is being done, and how many questions wait. */
  get work(): WorkInfo {
    const { doing, done, total } = this.stage ?? {};
    const seconds = this.stage === undefined ? 0 : (performance.now() - this.beganAt) / 1000;
    return { doing, done, total, seconds, waiting: this.waiting };
  }

  /** A pair of a frame's views, drawn by the run's configuration or by the preset, and what a model of the run makes of it. */
  pairs(
    request: {
      readonly frame: number;
      readonly camera?: string;
      readonly seed: number;
      readonly model?: ModelName;
    },
    signal?: AbortSignal,
  ): Promise<PairsTable> {
    return this.ask<PairsTable>({ kind: 'pairs', ...request }, signal);
  }

  /** Where a frame's features lie. Needs a run. */
  places(
    request: { readonly frame: number; readonly camera?: string },
    signal?: AbortSignal,
  ): Promise<PlacesTable> {
    return this.ask<PlacesTable>({ kind: 'places', ...request }, signal);
  }

  /** The features of a frame's places and cells as colours. Needs a run. */
  colours(
    request: { readonly frame: number; readonly camera?: string; readonly model: ModelName },
    signal?: AbortSignal,
  ): Promise<ColoursTable> {
    return this.ask<ColoursTable>({ kind: 'colours', ...request }, signal);
  }

  /** How similar a frame's places and cells are to one of them. Needs a run. */
  similarity(
    request: {
      readonly frame: number;
      readonly camera?: string;
      readonly model: ModelName;
      readonly query: SimilarityQuery;
    },
    signal?: AbortSignal,
  ): Promise<SimilarityTable> {
    return this.ask<SimilarityTable>({ kind: 'similarity', ...request }, signal);
  }

  /** Ends the thread; what waits and what runs is given up, and its promises reject. */
  async close(): Promise<void> {
    this.closing.abort(new Error('closed'));
    await this.thread?.close();
  }

  private ask<Answer extends Table>(request: LearnedRequest, given?: AbortSignal): Promise<Answer> {
    const signals = [this.closing.signal, ...(given === undefined ? [] : [given])];
    const aborted = AbortSignal.any(signals);
    return new Promise((resolve, reject) => {
      const drop = () => reject(aborted.reason);
      if (aborted.aborted) return drop();
      aborted.addEventListener('abort', drop, { once: true });
      this.waiting++;
      this.turn = this.turn.then(async () => {
        this.waiting--;
        // Only what has not begun is dropped: ending a question that runs would end the thread, and all that it keeps.
        aborted.removeEventListener('abort', drop);
        if (aborted.aborted) return;
        this.beganAt = performance.now();
        this.stage = { doing: this.thread === undefined ? 'starting the encoders’ thread' : 'beginning' };
        this.thread ??= startThread(this.setting, (stage) => {
          if (this.stage !== undefined) this.stage = stage;
        });
        await this.thread.run(request).then((table) => resolve(table as Answer), reject);
        this.stage = undefined;
      });
    });
  }
}

interface Thread {
  run(request: LearnedRequest): Promise<Table>;
  close(): Promise<void>;
}

function startThread(setting: LearnedSetting, onStage: (stage: Stage) => void): Thread {
  const filename = moduleBeside(import.meta.url, 'learned-worker');
  const pool: Pool = new Piscina({
    filename,
    name: 'answer',
    minThreads: 1,
    maxThreads: 1,
    // Answers take many milliseconds, and a spared wake-up gains nothing.
    atomics: 'disabled',
    workerData: setting,
    ...threadOptions(filename),
  });
  pool.on('message', onStage);
  // A thread that dies before it has taken a request is told here only; the request would wait for ever.
  let giveUp: (error: Error) => void = () => {};
  pool.on('error', (error: Error) => giveUp(error));
  return {
    run: async (request) => {
      const died = new Promise<never>((_, reject) => {
        giveUp = reject;
      });
      const outcome = await Promise.race([pool.run(request), died]);
      if ('fault' in outcome) throw new InputError(outcome.fault);
      return outcome.table;
    },
    close: () => pool.destroy(),
  };
}
