import { beforeAll, describe, expect, it } from 'vitest';
import type { ObjectLabel } from '../../../src/datasets/frame.ts';
import { KittiRaw } from '../../../src/datasets/kitti-raw.ts';
import { type Box3, pointInBox } from '../../../src/geometry/box.ts';
import { transformPoint } from '../../../src/geometry/matrix.ts';
import { type FollowedSegments, followSegments } from '../../../src/pointcloud/segments/follow-segments.ts';
import type { Sweep } from '../../../src/pointcloud/segments/sweep.ts';
import { describeWithRealData, realData } from '../../real-data.ts';

const tracksFile = 'kitti-tracking/training/label_02/0000.txt';

describeWithRealData('segments followed on a real drive', 'kitti-raw/2011_09_26', (date) => {
  describe.skipIf(realData(tracksFile) === undefined)('whose tracks are labelled', () => {
    const sweeps: Sweep[] = [];
    const labels: Array<readonly ObjectLabel[]> = [];
    let followed: FollowedSegments;

    beforeAll(async () => {
      const drive = await KittiRaw.open(date, { tracks: realData(tracksFile) });
      for (let k = 0; k < 12; k++) {
        const { worldFromLidar, timeS } = drive.moments[k];
        sweeps.push({ points: await drive.sweep(k), worldFromLidar: worldFromLidar!, timeS: timeS! });
        labels.push(await drive.labels(k));
      }
      followed = followSegments(sweeps);
    }, 60_000);

    /** For each moment at which a track is labelled: its main segment, the share of that in the box, and the share of the box's points above its foot that are in it. */
    const seenOf = (track: number) =>
      sweeps.flatMap(({ points }, moment) => {
        const box = labels[moment].find(({ trackId }) => trackId === track)?.box3;
        if (box === undefined) return [];
        const { segment } = followed.moments[moment];
        const inBox = (room: number, foot: number) => {
          const sizeM = box.sizeM.map((size) => size + 2 * room) as unknown as Box3['sizeM'];
          const bottom = box.center[2] - box.sizeM[2] / 2 + foot;
          return [...segment.keys()].filter((i) => {
            const [x, y, z] = points.subarray(4 * i, 4 * i + 3);
            return z >= bottom && pointInBox({ ...box, sizeM }, x, y, z);
          });
        };
        const counts = new Map<number, number>();
        const core = inBox(0, 0.3);
        for (const i of core) counts.set(segment[i], (counts.get(segment[i]) ?? 0) + 1);
        const [[id, held]] = [...counts].toSorted((a, b) => b[1] - a[1]);
        const own = inBox(0.3, -1).filter((i) => segment[i] === id).length;
        const size = segment.filter((each) => each === id).length;
        return [{ moment, id, center: box.center, ofBox: held / core.length, ofSegment: own / size }];
      });

    /** The mean speed of a label's box in the world, m/s. */
    const speedOf = (seen: ReturnType<typeof seenOf>) => {
      const [first, last] = [seen[0], seen[seen.length - 1]];
      const [a, b] = [first, last].map(({ moment, center }) =>
        transformPoint(sweeps[moment].worldFromLidar, center),
      );
      const elapsedS = sweeps[last.moment].timeS - sweeps[first.moment].timeS;
      return Math.hypot(b[0] - a[0], b[1] - a[1]) / elapsedS;
    };

    // The van, the cyclist and the pedestrian near by: fast, in between and slow.
    it.each([
      [0, 12],
      [1, 12],
      [2, 6],
    ])('keeps track %i one segment of its own that moves, at all %i moments', (track, moments) => {
      const seen = seenOf(track);
      expect(seen).toHaveLength(moments);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(1);
      for (const { ofBox, ofSegment } of seen) {
        // Boxes are drawn generously and hold a little of the road; what is in the segment is the object's.
        expect(ofBox).toBeGreaterThan(0.75);
        expect(ofSegment).toBeGreaterThan(0.95);
      }
      const { moving, track: path } = followed.segments[seen[0].id];
      expect(moving).toBe(true);
      // What is seen of an object changes as it passes; on the mean over a second that is little.
      const speeds = path
        .filter(({ moment }) => seen.some((each) => each.moment === moment))
        .map(({ velocityMps: [x, y] }) => Math.hypot(x, y));
      const speed = speeds.reduce((sum, each) => sum + each, 0) / speeds.length;
      expect(Math.abs(speed - speedOf(seen))).toBeLessThan(0.5);
    });

    it('does not take the van that waits, 40 m away, for moving', () => {
      const seen = seenOf(3);
      expect(speedOf(seen)).toBeLessThan(0.5);
      for (const { id } of seen) expect(followed.segments[id].moving).toBe(false);
    });

    it('takes little for moving: on this road most points are of walls, parked cars and trees', () => {
      let clustered = 0;
      let moving = 0;
      for (const { segment } of followed.moments)
        for (const id of segment) {
          if (id < 0) continue;
          clustered++;
          if (followed.segments[id].moving) moving++;
        }
      expect(moving / clustered).toBeLessThan(0.15);
    });
  });
});
