import { basename, resolve } from 'node:path';
import sharp from 'sharp';
import type { ObjectLabel } from '../../datasets/frame.ts';
import { Recent } from '../../datasets/recent.ts';
import { type FramePart, fileOf, type Sequence } from '../../datasets/sequence.ts';
import { InputError } from '../../engine/input-error.ts';
import type { Box3 } from '../../geometry/box.ts';
import { multiply34by44 } from '../../geometry/matrix.ts';
import type { LensCamera } from '../../image/undistort.ts';
import { writePcd } from '../../pointcloud/pcd.ts';
import type { PointCloud } from '../../pointcloud/point-cloud.ts';
import { readObjectMaps } from '../../training/detection/object-maps.ts';
import { type ClipState, clipOf } from '../clip.ts';
import { neighboursOf } from '../neighbours.ts';
import { encodePoints } from '../point-stream.ts';
import type {
  BesideInfo,
  BoxInfo,
  CameraInfo,
  MetricsTail,
  ModelName,
  ObjectsTable,
  PointInfo,
  Problem,
  RunInfo,
  SceneInfo,
  SequenceInfo,
  SessionInfo,
  SimilarityQuery,
  WorkInfo,
} from '../protocol.ts';
import type { Table } from '../table.ts';
import { columnsOf, pointInfo } from './cloud-columns.ts';
import type { Learned } from './learned.ts';
import { objectsTable } from './object-maps.ts';
import { offersOf } from './offers.ts';
import { openBeside, titlesOf } from './open-beside.ts';
import { openParts, type SessionOptions, type SessionParts } from './open-parts.ts';
import type { RunTail } from './run-tail.ts';
import { savedCloud } from './saved-cloud.ts';
import { type ShownPicture, shownPicture } from './shown-picture.ts';

const megabyte = 2 ** 20;
const nothing: WorkInfo = { doing: undefined, done: undefined, total: undefined, seconds: 0, waiting: 0 };

/** Which points of a frame are to be saved. */
export interface SaveRequest {
  readonly limits: ClipState;
  /** Those in this box of the frame alone. */
  readonly box: Box3 | undefined;
  /** How many sweeps before and after are saved with it. */
  readonly neighbours: number;
  /** Whether the motion between them is undone. */
  readonly steady: boolean;
}

/** Everything that the page can ask for. What cannot be read throws an InputError; the rest goes on. */
export class Session {
  private readonly title: string;
  private readonly parts: SessionParts;
  private readonly beside: Session | undefined;
  private readonly clouds = new Recent<PointCloud>(256 * megabyte, (cloud) =>
    cloud.fields.reduce((sum, { data }) => sum + data.byteLength, 0),
  );
  private readonly pictures = new Recent<ShownPicture>(64 * megabyte, ({ bytes }) => bytes.byteLength);

  private constructor(title: string, parts: SessionParts, beside?: Session) {
    this.title = title;
    this.parts = parts;
    this.beside = beside;
    const { only } = parts;
    if (only !== undefined) void this.clouds.get('0', async () => only);
  }

  /** Throws InputError as `openParts` and `openBeside` do. */
  static async open(options: SessionOptions): Promise<Session> {
    const { path, beside } = options;
    const parts = await openParts(options);
    if (beside === undefined) return new Session(basename(resolve(path)), parts);
    try {
      const second = await openBeside(beside, options, parts);
      const [title, other] = titlesOf(path, beside);
      return new Session(title, parts, new Session(other, second));
    } catch (error) {
      await parts.learned?.close();
      throw error;
    }
  }

  /** What was chosen and what was left aside when the data was opened, a sentence each. */
  get notes(): readonly string[] {
    return [...this.parts.notes, ...(this.beside?.notes ?? [])];
  }

  async info(): Promise<SessionInfo> {
    const { problem, run, detections } = this.parts;
    const runInfo = run && (await this.runInfo());
    return {
      title: this.title,
      sequence: this.sequenceInfo(),
      problem,
      beside: await this.beside?.asBeside(),
      run: runInfo,
      hasDetections: detections !== undefined,
      hasObjects: detections?.hasObjects ?? false,
      offers: await offersOf(this.parts, runInfo),
      classes: runInfo && classesOf(runInfo),
    };
  }

  /** The session of what is shown beside this one's. Throws InputError where there is nothing. */
  second(): Session {
    if (this.beside !== undefined) return this.beside;
    throw new InputError({ file: this.title, expected: 'something to show beside it', found: 'nothing' });
  }

  /** The sweep as a stream of points, in pieces; see `encodePoints`. */
  async points(index: number): Promise<Iterable<Uint8Array>> {
    const cloud = await this.cloud(index);
    const { count, notes } = cloud;
    return encodePoints(columnsOf(cloud, fileOf(this.sequence(), index, 'sweep')), count, { notes });
  }

  /** The points that are shown of a frame as a binary PCD file, in the frame's own coordinates, with every column. */
  async savedPoints(index: number, { limits, box, neighbours, steady }: SaveRequest): Promise<Uint8Array> {
    const { frames } = this.sequenceInfo() ?? { frames: [] };
    this.moment(index);
    const others = neighboursOf(frames, index, { reach: neighbours, steady }).neighbours;
    const parts = [];
    for (const { index: each, matrix } of [{ index, matrix: undefined }, ...others]) {
      const file = fileOf(this.sequence(), each, 'sweep');
      parts.push({ cloud: await this.cloud(each), file, matrix });
    }
    return writePcd(savedCloud(parts, { clip: clipOf(limits), box }), { encoding: 'binary' });
  }

  async point(index: number, point: number): Promise<PointInfo> {
    const cloud = await this.cloud(index);
    if (point < cloud.count) return pointInfo(cloud, point);
    throw new InputError({
      file: fileOf(this.sequence(), index, 'sweep'),
      place: `point ${point}`,
      expected: `one of ${cloud.count}`,
      found: 'none',
    });
  }

  /** Camera (the sequence's first one, or the one that is named), labels and detections of a frame, with what is wrong with its picture and with each of them. */
  async scene(index: number, name?: string): Promise<SceneInfo> {
    const sequence = this.sequence();
    const { detections } = this.parts;
    const { id, files } = this.moment(index);
    const problems: { [part: string]: Problem | undefined } = {};
    const attempt = async <Value>(part: string, read: () => Promise<Value>): Promise<Value | undefined> =>
      read().catch((error: unknown) => {
        if (!(error instanceof InputError)) throw error;
        problems[part] = { message: error.message };
        return undefined;
      });
    // A point cloud without a camera lacks nothing.
    const isOther = name !== undefined && name !== sequence.cameras[0];
    const hasCamera = files.picture !== undefined || files.calibration !== undefined;
    const ifSeen = async <Value>(part: string, read: () => Promise<Value>) =>
      hasCamera ? attempt(part, read) : undefined;
    const camera = await ifSeen('calibration', async () => {
      await this.check(index, 'calibration');
      return sequence.camera(index, name);
    });
    const size = await ifSeen('picture', async () => {
      await this.checkPicture(index, name);
      const { bytes, file } = await sequence.picture(index, name);
      const { width, height } = await sharp(bytes)
        .metadata()
        .catch((error: Error) => {
          throw new InputError({ file, expected: 'a PNG, JPEG or WebP image', found: error.message });
        });
      return { width, height };
    });
    const labels =
      files.labels === undefined
        ? undefined
        : await attempt('labels', async () => {
            await this.check(index, 'labels');
            return sequence.labels(index);
          });
    const detected =
      camera === undefined || detections === undefined
        ? undefined
        : await attempt('detections', async () => {
            if (!(await detections.has(id))) return [];
            await this.parts.guard.check(detections.fileOf(id));
            // Results are those of the first camera.
            return detections.of(id, isOther ? await sequence.camera(index) : camera);
          });
    // Boxes of pictures alone are those of the first camera's.
    const isSeen = ({ box3 }: ObjectLabel) => !isOther || box3 !== undefined;
    const cameraInfo: CameraInfo | undefined = camera && {
      name: camera.name,
      width: size?.width,
      height: size?.height,
      pixelFromLidar: [...multiply34by44(camera.pixelFromCamera, camera.cameraFromLidar)],
      cameraFromLidar: [...camera.cameraFromLidar],
    };
    return {
      camera: cameraInfo,
      labels: (labels ?? []).filter(isSeen).map(boxInfo),
      detections: (detected ?? []).filter(isSeen).map(boxInfo),
      problems,
    };
  }

  /** The frame's picture as a pinhole takes it; see `shownPicture`. */
  async picture(index: number, camera?: string): Promise<ShownPicture> {
    await this.checkPicture(index, camera);
    return this.pictures.get(`${index} ${camera ?? ''}`, async () => {
      const stored = await this.sequence().picture(index, camera);
      return shownPicture(stored, await this.lensCamera(index, camera));
    });
  }

  /** The maps behind the objects that were detected in a frame; none where the detector left no file. */
  async objects(index: number): Promise<ObjectsTable> {
    const { id } = this.moment(index);
    const file = await this.parts.detections?.objectsOf(id);
    await this.check(index, 'calibration');
    const { cameraFromLidar } = await this.sequence().camera(index);
    if (file === undefined) return objectsTable([], cameraFromLidar);
    await this.parts.guard.check(file);
    return objectsTable(await readObjectMaps(file), cameraFromLidar);
  }

  async pairs(
    frame: number,
    options: { camera?: string; seed: number; model?: ModelName },
    signal: AbortSignal,
  ): Promise<Table> {
    return (await this.encoders(frame, options.camera)).pairs({ frame, ...options }, signal);
  }

  async places(frame: number, options: { camera?: string }, signal: AbortSignal): Promise<Table> {
    return (await this.encoders(frame, options.camera)).places({ frame, ...options }, signal);
  }

  async colours(
    frame: number,
    options: { camera?: string; model: ModelName },
    signal: AbortSignal,
  ): Promise<Table> {
    return (await this.encoders(frame, options.camera)).colours({ frame, ...options }, signal);
  }

  async similarity(
    frame: number,
    options: { camera?: string; model: ModelName; query: SimilarityQuery },
    signal: AbortSignal,
  ): Promise<Table> {
    return (await this.encoders(frame, options.camera)).similarity({ frame, ...options }, signal);
  }

  /** What the thread of the encoders does now, or that of what is shown beside. */
  get work(): WorkInfo {
    const own = this.parts.learned?.work ?? nothing;
    return own.doing === undefined && this.beside !== undefined ? this.beside.work : own;
  }

  async runInfo(): Promise<RunInfo> {
    return (await this.run()).info();
  }

  async metrics(offset: number): Promise<MetricsTail> {
    return (await this.run()).metrics(offset);
  }

  async close(): Promise<void> {
    await this.parts.learned?.close();
    await this.beside?.close();
  }

  /** This one as what is shown beside another. */
  private async asBeside(): Promise<BesideInfo> {
    const { title, parts } = this;
    const run = parts.run && (await this.runInfo());
    return {
      title,
      sequence: run === undefined ? this.sequenceInfo() : undefined,
      run,
      hasDetections: run !== undefined && parts.detections !== undefined,
      classes: run && classesOf(run),
    };
  }

  /** The camera of a frame's picture where it has a lens; a calibration that cannot be read is told with the scene. */
  private async lensCamera(index: number, name?: string): Promise<LensCamera | undefined> {
    if (this.moment(index).files.calibration === undefined) return undefined;
    try {
      await this.check(index, 'calibration');
      const { lens, pixelFromCamera } = await this.sequence().camera(index, name);
      return lens && { lens, pixelFromCamera };
    } catch (error) {
      if (error instanceof InputError) return undefined;
      throw error;
    }
  }

  private async run(): Promise<RunTail> {
    const { run, guard } = this.parts;
    if (run !== undefined) {
      for (const file of run.files) await guard.checkIfThere(file);
      return run;
    }
    throw new InputError({ file: this.title, expected: 'a run', found: 'data alone' });
  }

  private sequence(): Sequence {
    const { sequence, problem } = this.parts;
    if (sequence !== undefined) return sequence;
    throw new InputError({ file: this.title, expected: 'frames', found: problem?.message ?? 'none' });
  }

  private moment(index: number) {
    const { root, moments } = this.sequence();
    if (moments[index] !== undefined) return moments[index];
    throw new InputError({
      file: root,
      place: `frame number ${index}`,
      expected: `0 to ${moments.length - 1}`,
      found: 'none',
    });
  }

  /** The first file of a part, after all of its files were found to be inside of the folders that were given. */
  private async check(index: number, part: FramePart): Promise<string> {
    const { files } = this.moment(index);
    const file = fileOf(this.sequence(), index, part);
    for (const each of files[part]!) await this.parts.guard.check(each);
    return file;
  }

  /** As `check`, of the picture of a camera; the sequence's first one by default. */
  private async checkPicture(index: number, camera?: string): Promise<void> {
    const { root, cameras } = this.sequence();
    const { id, pictures } = this.moment(index);
    if (camera === undefined || camera === cameras[0]) return void (await this.check(index, 'picture'));
    for (const each of pictures[camera] ?? []) await this.parts.guard.check(each);
    if (pictures[camera] !== undefined) return;
    throw new InputError({
      file: root,
      place: `frame ${id}`,
      expected: `a picture of ${camera}`,
      found: 'none',
    });
  }

  private async cloud(index: number): Promise<PointCloud> {
    await this.check(index, 'sweep');
    return this.clouds.get(String(index), () => this.sequence().cloud(index));
  }

  private async encoders(index: number, camera?: string): Promise<Learned> {
    for (const part of ['sweep', 'calibration'] as const) await this.check(index, part);
    await this.checkPicture(index, camera);
    return this.parts.learned!;
  }

  private sequenceInfo(): SequenceInfo | undefined {
    const { sequence, first } = this.parts;
    if (sequence === undefined) return undefined;
    return {
      kind: sequence.kind,
      name: sequence.name,
      cameras: sequence.cameras,
      roadZM: roadOf(sequence),
      first,
      frames: sequence.moments.map(({ id, timeS, worldFromLidar, files, pictures, notes, sets = [] }) => ({
        id,
        timeS,
        worldFromLidar: worldFromLidar && [...worldFromLidar],
        parts: Object.keys(files) as FramePart[],
        pictures: Object.keys(pictures),
        notes,
        sets,
      })),
    };
  }
}

/** Waymo's vehicle frame stands on the road; KITTI's sensor is 1.73 m above it. */
function roadOf({ kind, sourceKind = kind }: Sequence & { readonly sourceKind?: string }): number {
  return sourceKind.startsWith('Waymo') ? 0 : -1.73;
}

/** The classes of a detector's run, as its configuration has them. */
function classesOf({ learns, objective, config }: RunInfo): readonly string[] | undefined {
  if (learns !== 'detector') return undefined;
  const model = (config as { readonly [name: string]: { readonly classes?: unknown } | undefined })[
    objective
  ];
  const classes = model?.classes;
  return Array.isArray(classes) && classes.every((name) => typeof name === 'string') ? classes : undefined;
}

function boxInfo({ type, box2, box3, score, trackId }: ObjectLabel): BoxInfo {
  return { type, box2, box3, score, trackId };
}
