import * as tf from '@tensorflow/tfjs-core';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { exportGraph } from '../../src/engine/export-graph.ts';
import { handMade } from '../../src/engine/hand-made.ts';
import { loop, tensorLoop } from '../../src/engine/loop.ts';
import { floats, runGraph } from './run-graph.ts';

describe('a loop in a graph', () => {
  it('runs its rounds by hand, in double precision', async () => {
    const { sum } = await runGraph(
      ({ graph }) => {
        const { add, mul, cast } = handMade(graph);
        const x = graph.input('x', 'float64', [3]);
        const [left] = loop(graph, {
          rounds: 5,
          carried: [graph.fill(0, 'float64', [3])],
          given: [x],
          body: (round, [before], [given]) => ({
            carried: [add(before, mul(given, cast(round, 'float64')))],
          }),
        });
        return { sum: left };
      },
      { x: new ort.Tensor('float64', Float64Array.of(1, 1e-12, 1 / 3), [3]) },
    );
    const sumOf = (x: number) => [0, 1, 2, 3, 4].reduce((before, round) => before + x * round, 0);
    expect([...(sum.data as Float64Array)]).toEqual([1, 1e-12, 1 / 3].map(sumOf));
  });

  it('ends as soon as a round says so, and sees rows of any number', async () => {
    const build = async (rows: number[]) => {
      const { left, rounds } = await runGraph(
        (tracer) => {
          const { graph, tensorOf, asValue } = tracer;
          const given = tensorOf(graph.input('x', 'float32', [4]));
          const [value, count] = tensorLoop(tracer, {
            rounds: 10,
            carried: [given, tf.scalar(0)],
            given: [tf.scalar(2)],
            body: (_, [x, n], [two]) => {
              const after = tf.mul(x, two);
              return { carried: [after, tf.add(n, 1)], goOn: tf.less(tf.max(after), 100) };
            },
          });
          return { left: asValue(value), rounds: asValue(count) };
        },
        { x: floats(Float32Array.from(rows), [4]) },
      );
      return { left: [...(left.data as Float32Array)], rounds: Number(rounds.data[0]) };
    };
    expect(await build([1, 2, 3, 30])).toEqual({ left: [4, 8, 12, 120], rounds: 2 });
    expect(await build([0, 0, 0, 0])).toEqual({ left: [0, 0, 0, 0], rounds: 10 });
  });

  it('refuses a round that takes what it was not given', () => {
    expect(() =>
      exportGraph(({ graph }) => {
        const { add } = handMade(graph);
        const x = graph.input('x', 'float32', [2]);
        const [value] = loop(graph, {
          rounds: 2,
          carried: [x],
          body: (_, [before]) => ({ carried: [add(before, x)] }),
        });
        return [{ name: 'y', value }];
      }),
    ).toThrow("a round of a loop takes 'x' from outside (Add): it belongs to what is given");
  });
});

describe('a graph as a file', () => {
  it('is refused with an output of the name of an input', () => {
    expect(() =>
      exportGraph(({ graph }) => {
        const x = graph.input('x', 'float32', [2]);
        return [{ name: 'x', value: handMade(graph).abs(x) }];
      }),
    ).toThrow('outputs/x: expected a name that nothing else has, found the same name among the inputs');
  });
});
