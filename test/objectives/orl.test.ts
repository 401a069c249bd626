import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Model } from '../../src/encoders/trainable.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { adoptCorrespondences } from '../../src/training/correspond/adopt-correspondences.ts';
import { pretrain } from '../../src/training/pretrain.ts';
import { loadModel } from '../../src/viewer/server/encoders.ts';
import { distance, uploadTree } from '../nn/tensors.ts';
import { dense, encoded, normed } from './plain-layers.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import { tinyCorrespondenceFile } from './tiny-correspondences.ts';
import {
  connectedPaths,
  firstSteps,
  leafOf,
  runSteps,
  shapesOf,
  tinyImageRun,
  tinyView,
  unit,
} from './tiny-image-run.ts';
import { writeSyntheticKitti } from './tiny-simipu.ts';

type Host = Tree<HostTensor>;
type Rows = ReadonlyArray<readonly number[]>;
type Term = 'global' | 'intra' | 'inter';

const terms: readonly Term[] = ['global', 'intra', 'inter'];
/** That of the pictures of `writeSyntheticKitti`. */
const size = { width: 120, height: 60 };
const weights = { global: 1, intra: 0.5, inter: 2 };
const { crop: _, width: __, height: ___, ...pixels } = tinyView;

/** Both directions in loops and float64: the means over rows of ‖p - t‖² of the one view's predictions and the other's targets. */
function restated(p: readonly Rows[], t: readonly Rows[]): number {
  const direction = (predictions: Rows, targets: Rows) => {
    let sum = 0;
    predictions.forEach((row, i) => {
      const [x, y] = [unit(row), unit(targets[i])];
      for (let d = 0; d < x.length; d++) sum += (x[d] - y[d]) ** 2;
    });
    return sum / predictions.length;
  };
  return direction(p[0], t[1]) + direction(p[1], t[0]);
}

describe('ORL', () => {
  const options = {
    ...{ first: tinyView, second: { ...tinyView, solarise: { probability: 0.5 } } },
    ...{ patchSize: 8, patches: { first: pixels, second: pixels } },
    ...{ hidden: 16, dimensions: 5, momentum: 0.75, weights, predictorRate: 1 },
  };
  // Twelve passes a step: a vision transformer of one block keeps the graph small. It has no running statistics.
  const { input } = tinyImageRun('orl-cifar', options).encoders.image!;
  const block = { kind: 'vit', width: 16, depth: 1, heads: 2, patch: 4, positions: 'learned' } as const;
  const image = { ...block, batchNorm: { eps: 0.1, momentum: 0.1 }, input };
  const changes = { encoders: { image } } as unknown as Partial<RunConfig>;
  const run = tinyImageRun('orl-cifar', options, changes);
  const noStats = { imageEncoder: {} };
  const pictures = [
    [0, 1, 2, 3],
    [4, 5, 1, 2],
    [3, 0, 5, 4],
  ];
  const first = firstSteps(run, { frames: 6, pictures });
  const eager = runSteps(first);
  const eps = run.encoders.image!.batchNorm.eps;
  const at = (state: Host, path: string) => leafOf(state, path).data;
  const targetOf = (state: Host) => branchAt(branchAt(branchAt(state, 'memory'), 'orl'), 'target');
  const predictorOf = (term: Term) => `${term}Predictor`;

  it('has one encoder, one projector and three predictors, and a target that begins as the online network', () => {
    const shapes = shapesOf(branchAt(branchAt(first.state, 'params'), 'orl'));
    const head = (inputs: number) => ({
      '0/bias': [16],
      '0/weight': [inputs, 16],
      '1/bias': [16],
      '1/weight': [16],
      '3/weight': [16, 5],
    });
    const named = (name: string, inputs: number) =>
      Object.entries(head(inputs)).map(([path, shape]) => [`${name}/${path}`, shape]);
    const predictors = terms.flatMap((term) => named(predictorOf(term), 5));
    expect(shapes).toEqual(Object.fromEntries([...named('projector', 16), ...predictors]));
    // They begin apart.
    const begun = terms.map((term) => at(first.state, `params/orl/${predictorOf(term)}/3/weight`));
    expect(distance(begun[0], begun[1])).toBeGreaterThan(0.01);
    expect(distance(begun[1], begun[2])).toBeGreaterThan(0.01);
    const params = branchAt(first.state, 'params');
    const online = {
      imageEncoder: branchAt(params, 'imageEncoder'),
      projector: branchAt(branchAt(params, 'orl'), 'projector'),
    };
    const slow = branchAt(targetOf(first.state), 'params');
    expect(shapesOf(slow)).toEqual(shapesOf(online));
    for (const [path, { data }] of leavesOf(online)) expect(distance(data, at(slow, path)), path).toBe(0);
    expect(first.pretraining.chance(6)).toEqual({ total: 14, terms: { global: 4, intra: 4, inter: 4 } });
  });

  it('is three symmetric regressions, of the other view each, summed with their weights', async () => {
    const { outputs, states } = await eager;
    const head = (params: Host, name: string, x: tf.Tensor) => {
      const layers = branchAt(params, name);
      return dense(layers, '3', tf.relu(normed(layers, '1', dense(layers, '0', x), eps)));
    };
    for (const step of [1, 2, 3]) {
      const state = states[step - 1];
      const params = branchAt(state, 'params');
      const own = branchAt(params, 'orl');
      const slow = branchAt(targetOf(state), 'params');
      const found = new Map<Term, { p: number[][][]; t: number[][][]; wrong: number[][][] }>();
      for (const term of terms) {
        const path = term === 'global' ? 'data/orl' : `data/orl/${term}`;
        const made = { p: [] as number[][][], t: [] as number[][][], wrong: [] as number[][][] };
        for (const view of ['first', 'second']) {
          const picture = leafOf(first.batches[step - 1], `${path}/${view}`);
          expect(picture.shape).toEqual([4, 8, 8, 3]);
          const z = head(own, 'projector', encoded(run, params, noStats, picture));
          const rows = (of: Term) => head(own, predictorOf(of), z).arraySync() as number[][];
          made.p.push(rows(term));
          made.wrong.push(rows(term === 'global' ? 'intra' : 'global'));
          const h = encoded(run, slow, noStats, picture);
          made.t.push(head(slow, 'projector', h).arraySync() as number[][]);
        }
        found.set(term, made);
      }
      let total = 0;
      for (const term of terms) {
        const { p, t, wrong } = found.get(term)!;
        const loss = at(outputs[step - 1], `loss/${term}`)[0];
        expect(loss, `${term}, step ${step}`).toBeCloseTo(restated(p, t), 4);
        total += weights[term] * restated(p, t);
        // Neither that of another predictor, nor of the same view, nor the mean of both directions, nor of another pair of views.
        expect(Math.abs(loss - restated(wrong, t))).toBeGreaterThan(1e-3);
        expect(Math.abs(loss - restated(p, [t[1], t[0]]))).toBeGreaterThan(1e-3);
        expect(Math.abs(loss - restated(p, t) / 2)).toBeGreaterThan(0.1);
        const other = found.get(term === 'inter' ? 'intra' : 'inter')!;
        expect(Math.abs(loss - restated(p, other.t))).toBeGreaterThan(1e-3);
      }
      expect(at(outputs[step - 1], 'loss/total')[0]).toBeCloseTo(total, 3);
    }
  });

  it('has predictors that know nothing of each other, and no gradient into the target', () => {
    const { params, stats, memory } = first.state as { readonly [branch: string]: Host };
    const [{ data, inputs }] = first.batches as unknown as Array<{ readonly [branch: string]: Host }>;
    for (const term of terms) {
      const { grads } = valueAndGrad((tree) => {
        const model = { ...tree, stats: uploadTree(stats) } as unknown as Model;
        const how = { training: true, inputs: uploadTree(inputs) };
        return {
          loss: first.pretraining.loss(model, uploadTree(data), how).terms[term] as tf.Scalar,
          aux: {},
        };
      }, uploadTree({ params, memory }));
      const reached = new Set(
        [...grads.keys()].map((path) =>
          path
            .split('/')
            .slice(0, path.startsWith('params/orl') ? 3 : 2)
            .join('/'),
        ),
      );
      expect(reached, term).toEqual(
        new Set(['params/imageEncoder', 'params/orl/projector', `params/orl/${predictorOf(term)}`]),
      );
    }
    expect(connectedPaths(first)).toEqual(
      leavesOf({ params: branchAt(first.state, 'params') }).map(([path]) => path),
    );
  });

  it('moves the target after the optimizer, towards the new parameters', async () => {
    const { states } = await eager;
    for (const step of [1, 2, 3]) {
      const rest = (0.25 * (Math.cos((Math.PI * (step - 1)) / 3) + 1)) / 2;
      for (const name of ['imageEncoder/patch_embed/proj/weight', 'projector/3/weight']) {
        const online = name.startsWith('projector') ? `params/orl/${name}` : `params/${name}`;
        const path = `memory/orl/target/params/${name}`;
        const [before, found] = [at(states[step - 1], path), at(states[step], path)];
        const towards = (current: HostTensor['data']) =>
          Array.from(before, (value, i) => value + rest * (current[i] - value));
        expect(distance(found, towards(at(states[step], online)))).toBeLessThan(1e-6);
        expect(distance(found, towards(at(states[step - 1], online)))).toBeGreaterThan(1e-5);
      }
    }
  });

  it('trains all three predictors at a multiple of the rate of the heads', () => {
    const { groups } = firstSteps(tinyImageRun('orl-cifar', { ...options, predictorRate: 4 }, changes), {
      frames: 6,
      pictures: [],
    });
    expect(groups.map(({ name, match, learningRate }) => [name, match, learningRate])).toEqual([
      ['image', ['imageEncoder'], 0.05],
      ['orl-globalPredictor', terms.map((term) => `orl/${predictorOf(term)}`), 0.2],
      ['heads', [''], 0.05],
    ]);
  });

  it('refuses a crop of patches, which are boxes already', () => {
    const patches = { first: { ...pixels, crop: { area: [0.3, 1] } }, second: pixels };
    expect(() => tinyImageRun('orl-cifar', { ...options, patches })).toThrow('crop');
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('begins with a file of boxes, keeps it, and goes on without that file, bit for bit', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'orl-'));
    const data = { root: join(folder, 'kitti') };
    const names = await writeSyntheticKitti(data.root, 6);
    const file = join(folder, 'boxes.safetensors');
    await writeFile(file, tinyCorrespondenceFile(names, size).bytes);
    const given = { config: run, data, out: join(folder, 'a'), stream: { write: () => {} } };
    await expect(pretrain(given)).rejects.toThrow(
      'options: expected --correspondences, the file of boxes that orl learns from, found none',
    );
    const adopted = await adoptCorrespondences(run, file);
    const { digest } = adopted.correspondences;
    expect(adopted.config.objectives.orl).toMatchObject({ correspondences: digest, hidden: 16 });
    await expectSameAfterResuming(adopted.config, { ...adopted, root: data.root, steps: 3, stopAfter: 1 });
    await rm(folder, { recursive: true });
  });

  it('has all that it needs in its folder, wherever that lies, and takes no other boxes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'orl-'));
    const data = { root: join(folder, 'kitti') };
    const names = await writeSyntheticKitti(data.root, 6);
    const file = join(folder, 'boxes.safetensors');
    await writeFile(file, tinyCorrespondenceFile(names, size).bytes);
    const adopted = await adoptCorrespondences(run, file);
    const { digest } = adopted.correspondences;
    const given = { data, out: join(folder, 'a'), stream: { write: () => {} } };
    const config = { ...adopted.config, steps: 1 };
    await pretrain({ ...given, ...adopted, config });
    const moved = join(folder, 'b');
    await rename(given.out, moved);
    await rm(file);
    const on = { ...given, out: moved, config: { ...config, steps: 2 }, resume: true };
    expect((await pretrain(on)).step).toBe(2);
    expect(await readdir(moved)).toContain('correspondences.safetensors');
    // The viewer draws views of the run's own boxes for the statistics of what it began with.
    const { stats } = await loadModel({ run: moved }, 'before');
    expect(leafOf(stats, 'orl/interPredictor/1/running_mean').data.some((value) => value !== 0)).toBe(true);
    const other = tinyCorrespondenceFile([...names].reverse(), size);
    const longer = { ...on, config: { ...config, steps: 3 } };
    await expect(pretrain({ ...longer, correspondences: other })).rejects.toThrow(
      `--correspondences: expected the file with SHA-256 ${digest}`,
    );
    const kept = join(moved, 'correspondences.safetensors');
    await writeFile(kept, other.bytes);
    await expect(pretrain(longer)).rejects.toThrow(`${kept}: expected the file with SHA-256 ${digest}`);
    await rm(folder, { recursive: true });
  });

  it('refuses boxes of other pictures, by the first name that differs, and a system that learns from none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'orl-'));
    const data = { root: join(folder, 'kitti') };
    const names = await writeSyntheticKitti(data.root, 6);
    const attempt = async (others: readonly string[], config = run) => {
      const file = join(folder, 'boxes');
      await writeFile(file, tinyCorrespondenceFile(others, size).bytes);
      const adopted = await adoptCorrespondences(config, file);
      return pretrain({ ...adopted, data, out: join(folder, 'run'), stream: { write: () => {} } });
    };
    await expect(attempt(names.with(2, 'another'))).rejects.toThrow(
      "--correspondences: names[2]: expected boxes of the run's pictures, 000002, found another",
    );
    await expect(attempt(names.slice(0, 5))).rejects.toThrow(
      "names: expected boxes of the run's pictures, 6, found boxes of 5",
    );
    await expect(attempt(names, tinyImageRun('byol-cifar', {}))).rejects.toThrow(
      'objectives: expected a system that learns from boxes: orl, found byol',
    );
    await rm(folder, { recursive: true });
  });
});
