import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { encodeImages } from '../../src/encoders/encoders.ts';
import { compile } from '../../src/engine/compile.ts';
import { float32, type HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, mapTree, type Tree } from '../../src/engine/tree.ts';
import { branchAt, leafAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { infoNce } from '../../src/objectives/info-nce.ts';
import type { SimipuConfig } from '../../src/objectives/simipu-config.ts';
import type { SimipuEmbeddings } from '../../src/objectives/simipu-model.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { distance, upload, uploadTree, valuesOf } from '../nn/tensors.ts';
import {
  bothEncoders,
  embedded,
  type PartChanges,
  pairIn,
  simipuOf,
  syntheticBatch,
  tiny,
  tinyRun,
  withPair,
} from './tiny-simipu.ts';
import { comparableRun, firstSteps } from './tiny-training.ts';

type Tensors = Tree<tf.Tensor>;

const training = { training: true };

/** Points all around the car, so that some fall outside of the picture. */
const everywhere: PartChanges['input'] = {
  range: { min: [-10, -40, -3], max: [70.4, 40, 1] },
  cropToImage: false,
};

function setUp(changes: Partial<SimipuConfig> = {}) {
  const run = tiny({ simipu: changes, input: everywhere, canvas: { width: 64 } });
  const objective = createPretraining(run, 2);
  const { params, stats } = objective.initialize(Random.fromSeed('start'), { frames: 2 });
  const batch = syntheticBatch(objective);
  const model = { params: uploadTree(params), stats: uploadTree(stats), memory: {} };
  return { run, config: simipuOf(run), objective, model, batch: uploadTree(batch), host: pairIn(batch) };
}

type SetUp = ReturnType<typeof setUp>;

const scalarAt = (tree: Tensors, key: string) => valuesOf(leafAt(tree, key));

/** InfoNCE of rows in plain loops. */
function plainLoss(
  queries: tf.Tensor,
  keys: tf.Tensor,
  weights: ArrayLike<number>,
  temperature = 0.07,
): number {
  const [rows, width] = queries.shape as [number, number];
  const [q, k] = [valuesOf(queries), valuesOf(keys)];
  let [loss, count] = [0, 0];
  for (let i = 0; i < rows; i++) {
    const logits = Array.from({ length: rows }, (_, j) => {
      let dot = 0;
      for (let d = 0; d < width; d++) dot += q[i * width + d] * k[j * width + d];
      return dot / temperature;
    });
    const sum = logits.reduce((before, logit) => before + Math.exp(logit), 0);
    loss += weights[i] * (Math.log(sum) - logits[i]);
    count += weights[i];
  }
  return loss / count;
}

/** The gradients of one term, or of the total. */
function gradients({ objective, model, batch }: SetUp, term: 'intra' | 'cross' | 'total') {
  return valueAndGrad((current) => {
    const { loss, terms } = objective.loss({ ...model, params: current }, batch, training);
    return { loss: term === 'total' ? loss : (leafAt(terms, term) as tf.Scalar), aux: {} };
  }, model.params).grads;
}

const branches = (grads: ReadonlyMap<string, tf.Tensor>) =>
  [
    ...new Set(
      [...grads.keys()].map((path) =>
        path.startsWith('simipu/') ? path.split('/').slice(0, 2).join('/') : path.split('/')[0],
      ),
    ),
  ].sort();

describe("SimIPU's losses", () => {
  const made = setUp();
  const { run, objective, model, batch, host } = made;
  const embeddings = embedded(run, model, batch, training);
  const result = objective.loss(model, batch, training);
  const inside = (host.inside as HostTensor).data;

  it('are those of the formula, from the embeddings', () => {
    const all = new Float32Array(24).fill(1);
    const intra = plainLoss(embeddings.intraQueries, embeddings.intraKeys, all);
    const cross = plainLoss(embeddings.crossQueries, embeddings.crossKeys, all);
    expect(scalarAt(result.terms, 'intra')[0]).toBeCloseTo(intra, 4);
    expect(scalarAt(result.terms, 'cross')[0]).toBeCloseTo(cross, 4);
    expect(valuesOf(result.loss)[0]).toBeCloseTo(intra + cross, 4);
    // As released, points outside of the picture count.
    expect(Array.from(inside)).toContain(0);
    expect(objective.chance(2)).toEqual({
      total: 2 * Math.log(24),
      terms: { intra: Math.log(24), cross: Math.log(24) },
    });
  });

  it('compare rows of length one', () => {
    for (const rows of [
      embeddings.intraQueries,
      embeddings.intraKeys,
      embeddings.crossQueries,
      embeddings.crossKeys,
    ]) {
      expect(rows.shape).toEqual([24, 8]);
      const lengths = valuesOf(tf.sqrt(tf.sum(tf.square(rows), 1)));
      for (const length of lengths) expect(length).toBeCloseTo(1, 5);
    }
  });

  it('weigh the cross-modal loss by its factor', () => {
    const half = createPretraining(
      { ...run, objectives: { simipu: { ...made.config, crossFactor: 0.25 } } },
      2,
    );
    const { loss, terms } = half.loss(model, batch, training);
    const [intra, cross] = [scalarAt(terms, 'intra')[0], scalarAt(terms, 'cross')[0]];
    expect(valuesOf(loss)[0]).toBeCloseTo(intra + 0.25 * cross, 5);
    expect(half.chance(2).total).toBeCloseTo(1.25 * Math.log(24), 10);
  });

  it('take the key of each query from its partner', () => {
    // With the partners turned around within each sample, the keys turn around with them.
    const partner = host.partner as HostTensor;
    const reversed = Int32Array.from(
      partner.data,
      (_, i) => partner.data[12 * Math.floor(i / 12) + (11 - (i % 12))],
    );
    const turned = withPair(batch, { partner: upload({ ...partner, data: reversed }) });
    const keys = valuesOf(embedded(run, model, turned, training).intraKeys);
    const before = valuesOf(embeddings.intraKeys);
    for (let i = 0; i < 24; i++) {
      const j = 12 * Math.floor(i / 12) + (11 - (i % 12));
      expect(keys.slice(8 * i, 8 * i + 8)).toEqual(before.slice(8 * j, 8 * j + 8));
    }
  });

  it('see the image where the points are: its features sampled in plain loops', () => {
    const features = encodeImages(
      { params: branchAt(model.params, 'imageEncoder'), stats: branchAt(model.stats, 'imageEncoder') },
      leafAt(pairIn(batch), 'image'),
      { encoder: bothEncoders(run).image, ...training },
    ).features.c5!;
    const [, channels, height, width] = features.shape as number[];
    expect(features.shape).toEqual([2, 32, 2, 2]);
    const map = valuesOf(features);
    const [cells, weights] = [(host.cells as HostTensor).data, (host.cellWeights as HostTensor).data];
    const rows = new Float32Array(24 * channels);
    for (let n = 0; n < 24; n++) {
      for (let corner = 4 * n; corner < 4 * n + 4; corner++) {
        const image = Math.floor(n / 12);
        const cell = cells[corner] - image * height * width;
        expect(weights[corner] === 0 || (cell >= 0 && cell < height * width)).toBe(true);
        for (let c = 0; c < channels && weights[corner] !== 0; c++) {
          rows[n * channels + c] += weights[corner] * map[(image * channels + c) * height * width + cell];
        }
      }
    }
    // Changing what lies under the points alone, through a map of one's own, gives the same queries.
    const sampled = tf.tensor2d(rows, [24, channels]);
    const direct = crossQueriesOf(made, sampled);
    expect(distance(valuesOf(direct), valuesOf(embeddings.crossQueries))).toBeLessThan(1e-4);
  });
});

/** The cross-modal queries of given image features, the head written out: linear, batch norm, ReLU between, unit length. */
function crossQueriesOf({ model, config }: SetUp, rows: tf.Tensor): tf.Tensor {
  const head = branchAt(branchAt(model.params, 'simipu'), 'crossImage');
  let x = rows;
  const depth = config.heads.crossImage.length;
  for (let i = 0; i < depth; i++) {
    const layer = branchAt(head, `${i}`);
    const [linear, norm] = [branchAt(layer, 'linear'), branchAt(layer, 'norm')];
    x = tf.add(tf.matMul(x, leafAt(linear, 'weight')), leafAt(linear, 'bias'));
    const { mean, variance } = tf.moments(x, 0);
    x = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, config.headBatchNorm.eps)));
    x = tf.add(tf.mul(x, leafAt(norm, 'weight')), leafAt(norm, 'bias'));
    if (i < depth - 1) x = tf.relu(x);
  }
  return tf.div(x, tf.norm(x, 'euclidean', 1, true));
}

describe("SimIPU's stop-gradient", () => {
  const image = ['imageEncoder', 'simipu/crossImage'];
  // What is cut from the cross-modal loss makes no difference to the other one.
  const intra = gradients(setUp(), 'intra');

  it.each([
    ['point-output', image],
    ['point-feature', ['imageEncoder', 'simipu/crossImage', 'simipu/crossPoints']],
    ['none', ['imageEncoder', 'pointEncoder', 'simipu/crossImage', 'simipu/crossPoints']],
  ] as const)('at %s lets the cross-modal loss reach exactly %s', (place, reached) => {
    const made = setUp({ stopGradient: place });
    const paths = leavesOf(made.model.params).map(([path]) => path);
    const cross = gradients(made, 'cross');
    expect(branches(cross)).toEqual(reached);
    expect(branches(intra)).toEqual(['pointEncoder', 'simipu/intraPoints']);
    const total = gradients(made, 'total');
    for (const path of paths) {
      expect(cross.has(path), path).toBe(reached.some((branch) => path.startsWith(`${branch}/`)));
      expect(total.has(path), path).toBe(cross.has(path) || intra.has(path));
      // Where a gradient is, it is one: a weight that the loss depends on gets some.
      for (const grads of [cross, intra]) {
        if (!grads.has(path) || !path.endsWith('weight')) continue;
        expect(Math.max(...valuesOf(grads.get(path)!).map(Math.abs)), path).toBeGreaterThan(0);
      }
      if (!path.startsWith('pointEncoder/')) continue;
      const [whole, alone] = [valuesOf(total.get(path)!), valuesOf(intra.get(path)!)];
      if (place !== 'none') expect(whole).toEqual(alone);
      else if (path.endsWith('weight')) expect(distance(whole, alone)).toBeGreaterThan(0);
    }
    // The point head of the cross-modal loss stays as it began, as released.
    expect([...total.keys()].some((path) => path.startsWith('simipu/crossPoints/'))).toBe(
      place !== 'point-output',
    );
  });

  it('does not change the value of the loss', () => {
    const values = (['point-output', 'point-feature', 'none'] as const).map((place) => {
      const { objective, model, batch } = setUp({ stopGradient: place });
      return valuesOf(objective.loss(model, batch, training).loss)[0];
    });
    expect(new Set(values).size).toBe(1);
  });

  it('keeps the keys of the intra-modal loss out of its gradient', () => {
    const { objective, model, batch } = setUp();
    const pair = pairIn(batch);
    const [alpha, beta] = ['alpha', 'beta'].map((view) => leafAt(branchAt(pair, view), 'features'));
    const intraOf = (features: Tensors) => {
      const views = ['alpha', 'beta'].map((view) => [
        view,
        { ...branchAt(pair, view), features: leafAt(features, view) },
      ]);
      const moved = withPair(batch, Object.fromEntries(views));
      return leafAt(objective.loss(model, moved, training).terms, 'intra') as tf.Scalar;
    };
    const { loss, grads } = valueAndGrad((features) => ({ loss: intraOf(features), aux: {} }), {
      alpha,
      beta,
    });
    expect([...grads.keys()]).toEqual(['alpha']);
    const noise = tf.tensor2d(
      Float32Array.from({ length: beta.size }, (_, i) => Math.sin(i)),
      beta.shape as [number, number],
    );
    const perturbed = valuesOf(intraOf({ alpha, beta: tf.add(beta, noise) }))[0];
    expect(Math.abs(perturbed - valuesOf(loss)[0])).toBeGreaterThan(1e-3);
  });

  it('makes the gradient that of a loss whose keys are frozen: finite differences', () => {
    const { run, model, batch } = setUp();
    const all = tf.ones([24]);
    const frozen = embedded(run, model, batch, training).intraKeys;
    const valueAt = (tree: Tensors, keysOf: (found: SimipuEmbeddings) => tf.Tensor) => {
      const found = embedded(run, { ...model, params: tree }, batch, training);
      return valuesOf(
        infoNce(found.intraQueries, keysOf(found), { temperature: 0.07, weights: all }).loss,
      )[0];
    };
    // Along the gradient of one leaf, its derivative is the gradient's length.
    for (const path of [
      'simipu/intraPoints/1/linear/weight',
      'pointEncoder/sa2/aggregation/linear/weight',
      'pointEncoder/sa1/scale1/0/norm/weight',
    ]) {
      const gradient = intra.get(path)!;
      const length = Math.hypot(...valuesOf(gradient));
      const step = 0.01 / length;
      const moved = (by: number) =>
        mapTree(model.params, (leaf, at) =>
          at === path ? tf.add(leaf, tf.mul(gradient, by / length)) : leaf,
        );
      const slope = (keysOf: (found: SimipuEmbeddings) => tf.Tensor) =>
        (valueAt(moved(step), keysOf) - valueAt(moved(-step), keysOf)) / (2 * step);
      expect(Math.abs(slope(() => frozen) / length - 1), path).toBeLessThan(0.02);
      expect(Math.abs(slope((found) => found.intraKeys) / length - 1), path).toBeGreaterThan(0.04);
    }
  });
});

describe("SimIPU's masks", () => {
  const all = new Float32Array(24).fill(1);

  it('take the points outside of the picture from the cross-modal loss alone', () => {
    const made = setUp({ validityMask: true });
    const { run, objective, model, batch, host } = made;
    const inside = (host.inside as HostTensor).data;
    const { crossQueries, crossKeys, intraQueries, intraKeys } = embedded(run, model, batch, training);
    const { terms } = objective.loss(model, batch, training);
    expect(scalarAt(terms, 'cross')[0]).toBeCloseTo(plainLoss(crossQueries, crossKeys, inside), 4);
    expect(scalarAt(terms, 'intra')[0]).toBeCloseTo(plainLoss(intraQueries, intraKeys, all), 4);
    expect(
      Math.abs(plainLoss(crossQueries, crossKeys, inside) - plainLoss(crossQueries, crossKeys, all)),
    ).toBeGreaterThan(1e-3);
  });

  it('take far matches from the intra-modal loss alone', () => {
    const distances = (setUp().host.distanceM as HostTensor).data;
    const gate = [...distances].sort((a, b) => a - b)[11] + 1e-3;
    const { run, objective, model, batch, host } = setUp({ matchGateM: gate });
    const matched = (host.matched as HostTensor).data;
    expect([...matched]).toEqual([...distances].map((away) => (away <= gate ? 1 : 0)));
    expect(Array.from(matched).filter((value) => value === 1)).toHaveLength(12);
    const { crossQueries, crossKeys, intraQueries, intraKeys } = embedded(run, model, batch, training);
    const { terms } = objective.loss(model, batch, training);
    expect(scalarAt(terms, 'intra')[0]).toBeCloseTo(plainLoss(intraQueries, intraKeys, matched), 4);
    expect(scalarAt(terms, 'cross')[0]).toBeCloseTo(plainLoss(crossQueries, crossKeys, all), 4);
  });

  it('count every match without a gate, as released', () => {
    expect([...(setUp().host.matched as HostTensor).data]).toEqual([...all]);
  });
});

describe("SimIPU's running statistics", () => {
  it('move twice where both views pass, and once elsewhere', () => {
    const { run, objective, model, batch, config } = setUp();
    const { image, points } = bothEncoders(run);
    const norms = {
      pointEncoder: points.batchNorm,
      imageEncoder: image.batchNorm,
      simipu: config.headBatchNorm,
    };
    const movedFrom = (begin: Tensors) =>
      new Map(leavesOf(objective.loss({ ...model, stats: begin }, batch, training).stats));
    const plain = movedFrom(model.stats);
    const shifted = movedFrom(mapTree(model.stats, (leaf) => tf.add(leaf, 1)));
    expect([...plain.keys()]).toEqual(leavesOf(model.stats).map(([path]) => path));
    for (const [path, leaf] of plain) {
      // What is left of the statistics before tells how often they moved.
      const times = path.startsWith('pointEncoder/') || path.startsWith('simipu/intraPoints/') ? 2 : 1;
      const { momentum } = norms[path.split('/')[0] as keyof typeof norms];
      const left = valuesOf(tf.sub(shifted.get(path)!, leaf));
      for (const value of left) expect(value, path).toBeCloseTo((1 - momentum) ** times, 4);
    }
  });

  it('stay as they are at evaluation, when rows do not depend on their batch', () => {
    const { run, objective, model, batch, host } = setUp();
    const { stats: after, terms } = objective.loss(model, batch, { training: false });
    for (const [path, leaf] of leavesOf(after)) {
      expect(valuesOf(leaf), path).toEqual(valuesOf(new Map(leavesOf(model.stats)).get(path)!));
    }
    const image = host.image as HostTensor;
    const other = upload(
      float32(
        Float32Array.from(image.data, (value, i) => (i < image.data.length / 2 ? value : -value)),
        image.shape,
      ),
    );
    const [before, changed] = [batch, withPair(batch, { image: other })].map((each) =>
      valuesOf(embedded(run, model, each, { training: false }).crossQueries),
    );
    expect(changed.slice(0, 96)).toEqual(before.slice(0, 96));
    expect(changed.slice(96)).not.toEqual(before.slice(96));
    expect(scalarAt(terms, 'intra')[0]).toBeGreaterThan(0);
  });
});

describe("SimIPU's training step", () => {
  const run = tinyRun();

  /** The losses and the state after each step; with `from`, each step begins with a given state instead of the last one. */
  async function train(config: RunConfig, device: 'cpu' | 'eager', from?: ReadonlyArray<Tree<HostTensor>>) {
    const { step: uncompiled, state, batches } = firstSteps(config, [0, 1, 2]);
    const step = await compile(uncompiled, { state, batch: batches[0], device });
    const losses: Array<Record<string, number>> = [];
    const states: Array<Tree<HostTensor>> = [state];
    let current: Parameters<typeof step.run>[0] = state;
    for (const [i, batch] of batches.entries()) {
      const { state: next, outputs } = await step.run(from?.[i] ?? current, batch);
      losses.push(Object.fromEntries(leavesOf(outputs).map(([path, { data }]) => [path, data[0]])));
      states.push(await next.read());
      current = next;
    }
    await step.dispose();
    return { losses, states };
  }

  it('is the same captured and run by ONNX Runtime as in tfjs, over three steps', async () => {
    const config = comparableRun();
    const eager = await train(config, 'eager');
    const captured = await train(config, 'cpu');
    captured.losses.forEach((loss, i) => {
      expect(Object.keys(loss)).toEqual([
        ...['cross', 'intra', 'total'].map((name) => `loss/${name}`),
        ...['crossTop1', 'crossTop5', 'insideFraction', 'intraTop1', 'intraTop5', 'matchDistanceM'].map(
          (name) => `metric/${name}`,
        ),
      ]);
      for (const [name, value] of Object.entries(loss)) {
        if (!name.includes('Top'))
          expect(value / eager.losses[i][name] - 1, `${name} of step ${i}`).toBeCloseTo(0, 3);
      }
    });
    // How far all of the parameters are apart after three steps, against how far they went.
    const flat = (states: ReadonlyArray<Tree<HostTensor>>, at: number) =>
      leavesOf(branchAt(states[at], 'params')).flatMap(([, { data }]) => [...data]);
    const [begun, reference, found] = [
      flat(eager.states, 0),
      flat(eager.states, 3),
      flat(captured.states, 3),
    ];
    const norm = (a: readonly number[], b: readonly number[]) =>
      Math.hypot(...a.map((value, i) => value - b[i]));
    expect(norm(found, reference) / norm(reference, begun)).toBeLessThan(0.02);
    expect(
      norm(found, reference) /
        norm(
          reference,
          reference.map(() => 0),
        ),
    ).toBeLessThan(1e-4);

    // Each step from one and the same state, tensor by tensor.
    const again = await train(config, 'cpu', eager.states);
    for (const at of [1, 2, 3]) {
      const [expected, before] = [eager.states[at], eager.states[at - 1]].map(
        (tree) => new Map(leavesOf(tree)),
      );
      expect([...expected.keys()]).toEqual(leavesOf(again.states[at]).map(([path]) => path));
      let moved = 0;
      for (const [path, { data }] of leavesOf(again.states[at])) {
        const movement = distance(expected.get(path)!.data, before.get(path)!.data);
        expect(distance(data, expected.get(path)!.data), `${path} after step ${at}`).toBeLessThan(
          0.01 * movement + 1e-6,
        );
        if (movement > 1e-5) moved++;
      }
      expect(moved).toBeGreaterThan(250);
    }
  });

  it('leaves the point head of the cross-modal loss as it began, as released', async () => {
    const { states } = await train(run, 'cpu');
    const begun = new Map(leavesOf(states[0]));
    for (const [path, { data }] of leavesOf(states[3])) {
      const same = distance(data, begun.get(path)!.data) === 0;
      if (path.startsWith('params/simipu/crossPoints/')) expect(same, path).toBe(true);
      if (/^params.*linear\/weight$/.test(path) && !path.includes('crossPoints'))
        expect(same, path).toBe(false);
    }
  });

  it('gives the same bits again', async () => {
    const [one, other] = [await train(run, 'cpu'), await train(run, 'cpu')];
    expect(other).toEqual(one);
  });
});

describe('a SimIPU objective', () => {
  it('refuses a batch of another size', () => {
    const objective = createPretraining(tinyRun(), 3);
    expect(() => objective.collate([])).toThrow('0 samples for a batch of 3');
  });

  it('starts from the seed alone, each part with numbers of its own', () => {
    const objective = createPretraining(tinyRun(), 2);
    const [one, same, other] = ['a', 'a', 'b'].map((seed) =>
      objective.initialize(Random.fromSeed(seed), { frames: 2 }),
    );
    expect(one).toEqual(same);
    expect(one.params).not.toEqual(other.params);
    const heads = branchAt(one.params, 'simipu');
    const [first, second] = ['intraPoints', 'crossPoints'].map(
      (name) => new Map(leavesOf(branchAt(heads, name))).get('0/linear/weight')!,
    );
    expect(first.shape).toEqual(second.shape);
    expect(first.data).not.toEqual(second.data);
  });
});
