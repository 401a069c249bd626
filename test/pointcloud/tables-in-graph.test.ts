import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { ballQueries } from '../../src/pointcloud/ball-query.ts';
import { farthestPointSample, resampleFarthest } from '../../src/pointcloud/farthest-points.ts';
import { groundHeights } from '../../src/pointcloud/ground-height.ts';
import { nearestNeighbors } from '../../src/pointcloud/nearest-neighbors.ts';
import { gatherRows } from '../../src/pointcloud/point-rows.ts';
import {
  ballsInGraph,
  columnsOf,
  farthestInGraph,
  groundInGraph,
  nearestInGraph,
  resampledInGraph,
  takenColumns,
} from '../../src/pointcloud/tables-in-graph.ts';
import { floats, runGraph } from '../engine/run-graph.ts';

const COUNT = 200;
const CENTERS = 70;
const scales = [
  { radiusM: 1.5, maxNeighbors: 6 },
  { radiusM: 4, minRadiusM: 1.5, maxNeighbors: 12 },
];

/** Rows of x, y, z, reflectance: at random places, on a grid where everything has equals, and the same few again and again. */
const clouds: { readonly [name: string]: Float32Array } = {
  'at random': rowsOf((random) => [0, 1, 2, 3].map(() => random.uniform(-9, 9))),
  'on a grid': rowsOf((random) => [0, 1, 2, 3].map(() => random.integer(5) * 0.75)),
  'of few places': rowsOf((random) => new Array(4).fill(random.integer(9) * 1.1)),
};

function rowsOf(row: (random: Random) => readonly number[]): Float32Array {
  const random = Random.fromSeed('tables');
  return Float32Array.from(Array.from({ length: COUNT }, () => row(random)).flat());
}

const numbers = (data: ArrayLike<number | bigint>) => Array.from(data, Number);

describe.each(Object.keys(clouds))('points %s, in a graph', (name) => {
  const points = clouds[name];
  const sample = farthestPointSample(points, CENTERS, { stride: 4 });
  const centers = gatherRows(points, sample);

  it('are sampled and grouped as in the loader', async () => {
    const found = await runGraph(
      ({ graph }) => {
        const columns = columnsOf(graph, graph.input('points', 'float32', [COUNT, 4]));
        const chosen = farthestInGraph(graph, columns, CENTERS);
        const at = takenColumns(graph, columns, chosen);
        const [first, second] = ballsInGraph(graph, columns, at, scales);
        const again = resampledInGraph(graph, chosen, 30);
        const { indices, squaredDistances } = nearestInGraph(graph, at, columns, 3);
        return { chosen, first, second, again, indices, squaredDistances };
      },
      { points: floats(points, [COUNT, 4]) },
    );
    expect(numbers(found.chosen.data as BigInt64Array)).toEqual(numbers(sample));
    expect(numbers(found.again.data as BigInt64Array)).toEqual(numbers(resampleFarthest(sample, 30)));
    const [first, second] = ballQueries(points, centers, scales, { stride: 4, centerStride: 4 });
    expect(numbers(found.first.data as Int32Array)).toEqual(numbers(first));
    expect(numbers(found.second.data as Int32Array)).toEqual(numbers(second));
    const nearest = nearestNeighbors(centers, points, { count: 3, stride: 4, queryStride: 4 });
    expect(numbers(found.indices.data as Int32Array)).toEqual(numbers(nearest.indices));
    expect(numbers(found.squaredDistances.data as Float32Array)).toEqual(numbers(nearest.squaredDistances));
  });

  it('have the ground under some of them, however many there are', async () => {
    const options = { radiusM: 3, share: 0.3 };
    const places = centers.filter((_, i) => i % 4 < 3);
    for (const count of [COUNT, 150]) {
      const some = points.subarray(0, 4 * count);
      const among = Float32Array.from([...some, ...centers]);
      const { ground } = await runGraph(
        ({ graph }) => {
          const all = columnsOf(graph, graph.input('points', 'float32', [977, 4]));
          const own = columnsOf(graph, graph.input('places', 'float32', [CENTERS, 3]));
          return { ground: groundInGraph(graph, all, own, options) };
        },
        { points: floats(among, [among.length / 4, 4]), places: floats(places, [CENTERS, 3]) },
        { axes: { points: ['points', 4] } },
      );
      expect(numbers(ground.data as Float32Array)).toEqual(numbers(groundHeights(among, places, options)));
    }
  });
});

describe('balls in a graph', () => {
  it('are the same where there are so many pairs that they are worked out in parts', async () => {
    const count = 2500;
    const random = Random.fromSeed('many');
    const points = Float32Array.from({ length: 4 * count }, () => random.uniform(-20, 20));
    const { table } = await runGraph(
      ({ graph }) => {
        const columns = columnsOf(graph, graph.input('points', 'float32', [count, 4]));
        return { table: ballsInGraph(graph, columns, columns, scales)[1] };
      },
      { points: floats(points, [count, 4]) },
    );
    const [, expected] = ballQueries(points, points, scales, { stride: 4, centerStride: 4 });
    const found = table.data as Int32Array;
    expect(found).toHaveLength(expected.length);
    expect(found.filter((row, i) => row !== expected[i])).toHaveLength(0);
  });

  it('that hold more than there are points are filled with the first', async () => {
    const points = clouds['at random'].subarray(0, 20);
    const wide = [{ radiusM: 50, maxNeighbors: 8 }];
    const { table } = await runGraph(
      ({ graph }) => {
        const columns = columnsOf(graph, graph.input('points', 'float32', [5, 4]));
        return { table: ballsInGraph(graph, columns, columns, wide)[0] };
      },
      { points: floats(points, [5, 4]) },
    );
    const [expected] = ballQueries(points, points, wide, { stride: 4, centerStride: 4 });
    expect(numbers(table.data as Int32Array)).toEqual(numbers(expected));
  });
});
