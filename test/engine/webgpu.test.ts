import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { distance } from '../nn/tensors.ts';
import { expectClose } from './against-cpu.ts';
import type { PlacedOperator } from './operator-providers.ts';
import { ask, noSoftwareVulkan, SoftwareVulkan } from './software-vulkan.ts';
import { scenarios } from './webgpu-scenarios.ts';

type Scenario = keyof typeof scenarios;
type ResultOf<Name extends Scenario> = Awaited<ReturnType<(typeof scenarios)[Name]>>;

/** No operator falls back to the CPU, as docs/webgpu.md says. */
function expectAllOnTheGpu(operators: readonly PlacedOperator[]): void {
  const on = (name: string) => operators.filter(({ provider }) => provider === name);
  expect(on('CPU').map(({ operator, types }) => `${operator} ${types}`)).toEqual([]);
  expect(on('WebGpu').map(({ operator }) => operator)).toEqual(
    expect.arrayContaining(['Conv', 'ConvTranspose', 'MatMul', 'ReduceSum']),
  );
}

/** The Euclidean distance of two lists of numbers. */
const gap = (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((value, i) => value - b[i]));

const title = `device 'webgpu', on a software driver${noSoftwareVulkan === undefined ? '' : ` (skipped: ${noSoftwareVulkan})`}`;

describe.skipIf(noSoftwareVulkan !== undefined)(title, () => {
  let driver: SoftwareVulkan;
  let folder: string;
  let child: ChildProcess;
  beforeAll(async () => {
    driver = await SoftwareVulkan.unpack();
    folder = await mkdtemp(join(tmpdir(), 'pointpair-webgpu-'));
  });
  afterAll(async () => {
    child?.kill();
    await driver?.remove();
    await rm(folder, { recursive: true });
  });

  /** Runs a scenario in the process that the ones before ran in, or in a new one where it has ended. */
  const onWebGpu = async <Name extends Scenario>(name: Name) => {
    if (!child?.connected) child = driver.start(new URL('./webgpu-child.ts', import.meta.url));
    return (await ask(child, [name, folder])) as ResultOf<Name>;
  };

  it('goes the way of the CPU over ten steps, with its state on the device', async () => {
    const [cpu, webgpu] = [await scenarios.smallSteps('cpu'), await onWebGpu('smallSteps')];
    expect(webgpu.locations).toEqual(Array(10).fill('gpu-buffer'));
    expect(cpu.locations).toEqual(Array(10).fill('cpu'));
    for (const part of ['outputs', 'states'] as const) {
      webgpu[part].forEach((tree, i) => {
        const expected = new Map(leavesOf(cpu[part][i]));
        const found = leavesOf(tree);
        expect(found.map(([path]) => path)).toEqual([...expected.keys()]);
        for (const [path, leaf] of found)
          expectClose(leaf, expected.get(path)!, 1e-5, `${path} of step ${i}`);
      });
    }
  });

  it('keeps what is being read, outlives its step, and gives back what is consumed or dropped', async () => {
    expect(await onWebGpu('livesOfStates')).toEqual({
      readWhileConsumed: [2, 3],
      readAfterDispose: [3, 4],
      goneOn: [4, 5],
      consumed: 'none',
      lost: 'none',
    });
  });

  it('refuses what the provider would compute wrongly', async () => {
    const [cpu, webgpu] = [await scenarios.edges('cpu'), await onWebGpu('edges')];
    for (const name of ['backwards from the last', 'groups in steps of one']) {
      expectClose(webgpu[name] as HostTensor, cpu[name] as HostTensor, 1e-4, name);
    }
    expect(webgpu['backwards from within']).toBe(
      "device 'webgpu': what this device computes rightly: expected backward slices that begin at the last element, found 3,0: use device 'cpu'",
    );
    expect(webgpu['groups in steps of two']).toContain('found 6 channels in 3 groups: use device');
  });

  it('adds up rows by number as the CPU does, by tables to the same bits each time', async () => {
    const [cpu, webgpu] = [await scenarios.sumsOfRows('cpu', folder), await onWebGpu('sumsOfRows')];
    for (const { byTables, byState } of webgpu.results) {
      expectClose(byTables, cpu.results[0].byTables, 1e-5, 'by tables');
      expectClose(byState, cpu.results[0].byState, 1e-5, 'by numbers in the state');
      expect([...byTables.data]).toEqual([...webgpu.results[0].byTables.data]);
    }
    expect(webgpu.operators.filter(({ provider }) => provider === 'CPU')).toEqual([]);
  });

  it("runs SimIPU's training step as the CPU does", { timeout: 180_000 }, async () => {
    const [cpu, webgpu] = [await scenarios.simipuSteps('cpu', folder), await onWebGpu('simipuSteps')];
    expect(webgpu.locations).toEqual(['gpu-buffer', 'gpu-buffer']);
    webgpu.outputs.forEach((outputs, i) => {
      const expected = new Map(leavesOf(cpu.outputs[i]));
      expect(leavesOf(outputs).map(([path]) => path)).toEqual([...expected.keys()]);
      for (const [path, leaf] of leavesOf(outputs)) {
        // Of the 24 rows, one that two keys are nearly alike to may be counted another way.
        const tolerance = path.includes('Top') ? 1.01 / 24 : 1e-4;
        expectClose(leaf, expected.get(path)!, tolerance, `${path} of step ${i}`);
      }
    });

    // The bounds that tfjs and ONNX Runtime's CPU are held to as well. The first step begins from one and the same state;
    // the second from two that differ by rounding, which it enlarges.
    const [begun, reference] = [cpu.start as Tree<HostTensor>, cpu.states[0]].map(
      (tree) => new Map(leavesOf(tree)),
    );
    expect(leavesOf(webgpu.states[0]).map(([path]) => path)).toEqual([...reference.keys()]);
    let moved = 0;
    for (const [path, { data }] of leavesOf(webgpu.states[0])) {
      const movement = distance(reference.get(path)!.data, begun.get(path)!.data);
      expect(distance(data, reference.get(path)!.data), path).toBeLessThan(0.01 * movement + 1e-6);
      if (movement > 1e-5) moved++;
    }
    expect(moved).toBeGreaterThan(250);
    const parameters = (tree: Tree<HostTensor>) =>
      leavesOf(branchAt(tree, 'params')).flatMap(([, { data }]) => [...data]);
    const [start, end, found] = [cpu.start, cpu.states[1], webgpu.states[1]].map(parameters);
    expect(gap(found, end) / gap(end, start)).toBeLessThan(0.02);

    expectAllOnTheGpu(webgpu.operators);
    expect(cpu.operators.every(({ provider }) => provider === 'CPU')).toBe(true);
  });

  it.each(['resnet18', 'resnet50'] as const)(
    'runs the training step of %s without falling back to the CPU',
    async (name) => expectAllOnTheGpu(await onWebGpu(name)),
  );
});
