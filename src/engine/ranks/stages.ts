import type { DType, HostTensor } from '../host-tensor.ts';
import { sizeOf } from '../host-tensor.ts';
import { NativeSession, NativeTensor } from '../native/native-session.ts';
import type { Tensors } from '../native/native-state.ts';
import type { Computation } from '../native/native-step.ts';
import type { TableFeeds } from '../row-sums/table-feeds.ts';
import { rankNumberInput } from './collective-kernels.ts';
import type { Communicator } from './communicator.ts';
import type { Segment, Stage } from './cut.ts';
import { flatBytes, GroupMemory } from './group-memory.ts';

/** What a step over ranks did, and when: milliseconds of `performance.now()`. */
export interface StepEvent {
  readonly kind: 'segment' | 'collective';
  /** Which one, in the order of the step. */
  readonly place: number;
  /** The rank that a segment was run for. */
  readonly rank?: number;
  readonly begin: number;
  readonly end: number;
}

/** How stages are run. */
export interface StagesOptions {
  readonly communicator: Communicator;
  /** Ranks of this process. */
  readonly pieces: number;
  readonly threads?: number;
  readonly optimize: 'none' | 'all';
  readonly trace?: (event: StepEvent) => void;
}

interface OpenSegment extends Segment {
  readonly session: NativeSession;
}

/** Up to so many stages the models of a step keep memory for themselves, which leaves fewer holes in it. */
const fewStages = 8;

/** The values that a rank has, or all ranks of the process, by name. */
type Values = Map<string, NativeTensor>;

/**
 * A step in stages: in each, the segment that all ranks of the process have in common and then every rank's own, rank after
 * rank; what they give leaves for the other processes, and the step goes on as far as it does not need what comes back.
 */
export class Stages implements Computation {
  private readonly options: StagesOptions;
  private readonly stages: ReadonlyArray<{
    readonly segments: readonly OpenSegment[];
    readonly groups: number;
  }>;
  private readonly groups: readonly GroupMemory[];
  private readonly memoryOf = new Map<object, GroupMemory>();
  private readonly got: ReadonlyArray<readonly [name: string, tensors: readonly NativeTensor[]]>;
  private readonly tables: readonly TableFeeds[];
  private readonly numbers: readonly NativeTensor[];
  private readonly free = new FreeMemory();

  /** `tables` has those of each rank of the process. */
  constructor(stages: readonly Stage[], tables: readonly TableFeeds[], options: StagesOptions) {
    const { communicator, pieces, threads, optimize } = options;
    this.options = options;
    this.tables = tables;
    // Many models that each keep the memory that they have worked in would keep too much.
    const arena = stages.length <= fewStages;
    this.stages = stages.map(({ segments, groups }) => ({
      groups: groups.length,
      segments: segments.map((segment) => ({
        ...segment,
        session: NativeSession.open(segment.model, {
          outputs: segment.outputs.map(({ name }) => name),
          threads,
          optimize,
          arena,
        }),
      })),
    }));
    const groups = stages.flatMap((stage) => stage.groups);
    const aside = pieces > 1 ? Math.max(0, ...groups.map(flatBytes)) : 0;
    const scratch = new ArrayBuffer(aside);
    this.groups = groups.map((group) => {
      const memory = new GroupMemory(group, communicator, pieces, scratch);
      for (const collective of group) this.memoryOf.set(collective, memory);
      return memory;
    });
    this.got = groups.flatMap((group) =>
      group.map((each) => [each.output.name, this.memoryOf.get(each)!.got(each)] as const),
    );
    this.numbers = Array.from({ length: pieces }, (_, rank) =>
      NativeTensor.copyOf({
        dtype: 'int32',
        shape: [],
        data: Int32Array.of(communicator.rank * pieces + rank),
      }),
    );
  }

  async run(...[state, batches, results]: Parameters<Computation['run']>): Promise<void> {
    const { common, own, given } = await this.begin(state, batches);
    const underWay: Array<Promise<void>> = [];
    let line: Promise<void> = Promise.resolve();
    let place = 0;
    try {
      for (const { segments, groups } of this.stages) {
        for (const segment of segments) {
          await Promise.all(segment.waitsFor.map((group) => underWay[group]));
          await this.compute(segment, place++, { common, own, results });
        }
        for (let i = 0; i < groups; i++) {
          const group = underWay.length;
          // One after the other, in the same order on all ranks.
          line = line.then(() =>
            this.traced('collective', group, undefined, () => this.groups[group].travel()),
          );
          line.catch(() => {});
          underWay.push(line);
        }
      }
    } finally {
      await Promise.allSettled(underWay);
      for (const tensor of given) tensor.release();
      for (const values of own) this.free.takeBack(values);
      this.free.takeBack(common);
    }
  }

  /** What the segments begin with. */
  private async begin(state: Tensors, batches: ReadonlyArray<ReadonlyMap<string, HostTensor>>) {
    const given: NativeTensor[] = [];
    const over = (tensor: HostTensor) => {
      const handle = NativeTensor.over(tensor);
      given.push(handle);
      return handle;
    };
    const common: Values = new Map([...state].map(([path, tensor]) => [`state/${path}`, tensor]));
    const own: Values[] = [];
    for (const [rank, batch] of batches.entries()) {
      const values: Values = new Map([...batch].map(([path, leaf]) => [`batch/${path}`, over(leaf)]));
      for (const [name, table] of await this.tables[rank].of(batch)) values.set(name, over(table));
      values.set(rankNumberInput, this.numbers[rank]);
      for (const [name, got] of this.got) if (got.length > 1) values.set(name, got[rank]);
      own.push(values);
    }
    for (const [name, got] of this.got) if (got.length === 1) common.set(name, got[0]);
    return { common, own, given };
  }

  private async compute(
    { session, common: isCommon, outputs, views, lastUses }: OpenSegment,
    place: number,
    {
      common,
      own,
      results,
    }: { readonly common: Values; readonly own: readonly Values[]; readonly results: Tensors },
  ): Promise<void> {
    for (const rank of isCommon ? [0] : own.keys()) {
      const values = isCommon ? common : own[rank];
      const reshaped: NativeTensor[] = [];
      const inputs = session.inputNames.map((name) => {
        const view = views.get(name);
        const given = view?.of ?? name;
        const tensor = common.get(given) ?? own[rank].get(given)!;
        if (view === undefined) return tensor;
        const other = NativeTensor.over({ ...tensor.tensor, shape: view.shape });
        reshaped.push(other);
        return other;
      });
      const made = outputs.map(({ name, value, collective, result }) => {
        if (result) return results.get(name)!;
        if (collective) return this.memoryOf.get(collective)!.given(collective, rank);
        const tensor = this.free.take(value.type as DType, value.shape);
        values.set(name, tensor);
        return tensor;
      });
      try {
        await this.traced('segment', place, rank, () => session.run(inputs, made));
      } finally {
        for (const tensor of reshaped) tensor.release();
      }
      for (const { collective } of outputs)
        if (collective) this.memoryOf.get(collective)!.fold(collective, rank);
      this.free.takeBack(own[rank], lastUses);
    }
    this.free.takeBack(common, lastUses);
  }

  private async traced(
    kind: StepEvent['kind'],
    place: number,
    rank: number | undefined,
    work: () => Promise<void>,
  ): Promise<void> {
    const begin = performance.now();
    await work();
    this.options.trace?.({ kind, place, rank, begin, end: performance.now() });
  }

  async release(): Promise<void> {
    for (const { segments } of this.stages) for (const { session } of segments) await session.release();
    for (const group of this.groups) group.release();
    for (const tensor of this.numbers) tensor.release();
    for (const tables of this.tables) await tables.release();
  }
}

/** Memory of values that nobody needs any more, for those to come; it is kept from one run to the next. */
class FreeMemory {
  private readonly buffers = new Map<number, ArrayBuffer[]>();
  private readonly lent = new Set<NativeTensor>();

  take(dtype: DType, shape: readonly number[]): NativeTensor {
    const bytes = sizeOf(shape) * (dtype === 'bool' ? 1 : 4);
    const buffer = this.buffers.get(bytes)?.pop() ?? new ArrayBuffer(bytes);
    const data =
      dtype === 'float32'
        ? new Float32Array(buffer)
        : dtype === 'int32'
          ? new Int32Array(buffer)
          : new Uint8Array(buffer);
    const tensor = NativeTensor.over({ dtype, shape, data });
    this.lent.add(tensor);
    return tensor;
  }

  /** Takes back what was lent of some values, or of all. */
  takeBack(values: Values, names: Iterable<string> = [...values.keys()]): void {
    for (const name of names) {
      const tensor = values.get(name);
      if (tensor === undefined || !this.lent.delete(tensor)) continue;
      values.delete(name);
      tensor.release();
      const buffer = tensor.tensor.data.buffer as ArrayBuffer;
      const known = this.buffers.get(buffer.byteLength);
      if (known === undefined) this.buffers.set(buffer.byteLength, [buffer]);
      else known.push(buffer);
    }
  }
}
