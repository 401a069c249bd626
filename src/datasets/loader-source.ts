import { InputError, type InputFault } from '../engine/input-error.ts';
import { Random } from '../engine/random.ts';
import { type StageTimings, Stopwatch } from './stopwatch.ts';
import { moduleBeside } from './thread-module.ts';

/** Where samples come from: made anew in every worker thread by the factory that a `SourceReference` names. */
export interface SampleSource<Sample> {
  /** How many items there are. */
  readonly length: number;
  /** What the items are called, such as the names of frames; a loader that draws by name needs it. */
  readonly ids?: readonly string[];
  /**
   * Makes the sample of an item: plain data, whose typed arrays are given away (moved to the thread that asked for them).
   * It may depend on index, random and epoch alone, or resumed runs would differ; the stopwatch is for telling how long
   * its stages took. InputError means that the item is damaged and may be skipped; any other error ends the run.
   */
  sample(index: number, random: Random, epoch: number, stopwatch: Stopwatch): Sample | Promise<Sample>;
}

/** A factory `(options) => SampleSource`, named so that worker threads can import it. */
export interface SourceReference {
  /** The URL of its module, such as `new URL('./source.ts', import.meta.url).href`. */
  readonly module: string;
  /** The name of the exported factory. */
  readonly export: string;
  /** What the factory is called with: plain data. */
  readonly options?: unknown;
}

/** A factory in the module `name` beside the one whose URL is `from`, whether they run from the sources or built. */
export function sourceBeside(
  from: string,
  { name, ...reference }: { readonly name: string; readonly export: string; readonly options: unknown },
): SourceReference {
  return { module: moduleBeside(from, name), ...reference };
}

/**
 * What the generator of a sample is forked by: the item's place, which makes an epoch of training what it is, or its name,
 * so that what is drawn of an item is the same whichever others are in the list.
 */
export type DrawnBy = 'place' | 'name';

/** All that a thread needs to know to make samples. */
export interface SourceSetting {
  readonly source: SourceReference;
  readonly seed: number | string;
  /** How many items the loader counts on. */
  readonly length: number;
  readonly drawnBy: DrawnBy;
}

/** One item of one epoch. */
export interface SampleRequest {
  readonly index: number;
  readonly epoch: number;
}

/** What became of a request. Faults are plain data because error classes do not survive the way between threads. */
export type Outcome<Sample> =
  | { readonly kind: 'sample'; readonly sample: Sample; readonly timings?: StageTimings }
  | { readonly kind: 'damaged'; readonly fault: InputFault }
  | { readonly kind: 'unusable'; readonly fault: InputFault };

/** A function that makes samples from the source that the setting names; the source is opened at the first call. */
export function sampleMaker<Sample>(
  setting: SourceSetting,
): (request: SampleRequest) => Promise<Outcome<Sample>> {
  const base = Random.fromSeed(setting.seed);
  let opening: Promise<SampleSource<Sample>> | undefined;
  return async ({ index, epoch }) => {
    let source: SampleSource<Sample>;
    try {
      opening ??= openSource<Sample>(setting);
      source = await opening;
    } catch (error) {
      return { kind: 'unusable', fault: faultOf(error) };
    }
    try {
      const stopwatch = new Stopwatch();
      const random =
        setting.drawnBy === 'place'
          ? base.fork('sample', epoch, index)
          : base.fork('sample by name', epoch, source.ids![index]);
      const sample = await source.sample(index, random, epoch, stopwatch);
      return { kind: 'sample', sample, timings: stopwatch.timings };
    } catch (error) {
      return { kind: 'damaged', fault: faultOf(error) };
    }
  };
}

async function openSource<Sample>({ source, length, drawnBy }: SourceSetting): Promise<SampleSource<Sample>> {
  const module: Record<string, unknown> = await import(source.module).catch((error: unknown) => {
    // Anew, because what the module loader throws does not cross threads whole.
    throw new Error(`${source.module} cannot be imported: ${error instanceof Error ? error.message : error}`);
  });
  const factory = module[source.export];
  if (typeof factory !== 'function') {
    throw new TypeError(`${source.module} has no exported function ${source.export}`);
  }
  const opened: SampleSource<Sample> = await factory(source.options);
  if (opened.length !== length) {
    throw new InputError({
      file: `${source.module} (${source.export})`,
      expected: `${length} items`,
      found: `${opened.length}`,
    });
  }
  if (drawnBy === 'name' && opened.ids?.length !== length)
    throw new TypeError(`${source.module} (${source.export}) has no names to draw by`);
  return opened;
}

/** The fault of an InputError, whichever copy of the class it is of; any other error is thrown on. */
function faultOf(error: unknown): InputFault {
  if (error instanceof Error && error.name === 'InputError' && 'fault' in error)
    return error.fault as InputFault;
  throw error;
}
