import { z } from 'zod';
import type { PointCloud, Viewpoint } from '../../pointcloud/point-cloud.ts';
import type { CameraModel, ObjectLabel } from '../frame.ts';
import type { Moment } from '../sequence.ts';
import { exactJson, exactMatrix, exactNumber } from './exact-json.ts';
import { checked } from './prepared-index.ts';

/** What is known of a moment before it is read, without where it lies. */
export type MomentHead = Omit<Moment, 'files' | 'pictures'>;

/** All of a moment but its points and pictures. */
export interface MomentRecord {
  readonly moment: MomentHead;
  /** By the sequence's name of the camera. */
  readonly cameras: { readonly [camera: string]: CameraModel };
  /** Undefined where the moment has none. */
  readonly labels?: readonly ObjectLabel[];
  /** What a PCD file cannot hold of the sweep. */
  readonly sweep?: Pick<PointCloud, 'viewpoint' | 'notes'>;
}

// What a reader adds to cameras and labels later goes through as it is.
const camera = z.looseObject({
  name: z.string(),
  pixelFromCamera: exactMatrix(12),
  cameraFromLidar: exactMatrix(16),
});
const numbers = <const Length extends number>(length: Length) => z.array(exactNumber).length(length);
const viewpoint = numbers(7).transform((values) => values as unknown as Viewpoint);
const box = z.looseObject({ center: numbers(3), sizeM: numbers(3), yaw: exactNumber });
const label = z.looseObject({
  type: z.string(),
  truncation: exactNumber,
  occlusion: exactNumber,
  alpha: exactNumber,
  box2: numbers(4),
  box3: box.optional(),
  score: exactNumber.optional(),
  trackId: exactNumber.optional(),
});
const record = z.object({
  moment: z.looseObject({ id: z.string() }),
  cameras: z.record(z.string(), camera),
  labels: z.array(label).optional(),
  sweep: z.object({ viewpoint: viewpoint.optional(), notes: z.array(z.string()).optional() }).optional(),
});

/** The bytes of a record: JSON in one line, from which all numbers are read back to the same bits. */
export function encodeRecord(value: MomentRecord): Uint8Array {
  return Buffer.from(`${exactJson(value)}\n`);
}

/** Cameras, labels and the sweep's rest, as they were written; the moment itself stands in the index. Throws InputError for what cannot be right. */
export function decodeRecord(
  bytes: Uint8Array,
  { file, place }: { readonly file: string; readonly place: string },
): Omit<MomentRecord, 'moment'> {
  const expected = 'the record of a moment';
  const { cameras, labels, sweep } = checked(record, parsed(bytes), { file, place, expected });
  return {
    cameras,
    ...(labels && { labels: labels as unknown as readonly ObjectLabel[] }),
    ...(sweep && { sweep }),
  };
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}
