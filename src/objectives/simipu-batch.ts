import { float32, type HostTensor, int32 } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import type { SimipuConfig } from './simipu-config.ts';
import { featureStride, type PointView, type SimipuSample } from './simipu-sample.ts';

type Part<Item> = (sample: Item) => Float32Array;

/**
 * Stacks samples to a batch of B: all points as rows one sample after the other, and every table counting through them.
 *
 * `image` float32 [B, H, W, 3]; `alpha` and `beta`: `features` float32 [B·N, 1] (reflectance), `xyz` [B·N, 3] where it
 * is used, `levels/l/centers` int32 [B·M], `levels/l/neighbors/s` int32 [B·M·K]; for each centre of alpha `partner`
 * int32 [B·M], `matched`, `inside` and `distanceM` float32 [B·M], `cells` int32 and `cellWeights` float32 [B·M·4].
 */
export function collateSimipu(samples: readonly SimipuSample[], config: SimipuConfig): Tree<HostTensor> {
  const { width, height } = config.image;
  const batch = samples.length;
  const centers = config.pointEncoder.levels[config.pointEncoder.levels.length - 1].points;
  const cellsPerImage = Math.ceil(width / featureStride) * Math.ceil(height / featureStride);
  const gate = config.matchGateM ?? Number.POSITIVE_INFINITY;
  const rows = (part: Part<SimipuSample>, shape: readonly number[]) =>
    float32(stackFloats(samples, part), shape);
  return {
    image: rows((sample) => sample.image, [batch, height, width, 3]),
    alpha: stackViews(
      samples.map((sample) => sample.alpha),
      config,
    ),
    beta: stackViews(
      samples.map((sample) => sample.beta),
      config,
    ),
    partner: stackTables(
      samples.map((sample) => sample.partner),
      centers,
    ),
    distanceM: rows((sample) => sample.distanceM, [batch * centers]),
    matched: rows(
      (sample) => sample.distanceM.map((distance) => (distance <= gate ? 1 : 0)),
      [batch * centers],
    ),
    inside: rows((sample) => sample.inside, [batch * centers]),
    cells: stackTables(
      samples.map((sample) => sample.cells),
      cellsPerImage,
    ),
    cellWeights: rows((sample) => sample.cellWeights, [batch * centers * 4]),
  };
}

function stackViews(views: readonly PointView[], config: SimipuConfig): Tree<HostTensor> {
  const total = views.length * config.points.count;
  const features = float32(
    stackFloats(views, (view) => columns(view.points, 3, 4)),
    [total, 1],
  );
  const levels: { [level: string]: Tree<HostTensor> } = {};
  let rowsBefore = config.points.count;
  config.pointEncoder.levels.forEach(({ points, neighbors }, l) => {
    levels[l] = {
      centers: stackTables(
        views.map((view) => view.levels[l].centers),
        rowsBefore,
      ),
      neighbors: Object.fromEntries(
        neighbors.map((_, s) => [
          `${s}`,
          stackTables(
            views.map((view) => view.levels[l].neighbors[s]),
            rowsBefore,
          ),
        ]),
      ),
    };
    rowsBefore = points;
  });
  if (!config.pointEncoder.useXyz) return { features, levels };
  return {
    features,
    levels,
    xyz: float32(
      stackFloats(views, (view) => columns(view.points, 0, 3)),
      [total, 3],
    ),
  };
}

/** Columns [from, to) of rows of 4. */
function columns(rows: Float32Array, from: number, to: number): Float32Array {
  const count = rows.length / 4;
  const width = to - from;
  const result = new Float32Array(count * width);
  for (let i = 0; i < count; i++)
    for (let c = 0; c < width; c++) result[i * width + c] = rows[4 * i + from + c];
  return result;
}

function stackFloats<Item>(items: readonly Item[], part: Part<Item>): Float32Array {
  const parts = items.map(part);
  const result = new Float32Array(parts.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const each of parts) {
    result.set(each, at);
    at += each.length;
  }
  return result;
}

/** Tables of row numbers one after the other, those of sample b moved by b·rows. */
function stackTables(tables: readonly Int32Array[], rows: number): HostTensor {
  const length = tables[0].length;
  const result = new Int32Array(tables.length * length);
  tables.forEach((table, b) => {
    for (let i = 0; i < length; i++) result[b * length + i] = table[i] + b * rows;
  });
  return int32(result, [result.length]);
}
