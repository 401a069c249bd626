import type { DType } from '../host-tensor.ts';
import { sizeOf } from '../host-tensor.ts';
import { NativeTensor } from '../native/native-session.ts';
import { collectiveNames } from './collective-kernels.ts';
import type { Communicator } from './communicator.ts';
import type { Collective, Group } from './groups.ts';

/** What of a collective the ranks of this process give and get; `got` is one tensor where all get the same. */
interface Slots {
  readonly given: readonly NativeTensor[];
  readonly got: readonly NativeTensor[];
}

/** Numbers that tensors in a flat array begin at multiples of: 64 bytes. */
const ALIGNMENT = 16;

/**
 * The memory of collectives that travel together. What is summed lies in one flat array, into which the first rank of the process
 * writes and to which what the others write is added, in their order; what is gathered lies where the rows belong.
 */
export class GroupMemory {
  private readonly communicator: Communicator;
  private readonly flat: Float32Array;
  private readonly slots = new Map<Collective, Slots>();
  /** Of this process, and of all. */
  private readonly gathers: Array<{ readonly own: Float32Array; readonly all: Float32Array }> = [];

  /** `scratch` is where all but the first rank of the process write what is added; groups share it. */
  constructor(group: Group, communicator: Communicator, ranks: number, scratch: ArrayBuffer) {
    this.communicator = communicator;
    this.flat = new Float32Array(new ArrayBuffer(flatBytes(group)));
    let at = 0;
    for (const each of group) {
      if (each.op === collectiveNames.gather) this.slots.set(each, this.gathered(each, ranks));
      else {
        this.slots.set(each, this.summed(each, { at, ranks, scratch }));
        at += aligned(sizeOf(each.input.shape));
      }
    }
  }

  /** Where a rank's segment writes what it gives. */
  given(collective: Collective, rank: number): NativeTensor {
    return this.slots.get(collective)!.given[rank];
  }

  /** What comes of a collective: one tensor for all ranks, or one a rank. */
  got(collective: Collective): readonly NativeTensor[] {
    return this.slots.get(collective)!.got;
  }

  /** Adds what a rank has written to what the ranks before it gave. */
  fold(collective: Collective, rank: number): void {
    if (rank === 0 || collective.op === collectiveNames.gather) return;
    const { given } = this.slots.get(collective)!;
    const sum = given[0].tensor.data;
    const { data } = given[rank].tensor;
    for (let i = 0; i < sum.length; i++) sum[i] += data[i];
  }

  /** Hands over to the other processes, and comes back with what all have given. */
  async travel(): Promise<void> {
    if (this.communicator.size === 1) return;
    if (this.flat.length > 0) await this.communicator.allReduce(this.flat);
    for (const { own, all } of this.gathers) await this.communicator.allGather(own, all);
  }

  /** Gives the runtime's handles back. */
  release(): void {
    for (const { given, got } of this.slots.values())
      for (const tensor of new Set([...given, ...got])) tensor.release();
    this.slots.clear();
  }

  private summed(
    { op, input, output }: Collective,
    { at, ranks, scratch }: { readonly at: number; readonly ranks: number; readonly scratch: ArrayBuffer },
  ): Slots {
    const length = sizeOf(input.shape);
    const view = (data: Float32Array, shape: readonly number[]) =>
      NativeTensor.over({ dtype: 'float32', shape, data });
    const sum = view(this.flat.subarray(at, at + length), input.shape);
    const aside = ranks === 1 ? sum : view(new Float32Array(scratch, 4 * at, length), input.shape);
    const given = Array.from({ length: ranks }, (_, rank) => (rank === 0 ? sum : aside));
    if (op === collectiveNames.sum) return { given, got: [sum] };
    const rows = sizeOf(output.shape);
    const first = at + this.communicator.rank * ranks * rows;
    const own = (rank: number) => this.flat.subarray(first + rank * rows, first + (rank + 1) * rows);
    return { given, got: given.map((_, rank) => view(own(rank), output.shape)) };
  }

  private gathered({ input, output }: Collective, ranks: number): Slots {
    const dtype = input.type as DType;
    const length = sizeOf(input.shape);
    const typed = (buffer: ArrayBuffer, from: number, count: number) =>
      dtype === 'int32' ? new Int32Array(buffer, 4 * from, count) : new Float32Array(buffer, 4 * from, count);
    const all = new ArrayBuffer(4 * sizeOf(output.shape));
    const own = this.communicator.size === 1 ? all : new ArrayBuffer(4 * ranks * length);
    // Bits travel as they are, of whole numbers as well.
    this.gathers.push({ own: new Float32Array(own), all: new Float32Array(all) });
    const tensor = (shape: readonly number[], data: Float32Array | Int32Array) =>
      NativeTensor.over({ dtype, shape, data });
    return {
      given: Array.from({ length: ranks }, (_, rank) =>
        tensor(input.shape, typed(own, rank * length, length)),
      ),
      got: [tensor(output.shape, typed(all, 0, sizeOf(output.shape)))],
    };
  }
}

/** The bytes of the flat array of a group. */
export function flatBytes(group: Group): number {
  const summed = group.filter(({ op }) => op !== collectiveNames.gather);
  return 4 * summed.reduce((sum, { input }) => sum + aligned(sizeOf(input.shape)), 0);
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}
