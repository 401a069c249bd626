import { expect, vi } from 'vitest';
import type { CompiledStep, CompileOptions, Runner } from '../../src/engine/compiled-step.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { isResident, type ResidentState } from '../../src/engine/resident-state.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';

type State = Tree<HostTensor> | ResidentState;

const ways: ReadonlyArray<{ readonly runner: Runner; readonly threads: number }> = (
  ['native', 'binding'] as const
).flatMap((runner) => [1, 2, 4, 8].map((threads) => ({ runner, threads })));

function bytesOf(tree: Tree<HostTensor>): Map<string, string> {
  const hex = ({ data }: HostTensor) =>
    Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
  return new Map(leavesOf(tree).map(([path, leaf]) => [path, hex(leaf)]));
}

/** By the state of the first way, those of all. */
const statesOf = new WeakMap<ResidentState, readonly ResidentState[]>();

/** A step on the CPU as all runners have it at all numbers of threads: each run is run by all, and all have to leave the same bits. */
class EveryStep implements CompiledStep {
  readonly device = 'cpu';
  private readonly steps: readonly CompiledStep[];

  constructor(steps: readonly CompiledStep[]) {
    this.steps = steps;
  }

  async run(state: State, batch: Tree<HostTensor>) {
    const own = (isResident(state) ? statesOf.get(state) : undefined) ?? ways.map(() => state);
    // What the first one refuses or fails at is not tried by the others.
    const [step, ...steps] = this.steps;
    const results = [await step.run(own[0], batch)];
    for (const [i, other] of steps.entries()) results.push(await other.run(own[i + 1], batch));
    const [first, ...others] = await Promise.all(
      results.map(async (result) => ({
        outputs: bytesOf(result.outputs),
        state: bytesOf(await result.state.read()),
      })),
    );
    others.forEach((other, i) => {
      expect(other, JSON.stringify(ways[i + 1])).toEqual(first);
    });
    statesOf.set(
      results[0].state,
      results.map((result) => result.state),
    );
    return results[0];
  }

  async dispose(): Promise<void> {
    for (const step of this.steps) await step.dispose();
  }
}

vi.mock(import('../../src/engine/compile.ts'), async (load) => {
  const { compile: original } = await load();
  const compile = original as unknown as (step: unknown, options: CompileOptions) => Promise<CompiledStep>;
  const everyWay = async (step: unknown, options: CompileOptions): Promise<CompiledStep> => {
    const { device = 'cpu', runner, threads, profileTo } = options;
    const isFree = device === 'cpu' && [runner, threads, profileTo].every((each) => each === undefined);
    if (!isFree) return compile(step, options);
    const steps = [];
    for (const way of ways) steps.push(await compile(step, { ...options, ...way }));
    return new EveryStep(steps);
  };
  return { compile: everyWay as unknown as typeof original };
});
