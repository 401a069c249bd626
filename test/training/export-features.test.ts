import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { float32, type HostTensor, int32 } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { cellGrid, exportFeatures } from '../../src/training/export-features.ts';
import { drawPointPair } from '../../src/views/point-pair.ts';
import { distance, uploadTree, valuesOf } from '../nn/tensors.ts';
import {
  batchOfPairs,
  changed,
  embedded,
  observedModel,
  pairIn,
  pairView,
  syntheticFrame,
  withPair,
} from '../objectives/tiny-simipu.ts';
import { lookingAt, wideRun } from '../viewer/server/tiny-model.ts';

async function runOn(bytes: Uint8Array, inputs: Tree<HostTensor>) {
  const session = await ort.InferenceSession.create(bytes);
  const feeds = leavesOf(inputs)
    .filter(([path]) => session.inputNames.includes(path))
    .map(([path, { dtype, data, shape }]) => [path, new ort.Tensor(dtype, data, shape)]);
  const outputs = await session.run(Object.fromEntries(feeds));
  return {
    inputs: [...session.inputNames].sort(),
    of: (name: string) => ({ rows: outputs[name].data as Float32Array, shape: [...outputs[name].dims] }),
    outputs: Object.keys(outputs).sort(),
  };
}

describe.each([
  ['reflectance alone', false],
  ['coordinates as well', true],
])('the features of a model that sees %s', (_, useXyz) => {
  const config = changed(wideRun, { points: { useXyz } });
  const model = observedModel(config, Random.fromSeed('projections'));
  const exported = exportFeatures(lookingAt(config), model);
  const sample = drawPointPair(syntheticFrame('projections'), Random.fromSeed('sample'), pairView(config));
  const batch = batchOfPairs(createPretraining(config, 1), [sample]);
  const pair = pairIn(batch);
  const uploaded = { params: uploadTree(model.params), stats: uploadTree(model.stats) };
  const embed = (given: Tree<HostTensor>) =>
    embedded(config, uploaded, uploadTree(given), { training: false });
  const expected = embed(batch);

  it('are those that the losses compare, of points', async () => {
    const alpha = await runOn(exported.points!, branchAt(pair, 'alpha'));
    const beta = await runOn(exported.points!, branchAt(pair, 'beta'));
    const tables = ['levels/0/neighbors/0', 'levels/0/neighbors/1', 'levels/1/neighbors/0'];
    const centers = useXyz ? ['levels/0/centers', 'levels/1/centers', 'xyz'] : [];
    expect(alpha.inputs).toEqual(['features', ...tables, 'levels/1/neighbors/1', ...centers].sort());
    expect(alpha.outputs).toEqual(['across', 'within']);
    expect(alpha.of('within').shape).toEqual([12, 8]);
    expect(alpha.of('across').shape).toEqual([12, 8]);
    expect(distance(alpha.of('within').rows, valuesOf(expected.intraQueries))).toBeLessThan(1e-4);
    expect(distance(alpha.of('across').rows, valuesOf(expected.crossKeys))).toBeLessThan(1e-4);
    const partners = Array.from(sample.partner).flatMap((row) => [
      ...beta.of('within').rows.subarray(8 * row, 8 * row + 8),
    ]);
    expect(distance(partners, valuesOf(expected.intraKeys))).toBeLessThan(1e-4);
    // Neither the views nor the heads are taken for each other.
    expect(distance(alpha.of('within').rows, beta.of('within').rows)).toBeGreaterThan(0.1);
    expect(distance(alpha.of('within').rows, alpha.of('across').rows)).toBeGreaterThan(0.1);
  });

  it('are those that the losses compare, of the image at the pixels of places and of every cell', async () => {
    const image = await runOn(exported.image!, pair);
    expect(image.inputs).toEqual(['cellWeights', 'cells', 'image']);
    expect(image.outputs).toEqual(['map', 'pixels']);
    expect(image.of('pixels').shape).toEqual([12, 8]);
    expect(distance(image.of('pixels').rows, valuesOf(expected.crossQueries))).toBeLessThan(1e-4);
    expect(cellGrid(config.encoders)).toEqual({ columns: 3, rows: 2 });
    expect(image.of('map').shape).toEqual([6, 8]);
    // Places that lie on the centres of the cells see what the cells have.
    const cells = Int32Array.from({ length: 48 }, (_, i) => (i >> 2) % 6);
    const cellWeights = Float32Array.from({ length: 48 }, (_, i) => (i % 4 === 0 ? 1 : 0));
    const centred = withPair(batch, {
      cells: int32(cells, [48]),
      cellWeights: float32(cellWeights, [48]),
    });
    const seen = valuesOf(embed(centred).crossQueries).slice(0, 48);
    expect(distance(image.of('map').rows, seen)).toBeLessThan(1e-4);
    expect(distance(seen.slice(0, 8), seen.slice(8, 16))).toBeGreaterThan(0.01);
  });
});
