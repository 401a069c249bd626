import { DeviceSession, runtime } from '../device.ts';
import type { Graph, Value } from '../graph.ts';
import type { HostTensor } from '../host-tensor.ts';
import { InputError } from '../input-error.ts';
import { encodeModel } from '../onnx-model.ts';
import type { TabledSums } from './row-sums.ts';
import { fillTables, OutsideError } from './sum-tables.ts';

type Leaves = ReadonlyMap<string, HostTensor>;

/**
 * Makes the tables of a step's sums of rows from each batch. The row numbers are a tensor of the batch mostly; those that are
 * computed from it are computed here first, by a model of their own.
 */
export class TableFeeds {
  private readonly tabled: readonly TabledSums[];
  private readonly computed: DeviceSession | undefined;
  /** The tables are written anew for each run: a step runs once at a time. */
  private readonly tables: ReadonlyArray<readonly Int32Array[]>;

  private constructor(tabled: readonly TabledSums[], computed: DeviceSession | undefined) {
    this.tabled = tabled;
    this.computed = computed;
    this.tables = tabled.map(({ tables }) => tables.map(({ shape }) => new Int32Array(shape[0])));
  }

  static async open(graph: Graph, tabled: readonly TabledSums[]): Promise<TableFeeds> {
    const outputs = tabled
      .map(({ numbers }, i) => ({ name: `${i}`, value: numbers }))
      .filter(({ value }) => pathInBatch(value) === undefined);
    if (outputs.length === 0) return new TableFeeds(tabled, undefined);
    const model = encodeModel(graph, outputs);
    return new TableFeeds(tabled, await DeviceSession.open(model, { device: 'cpu', threads: 1 }));
  }

  /** The tables for a batch, by the names of their inputs. */
  async of(batch: Leaves): Promise<ReadonlyMap<string, HostTensor>> {
    const computed = await this.compute(batch);
    const feeds = new Map<string, HostTensor>();
    this.tabled.forEach(({ numbers, plan, strict, tables }, i) => {
      const path = pathInBatch(numbers);
      const targets = path === undefined ? computed[`${i}`].data : batch.get(path)!.data;
      try {
        fillTables(plan, targets as Int32Array, this.tables[i], { strict });
      } catch (error) {
        if (!(error instanceof OutsideError)) throw error;
        throw new InputError({
          file: 'compiled step',
          place: 'sums of rows by number',
          expected: `numbers from 0 to ${plan.sums - 1}`,
          found: error.target < 0 ? 'one outside of that' : `${error.target}`,
        });
      }
      tables.forEach(({ name, shape }, level) => {
        feeds.set(name, { dtype: 'int32', shape, data: this.tables[i][level] });
      });
    });
    return feeds;
  }

  private async compute(batch: Leaves) {
    if (this.computed === undefined) return {};
    const { Tensor } = runtime();
    const feeds = this.computed.inputNames.map((name) => {
      const { dtype, data, shape } = batch.get(name.slice('batch/'.length))!;
      return [name, new Tensor(dtype as 'float32', data as Float32Array, shape)] as const;
    });
    return this.computed.run(Object.fromEntries(feeds));
  }

  async release(): Promise<void> {
    await this.computed?.release();
  }
}

/** The path of the batch's tensor that a value is, under whatever shape. */
function pathInBatch(value: Value): string | undefined {
  if (value.node?.op === 'Reshape') return pathInBatch(value.node.inputs[0]!);
  const whole = value.node === undefined && value.type === 'int32';
  return whole && value.name.startsWith('batch/') ? value.name.slice('batch/'.length) : undefined;
}
