import { describe, expect, it } from 'vitest';
import type { Frames } from '../../src/datasets/open-frames.ts';
import { Random } from '../../src/engine/random.ts';
import { translation } from '../../src/geometry/rigid-transform.ts';
import { followSegments } from '../../src/pointcloud/segments/follow-segments.ts';
import { drawPointClip, type PointClipView } from '../../src/views/point-clip.ts';
import { rememberSweeps } from '../../src/views/remembered-sweeps.ts';
import { carAt, sweepOf as seenAt } from '../pointcloud/segments/box-world.ts';

/** A car that drives by, and one that stands. */
const moments = [0, 1, 2, 3, 4].map((k) => {
  const at = { timeS: 0.2 * k, worldFromLidar: translation(k, 0, 0) };
  const sweep = seenAt([(timeS) => carAt(10 + 8 * timeS, 5), () => carAt(14, -6)], at);
  return { id: `${k}`, points: sweep.points, ...at };
});

/** The sweeps as frames of one sequence, and which of them were read. */
function framesOf() {
  const read: number[] = [];
  const frames = {
    ids: moments.map(({ id }) => id),
    sequences: [{ moments }],
    place: (index: number) => ({ sequence: 0, moment: index }),
    sweep: async (index: number) => {
      read.push(index);
      return moments[index].points.slice();
    },
  };
  return { read, frames: frames as unknown as Frames };
}

describe('remembered sweeps', () => {
  it('are read once, with the clusters and the image that others work out', async () => {
    const { read, frames } = framesOf();
    const sweepOf = rememberSweeps(frames);
    const ask = async () => {
      const sweeps = [];
      for (const index of moments.keys()) sweeps.push(await sweepOf(index));
      return sweeps;
    };
    const expected = followSegments(moments);
    expect(expected.segments.some(({ moving }) => moving)).toBe(true);
    let parts: unknown;
    for (let time = 0; time < 2; time++) {
      const sweeps = await ask();
      const followed = followSegments(sweeps);
      expect(followed.segments).toEqual(expected.segments);
      // As bytes: `toEqual` takes seconds for so many numbers.
      followed.moments.forEach(({ segment }, k) => {
        expect(Buffer.from(segment.buffer).equals(Buffer.from(expected.moments[k].segment.buffer))).toBe(
          true,
        );
      });
      parts ??= sweeps[2].parts;
      expect(sweeps[2].parts).toBe(parts);
    }
    expect(read).toEqual([0, 1, 2, 3, 4]);
  });

  it('draw the same clips as those that are read anew', async () => {
    const view: PointClipView = {
      kind: 'point-clip',
      clip: { frames: 5, gapS: 0.2 },
      points: { count: 400, range: { min: [-60, -60, -5], max: [60, 60, 5] } },
      view: { maxRotation: Math.PI, pivot: [0, 0, 0], scale: [0.9, 1.1], flipProbability: 0.5 },
      pointEncoder: {
        useXyz: true,
        dilated: false,
        levels: [{ points: 64, radii: [2], neighbors: [4], widths: [[4]], out: 4 }],
      },
      pairs: { most: 20, perPair: 3, segments: 'all' },
    };
    const sweepOf = rememberSweeps(framesOf().frames);
    for (const seed of [0, 1]) {
      const clip = [];
      for (const index of moments.keys()) clip.push(await sweepOf(index));
      expect(drawPointClip(clip, Random.fromSeed(seed), view)).toEqual(
        drawPointClip(moments, Random.fromSeed(seed), view),
      );
    }
  });

  it('give way to later ones where there is no room, but not within a clip', async () => {
    const { read, frames } = framesOf();
    const sweepOf = rememberSweeps(frames, 0);
    for (const index of [0, 1, 0, 1]) await sweepOf(index);
    expect(read).toEqual([0, 1]);
  });
});
