import type { FramePart } from '../datasets/sequence.ts';
import type { Box3 } from '../geometry/box.ts';
import type { Table } from './table.ts';

/** What the page is told first: what there is to look at. */
export interface SessionInfo {
  /** The name of what was opened, without the folders above it. */
  readonly title: string;
  /** Undefined where nothing with frames could be opened; then `problem` says why. */
  readonly sequence: SequenceInfo | undefined;
  readonly problem: Problem | undefined;
  /** What was opened second, to be shown beside it. */
  readonly beside: BesideInfo | undefined;
  readonly run: RunInfo | undefined;
  /** Whether results of a detector were given, or lie in the run. */
  readonly hasDetections: boolean;
  /** Whether maps of objects lie beside them. */
  readonly hasObjects: boolean;
  /** Whether there is something to be matched, and features to be looked at. */
  readonly offers: { readonly matches: boolean; readonly features: boolean };
  /** The classes that the run's detector looks for; undefined where there is none. */
  readonly classes: readonly string[] | undefined;
}

/** What is shown beside something: frames of its own, or another run on the same frames. */
export interface BesideInfo {
  readonly title: string;
  /** Undefined for a run, which is looked at on the frames of the first. */
  readonly sequence: SequenceInfo | undefined;
  readonly run: RunInfo | undefined;
  /** Whether results of a detector lie in the run, and the classes that it looks for. */
  readonly hasDetections: boolean;
  readonly classes: readonly string[] | undefined;
}

export interface SequenceInfo {
  readonly kind: string;
  readonly name: string;
  /** The cameras by the data set's names, the one that is shown unasked first. */
  readonly cameras: readonly string[];
  readonly frames: readonly FrameInfo[];
  /** The height of the road where the sensor is, metres in the LiDAR frame. */
  readonly roadZM: number;
  /** The number of the first frame that can be drawn. */
  readonly first: number;
}

/** A frame before anything of it is read. */
export interface FrameInfo {
  readonly id: string;
  /** Seconds since the sequence began. */
  readonly timeS: number | undefined;
  /** 4x4, row-major. */
  readonly worldFromLidar: readonly number[] | undefined;
  readonly parts: readonly FramePart[];
  /** The cameras that it has a picture of. */
  readonly pictures: readonly string[];
  readonly notes: readonly string[];
  /** The data set's own lists that name it. */
  readonly sets: readonly string[];
}

/** Something that cannot be shown, and why, in one sentence. */
export interface Problem {
  readonly message: string;
}

/** What of a frame is not points or pixels. */
export interface SceneInfo {
  readonly camera: CameraInfo | undefined;
  readonly labels: readonly BoxInfo[];
  readonly detections: readonly BoxInfo[];
  /** By part, what is missing or damaged. */
  readonly problems: { readonly [part: string]: Problem | undefined };
}

export interface CameraInfo {
  readonly name: string;
  /** Pixels; undefined where the picture cannot be read. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** 3x4, row-major: homogeneous pixels from the LiDAR frame. */
  readonly pixelFromLidar: readonly number[];
  /** 4x4, row-major. */
  readonly cameraFromLidar: readonly number[];
}

export interface BoxInfo {
  readonly type: string;
  /** In the LiDAR frame; undefined where only the picture was labelled. */
  readonly box3: Box3 | undefined;
  readonly box2: readonly [left: number, top: number, right: number, bottom: number];
  readonly score: number | undefined;
  readonly trackId: number | undefined;
}

/** One point with every number that its file has for it. */
export interface PointInfo {
  readonly index: number;
  readonly fields: ReadonlyArray<{ readonly name: string; readonly values: readonly string[] }>;
}

/** What the thread of the encoders does now. */
export interface WorkInfo {
  /** In words; undefined where it does nothing. */
  readonly doing: string | undefined;
  /** Parts of that which are done, of how many. */
  readonly done: number | undefined;
  readonly total: number | undefined;
  /** Since the question was begun that is being answered. */
  readonly seconds: number;
  /** Questions that wait for their turn. */
  readonly waiting: number;
}

/** A run as it stands now. */
export interface RunInfo {
  readonly name: string;
  /** What a pretraining run learns by, or the name of the detector. */
  readonly objective: string;
  /** What is trained: encoders with heads that make features of places, or a detector or classifier, which has none. */
  readonly learns: 'encoders' | 'detector' | 'classifier';
  readonly config: unknown;
  /** Steps that it is to have; undefined where that is not known. */
  readonly totalSteps: number | undefined;
  /** The list of frames that it learns from, such as `train`. */
  readonly imageSet: string | undefined;
  /** Steps with a checkpoint, oldest first. */
  readonly checkpoints: readonly number[];
  readonly problem: Problem | undefined;
}

/** Lines of a run's metrics from a byte on. */
export interface MetricsTail {
  /** Where to go on from next time. */
  readonly offset: number;
  /** Whether these lines take the place of all before: the file was cut or begun anew. */
  readonly restarted: boolean;
  /** The value of each loss when nothing is learned. */
  readonly chance: { readonly [loss: string]: number } | undefined;
  readonly lines: ReadonlyArray<MetricsPoint>;
  readonly problem: Problem | undefined;
}

export interface MetricsPoint {
  readonly step: number;
  /** Seconds since the run began. */
  readonly time: number | undefined;
  readonly samplesPerSecond: number | undefined;
  /** By group and name, such as `loss/total`; null where a number was not finite. */
  readonly values: { readonly [name: string]: number | null };
}

export interface ObjectsInfo {
  /** How many cells each region has across and down. */
  readonly cells: number;
  readonly objects: ReadonlyArray<{
    /** The region, in pixels of the picture. */
    readonly box: readonly [left: number, top: number, right: number, bottom: number];
    readonly pose: Box3;
    readonly score: number;
    /** How sure the pose is: standard deviations of rotation_y, radians, and of the depth, metres. */
    readonly deviations: { readonly rotationY: number; readonly depthM: number };
  }>;
}

/**
 * The maps behind detected objects, N of them, C cells each, row by row. `coordinates` float32 [N·C·3] in the object's own
 * frame (x along its heading, y down from its bottom, z to its left, metres); `places` float32 [N·C·3], the same put into the
 * LiDAR frame by the pose; `logStd` float32 [N·C·2] (of pixels, in u and v) and `errorPx` float32 [N·C].
 */
export type ObjectsTable = Table<ObjectsInfo>;

/** A model to look through: the weights that a run began with, or those of a checkpoint's step. */
export type ModelName = 'before' | number;

/** What a table of typed arrays says of itself. */
export interface PairsInfo {
  readonly id: string;
  readonly seed: number;
  /** Matches farther apart than this are counted as wrong, metres. */
  readonly gateM: number;
  /** Whether the run's configuration sets the gate; otherwise it is the one that evaluations use. */
  readonly gateIsConfigured: boolean;
  /** How the second view was made, in words, first step first. */
  readonly view: readonly string[];
  readonly mirrored: boolean;
  /** What undoes the view; 4x4, row-major. */
  readonly lidarFromView: readonly number[];
  /** What the sample was drawn by: the run's configuration, or a preset's name. */
  readonly drawnBy: string;
  readonly model: ModelName | undefined;
}

/**
 * A pair of a frame's views, M places of each view. `alphaPoints`, `betaPoints` float32 rows of x, y, z, reflectance (the
 * sweep's view in the LiDAR frame, the other in its own); `alpha`, `beta` float32 [M·3], the places in the same frames;
 * `betaInLidar` float32 [M·3], with the view undone; `partner` int32 [M], of each place of alpha the matched one of beta;
 * `distanceM` float32 [M]; `pixels` float32 [M·2] on the frame's own picture (NaN behind the camera); `inside` uint8 [M].
 * With a model: `intraSimilarity`, `crossSimilarity` float32 [M], cosines of the matched places and of pixel and place;
 * `intraRank`, `crossRank` int32 [M], how many other candidates of this frame are at least as similar (0 is right).
 */
export type PairsTable = Table<PairsInfo>;

export interface PlacesInfo {
  readonly id: string;
  /** Columns and rows of the image encoder's cells. */
  readonly cellColumns: number;
  readonly cellRows: number;
  /** Points that are farther from any place than this have no feature, metres. */
  readonly reachM: number;
  readonly drawnBy: string;
}

/**
 * Where a frame's features lie. `places` float32 [P·3] in the LiDAR frame; `pixels` float32 [P·2] on the frame's own
 * picture (NaN behind the camera); `cellPixels` float32 [C·2], the centres of the cells on it, which may lie outside;
 * `nearest` uint16 [N·3], for each point of the sweep's file the three nearest places (65535 for none), and `weights`
 * uint8 [N·3], which sum to 255 or are all 0.
 */
export type PlacesTable = Table<PlacesInfo>;

export interface ColoursInfo {
  readonly model: ModelName;
  /** The share of the features' variance that each of the three directions has. */
  readonly explained: readonly [number, number, number];
}

/** Features as colours: `places` uint8 [P·3] and `cells` uint8 [C·3], red, green and blue by one projection of both. */
export type ColoursTable = Table<ColoursInfo>;

export interface SimilarityInfo {
  readonly model: ModelName;
  readonly query: SimilarityQuery;
}

/** A place of the sweep or a cell of the picture, by its number. */
export type SimilarityQuery = { readonly place: number } | { readonly cell: number };

/** Cosines with the query: `places` float32 [P] and `cells` float32 [C]; empty where sweep and picture have no common space. */
export type SimilarityTable = Table<SimilarityInfo>;
