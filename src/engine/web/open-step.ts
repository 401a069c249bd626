import type * as Ort from 'onnxruntime-node';
import type { DType, HostTensor } from '../host-tensor.ts';
import { InputError } from '../input-error.ts';
import { leavesOf, type Tree, treeOf } from '../tree.ts';
import { checkedLeaves, checkKinds } from '../tree-check.ts';
import type { TensorKind } from '../typed-trees.ts';

/** What is used of ONNX Runtime: that of onnxruntime-web, of onnxruntime-node, or of onnxruntime-react-native. */
export type Runtime = Pick<typeof Ort, 'InferenceSession' | 'Tensor'>;

type Tensors = ReadonlyMap<string, Ort.Tensor>;
type Kinds = ReadonlyMap<string, TensorKind>;

/** The state that a run left, in the runtime's memory. A run that it is given to consumes it. */
export class WebState<State = Tree<HostTensor>> {
  private tensors: Tensors | undefined;

  /** Made by `WebStep.run`. */
  constructor(tensors: Tensors) {
    this.tensors = tensors;
  }

  /** The tensors by path. Throws where a run has consumed them. */
  peek(): Tensors {
    if (this.tensors === undefined)
      throw new Error('this state was consumed by a later run: read it, or use it, before');
    return this.tensors;
  }

  /** Copies the state to host memory, as safetensors, IndexedDB or another step may want it. */
  async read(): Promise<State> {
    const leaves = [...this.peek()].map(async ([path, tensor]) => [path, await toHost(tensor)] as const);
    return treeOf(await Promise.all(leaves)) as State;
  }

  /** Gives the memory back. */
  dispose(): void {
    for (const tensor of this.tensors?.values() ?? []) tensor.dispose();
    this.tensors = undefined;
  }
}

/** What a run of a step gives. */
export interface WebResult<State = Tree<HostTensor>, Outputs = Tree<HostTensor>> {
  readonly state: WebState<State>;
  readonly outputs: Outputs;
}

/** A step that `exportStep` wrote, in a runtime that runs it. */
export class WebStep<State = Tree<HostTensor>, Batch = Tree<HostTensor>, Outputs = Tree<HostTensor>> {
  private readonly ort: Runtime;
  private readonly session: Ort.InferenceSession;
  private readonly kinds: { readonly state: Kinds; readonly batch: Kinds };
  private running = false;

  /** Made by `openStep`. */
  constructor(ort: Runtime, session: Ort.InferenceSession) {
    this.ort = ort;
    this.session = session;
    this.kinds = { state: kindsUnder('state', session), batch: kindsUnder('batch', session) };
  }

  /**
   * Runs the step once. A state in host memory stays as it is; one that a run left is consumed. Throws an InputError for
   * a tensor that is missing or of another type or shape than the step was exported for; what the step does not need may be there.
   */
  async run(state: State | WebState<State>, batch: Batch): Promise<WebResult<State, Outputs>> {
    if (this.running) throw new Error('a step was asked to run while it runs: await the run before');
    const feeds: { [name: string]: Ort.Tensor } = {};
    const { state: wanted } = this.kinds;
    const given =
      state instanceof WebState
        ? new Map([...state.peek()].filter(([path]) => wanted.has(path)))
        : this.uploaded('state', state as Tree<HostTensor>);
    checkKinds('state', new Map([...given].map(([path, tensor]) => [path, kindOf(tensor)])), wanted);
    for (const [path, tensor] of given) feeds[`state/${path}`] = tensor;
    for (const [path, tensor] of this.uploaded('batch', batch as Tree<HostTensor>))
      feeds[`batch/${path}`] = tensor;
    this.running = true;
    try {
      const results = await this.session.run(feeds);
      const next = new WebState<State>(under('next', results));
      const outputs = [...under('outputs', results)].map(
        async ([path, tensor]) => [path, await toHost(tensor)] as const,
      );
      if (state instanceof WebState) state.dispose();
      return { state: next, outputs: treeOf(await Promise.all(outputs)) as Outputs };
    } finally {
      this.running = false;
    }
  }

  /** Closes the session. States that it left can still be read. */
  async dispose(): Promise<void> {
    await this.session.release();
  }

  /** Those tensors of a tree in host memory that the step needs, after holding them against its inputs. */
  private uploaded(root: 'state' | 'batch', tree: Tree<HostTensor>): Tensors {
    const kinds = this.kinds[root];
    const needed = treeOf(leavesOf(tree).filter(([path]) => kinds.has(path)));
    return new Map(
      [...checkedLeaves(root, needed, kinds)].map(([path, { dtype, data, shape }]) => [
        path,
        new this.ort.Tensor(dtype as 'float32', data as Float32Array, shape),
      ]),
    );
  }
}

/**
 * Opens a step that `exportStep` wrote in an ONNX Runtime that is handed over, such as onnxruntime-web in a browser. This module
 * needs nothing of Node, and no tfjs. `session` goes to the runtime as it is: `{ executionProviders: ['wasm'] }`.
 * Throws an InputError for a model that is no step, and what the runtime throws for bytes that are no model.
 *
 * @example
 * import * as ort from 'onnxruntime-node';
 * import { openStep } from 'pointpair/engine/web';
 * const model = exportStep(({ sum }, { x }) => [{ sum: tf.add(sum, x) }, { twice: tf.mul(x, 2) }], {
 *   state: { sum: scalar(0) },
 *   batch: { x: scalar(0) },
 * });
 * const step = await openStep<{ sum: HostTensor }, { x: HostTensor }, { twice: HostTensor }>(ort, model);
 * let { state, outputs } = await step.run({ sum: scalar(10) }, { x: scalar(3) });
 * ({ state, outputs } = await step.run(state, { x: scalar(4) }));
 * const twice = outputs.twice.data; // [8]
 * const sum = (await state.read()).sum.data; // [17]
 */
export async function openStep<
  State = Tree<HostTensor>,
  Batch = Tree<HostTensor>,
  Outputs = Tree<HostTensor>,
>(
  ort: Runtime,
  model: Uint8Array,
  session: Ort.InferenceSession.SessionOptions = {},
): Promise<WebStep<State, Batch, Outputs>> {
  const opened = await ort.InferenceSession.create(model, session);
  const others = [
    ...opened.inputNames.filter((name) => !/^(state|batch)\//.test(name)),
    ...opened.outputNames.filter((name) => !/^(next|outputs)\//.test(name)),
  ];
  if (others.length > 0) {
    await opened.release();
    throw new InputError({
      file: 'exported step',
      expected: 'inputs state/… and batch/…, outputs next/… and outputs/…, as exportStep writes them',
      found: others.join(', '),
    });
  }
  return new WebStep(ort, opened);
}

/** The types and shapes of a model's inputs under a root, by path. */
function kindsUnder(root: string, { inputMetadata }: Ort.InferenceSession): Kinds {
  const kinds = new Map<string, TensorKind>();
  for (const input of inputMetadata) {
    if (!input.name.startsWith(`${root}/`) || !input.isTensor) continue;
    kinds.set(input.name.slice(root.length + 1), {
      dtype: input.type as DType,
      shape: input.shape.map(Number),
    });
  }
  return kinds;
}

function under(root: string, results: Readonly<Record<string, unknown>>): Tensors {
  return new Map(
    Object.entries(results)
      .filter(([name]) => name.startsWith(`${root}/`))
      .map(([name, tensor]) => [name.slice(root.length + 1), tensor as Ort.Tensor]),
  );
}

function kindOf({ type, dims }: Ort.Tensor): TensorKind {
  return { dtype: type as DType, shape: dims };
}

async function toHost(tensor: Ort.Tensor): Promise<HostTensor> {
  const data = (await tensor.getData()) as HostTensor['data'];
  return { dtype: tensor.type as DType, shape: [...tensor.dims], data: data.slice() };
}
