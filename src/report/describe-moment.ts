import type { ObjectLabel } from '../datasets/frame.ts';
import { momentAt, type Sequence } from '../datasets/sequence.ts';
import { InputError } from '../engine/input-error.ts';
import { transformPoint } from '../geometry/matrix.ts';
import { decodeImage } from '../image/decode-image.ts';
import { type PointCloud, xyzOf } from '../pointcloud/point-cloud.ts';
import { describeCloud } from './describe-cloud.ts';
import { describeCamera, describeLabels } from './describe-frame.ts';

/** What could be read of a moment, and the moment in words. */
export interface DescribedMoment {
  readonly text: string;
  readonly cloud: PointCloud | undefined;
  readonly labels: readonly ObjectLabel[];
}

/** A moment of a sequence in words, part by part: when and where it was, its sweep, cameras and labels, and what is wrong with each. */
export async function describeMoment(sequence: Sequence, index: number): Promise<DescribedMoment> {
  const { id, timeS, worldFromLidar, files, pictures, notes } = momentAt(sequence, index);
  const faults: string[] = [];
  const attempt = async <Value>(read: () => Promise<Value>): Promise<Value | undefined> =>
    read().catch((error: unknown) => {
      if (!(error instanceof InputError)) throw error;
      faults.push(error.message);
      return undefined;
    });
  const cloud = files.sweep && (await attempt(() => sequence.cloud(index)));
  const points = cloud === undefined ? new Float32Array(0) : xyzOf(cloud);
  const seen: string[] = [];
  for (const name of sequence.cameras) {
    if (pictures[name] === undefined) continue;
    const size = await attempt(async () => {
      const { bytes, file } = await sequence.picture(index, name);
      return decodeImage(bytes, { file });
    });
    const camera = files.calibration && (await attempt(() => sequence.camera(index, name)));
    if (size === undefined) continue;
    const isSeen = camera !== undefined && points.length > 0;
    seen.push(
      isSeen
        ? describeCamera(camera, size, { points, stride: 3 })
        : `${name}: ${size.width} x ${size.height}`,
    );
  }
  const labels = files.labels && (await attempt(() => sequence.labels(index)));
  const place = worldFromLidar && transformPoint(worldFromLidar, [0, 0, 0]).map((value) => value.toFixed(2));
  const text = [
    `frame ${id}: ${cloud === undefined ? 'no points' : describeCloud(cloud)}`,
    ...(timeS === undefined ? [] : [`time: ${timeS.toFixed(3)} s`]),
    ...(place === undefined ? [] : [`place: ${place.join(', ')} m from the first pose (ahead, left, up)`]),
    ...seen,
    labels === undefined ? 'no labels' : describeLabels(labels, { points, stride: 3 }),
    ...notes,
    ...faults,
  ].join('\n');
  return { text, cloud, labels: labels ?? [] };
}
