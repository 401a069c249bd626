import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFrames } from '../../../src/datasets/open-frames.ts';
import { frameOf } from '../../../src/datasets/open-sequence.ts';
import { openSequences } from '../../../src/datasets/open-sequences.ts';
import { prepareSequences } from '../../../src/datasets/prepared/prepare-sequences.ts';
import { sourceOf } from '../../../src/datasets/prepared/prepare-source.ts';
import type { Sequence } from '../../../src/datasets/sequence.ts';
import { Random } from '../../../src/engine/random.ts';
import { encodePng } from '../../../src/image/decode-image.ts';
import { pretrain } from '../../../src/training/pretrain.ts';
import { readMetrics } from '../../../src/training/run/run-folder.ts';
import { smoothPicture, tinyRun } from '../../objectives/tiny-simipu.ts';
import {
  madeUpBoxes,
  madeUpCameras,
  madeUpLasers,
  madeUpPoints,
  madeUpPose,
  madeUpWorldFromVehicle,
} from './made-up-drive.ts';
import { makeRangeImages } from './make-range-images.ts';
import { type MadeMoment, writeFolders } from './write-components.ts';
import { frameMessage, newFolder, removeFolders, writeRecords } from './write-records.ts';

/** One drive of four moments, written as records and as BROTLI components. */
const segment = '1005081002024129653_5313_150_5333_150';
const begin = 1_507_315_488_219_118;
const root = { records: '', components: '', prepared: '' };
afterAll(removeFolders);

beforeAll(async () => {
  const moments: MadeMoment[] = [];
  for (let index = 0; index < 4; index++) {
    const timeS = 0.1 * index;
    // Points well in front of the camera, so that both encoders have something to see.
    const { lasers } = makeRangeImages({
      points: madeUpPoints(4000, index + 1),
      calibrations: madeUpLasers,
      worldFromVehicle: madeUpWorldFromVehicle(timeS),
      poseAt: (column, width) => madeUpPose(timeS + (column / width - 0.5) * 0.1),
      sizes: {
        TOP: [64, 600],
        FRONT: [50, 100],
        REAR: [50, 100],
        SIDE_LEFT: [50, 100],
        SIDE_RIGHT: [50, 100],
      },
    });
    const picture = await encodePng(smoothPicture(Random.fromSeed(`picture ${index}`), 192, 128));
    moments.push({
      timestampMicros: begin + 100_000 * index,
      worldFromVehicle: [...madeUpWorldFromVehicle(timeS)],
      lasers,
      pictures: { FRONT: picture, SIDE_LEFT: picture },
      boxes: madeUpBoxes,
    });
  }
  root.records = writeRecords(
    moments.map(({ timestampMicros, worldFromVehicle, lasers, pictures, boxes }) =>
      frameMessage({
        ...{ segment, timestampMicros, lasers, boxes },
        worldFromVehicle: Float64Array.from(worldFromVehicle),
        cameras: madeUpCameras,
        laserCalibrations: madeUpLasers,
        pictures: [
          [4, pictures.SIDE_LEFT],
          [1, pictures.FRONT],
        ],
      }),
    ),
    join(newFolder(), `segment-${segment}.tfrecord`),
  );
  root.components = newFolder();
  writeFolders(
    root.components,
    [{ segment, moments, laserCalibrations: madeUpLasers, cameraCalibrations: madeUpCameras }],
    // Floats of poses and calibrations are doubles here, so that both forms have the same numbers.
    { codec: 'BROTLI', rowGroupSize: 10, pageSize: 4096, wide: true },
  );
  root.prepared = join(newFolder(), 'prepared');
  const source = sourceOf({ path: root.components });
  await prepareSequences({ ...source, out: root.prepared, workers: 2, momentsPerShard: 2 });
}, 60_000);

async function partsOf(sequence: Sequence, index: number) {
  const { fields, count } = await sequence.cloud(index);
  const pictures = [];
  for (const camera of sequence.cameras)
    pictures.push({
      camera: await sequence.camera(index, camera),
      bytes: [...(await sequence.picture(index, camera)).bytes],
    });
  const { id, timeS, worldFromLidar } = sequence.moments[index];
  return {
    ...{ id, timeS, worldFromLidar, count, pictures },
    fields: fields.map(({ name, type, data }) => [name, type, [...data]]),
    labels: await sequence.labels(index),
  };
}

describe('a drive in both of the forms of Waymo', () => {
  it('is the same sequence, and the same again as prepared shards', async () => {
    const [[records], [components], [prepared]] = await Promise.all(
      [root.records, root.components, root.prepared].map((path) => openSequences({ path })),
    );
    expect([records.kind, components.kind, prepared.kind]).toEqual([
      'Waymo records',
      'Waymo components',
      'prepared shards',
    ]);
    expect([records, components, prepared].map(({ name }) => name)).toEqual([segment, segment, segment]);
    expect(records.moments).toHaveLength(4);
    for (let index = 0; index < 4; index++) {
      const expected = await partsOf(records, index);
      expect(expected.count).toBeGreaterThan(3000);
      expect(expected.labels).toHaveLength(madeUpBoxes.length);
      expect(await partsOf(components, index)).toEqual(expected);
      expect(await partsOf(prepared, index)).toEqual(expected);
    }
  });

  it('gives encoders reflectances from 0 to 1', async () => {
    for (const path of Object.values(root)) {
      const frames = await openFrames({ root: path }, ['image', 'points']);
      const { points } = await frames.frame!(0);
      const reflectances = points.filter((_, i) => i % 4 === 3);
      // From another camera they are the same.
      const [seen] = await openSequences({ path, camera: 'SIDE_LEFT' });
      const other = await frameOf(seen, 0);
      expect(other.cameras.map(({ name }) => name)).toEqual(['SIDE_LEFT']);
      expect(other.points).toEqual(points);
      expect(Math.max(...reflectances)).toBeLessThanOrEqual(1);
      expect(Math.max(...reflectances)).toBeGreaterThan(0.5);
    }
  });

  it('is learned from with the same, falling losses', async () => {
    const run = tinyRun({ batchSize: 4, steps: 30 });
    const { points } = run.encoders;
    // The vehicle's frame has its origin on the ground.
    const range = { min: [0, -40, -1], max: [70.4, 40, 3] } as const;
    const config = {
      ...run,
      encoders: {
        ...run.encoders,
        points: { ...points!, input: { ...points!.input, range, cropToImage: true } },
      },
    } as typeof run;
    const lossesOn = async (path: string, steps: number) => {
      const out = join(newFolder(), 'run');
      await pretrain({
        config: { ...config, steps },
        data: { root: path },
        out,
        stream: { write: () => {} },
      });
      return (await readMetrics(out)).lines.map(({ loss }) => loss.total!);
    };
    const first = await lossesOn(root.prepared, 30);
    for (const path of [root.records, root.components])
      expect(await lossesOn(path, 3)).toEqual(first.slice(0, 3));
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value) / values.length;
    expect(mean(first.slice(-5))).toBeLessThan(mean(first.slice(0, 5)) - 0.05);
  });
});
