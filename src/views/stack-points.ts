import type { PointEncoderConfig } from '../encoders/encoder-config.ts';
import { float32, type HostTensor, int32 } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import type { LevelTables } from '../pointcloud/sample-levels.ts';

/** The points of one sample and the tables of every level. */
export interface SampledPoints {
  /** Rows of x, y, z, reflectance; as many in every sample of a batch. */
  readonly points: Float32Array;
  readonly levels: readonly LevelTables[];
}

/**
 * The point clouds of a batch of B as an encoder takes them: `features` float32 [B·N, 1] (reflectance), `xyz` [B·N, 3]
 * where it is used, `levels/l/centers` int32 [B·M], `levels/l/neighbors/s` int32 [B·M·K], counting through the stacked rows.
 */
export function stackPointViews(
  views: readonly SampledPoints[],
  config: Pick<PointEncoderConfig, 'levels' | 'useXyz'>,
): Tree<HostTensor> {
  const count = views[0].points.length / 4;
  const total = views.length * count;
  const features = float32(
    stackFloats(views, (view) => columns(view.points, 3, 4)),
    [total, 1],
  );
  const levels: { [level: string]: Tree<HostTensor> } = {};
  let rowsBefore = count;
  config.levels.forEach(({ points, neighbors }, l) => {
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
  if (!config.useXyz) return { features, levels };
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

/** A part of every item, one after the other. */
export function stackFloats<Item>(items: readonly Item[], part: (item: Item) => Float32Array): Float32Array {
  return joinFloats(items.map(part));
}

/** Arrays one after the other. */
export function joinFloats(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const result = new Float32Array(parts.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const each of parts) {
    result.set(each, at);
    at += each.length;
  }
  return result;
}

/** Tables of row numbers one after the other, those of sample b moved by b·rows. */
export function stackTables(tables: readonly Int32Array[], rows: number): HostTensor {
  const length = tables[0].length;
  const result = new Int32Array(tables.length * length);
  tables.forEach((table, b) => {
    for (let i = 0; i < length; i++) result[b * length + i] = table[i] + b * rows;
  });
  return int32(result, [result.length]);
}
