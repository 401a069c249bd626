import type * as tf from '@tensorflow/tfjs-core';
import type { DataSelection } from '../datasets/data-selection.ts';
import type { ObjectLabel } from '../datasets/frame.ts';
import type { SourceReference } from '../datasets/loader-source.ts';
import type { OverRanks, Trainable } from '../encoders/trainable.ts';
import { type CompiledStep, compile, type ResidentState } from '../engine/compile.ts';
import type { Device } from '../engine/device.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import type { ImageBox } from '../geometry/box-projection.ts';
import { branchAt, type Initialized } from '../nn/layer.ts';

/** Parameters and running statistics of a trained model. */
export interface ModelTensors {
  readonly params: Tree<HostTensor>;
  readonly stats: Tree<HostTensor>;
}

/** Which frames a detector's samples are made of, and whether they are for training: augmented, and with targets. */
export interface DetectionData extends DataSelection {
  /** True by default: labels are read, views are drawn at random and targets are made. Else frames as they are. */
  readonly training?: boolean;
  /** Whether labels are read where it is not for training: a frame is then complete and sound only with its labels. */
  readonly withLabels?: boolean;
  /** Only these of the selection's frames, by index; all where it is not given. */
  readonly frames?: readonly number[];
}

/** The maps behind an object that was found by its own coordinates: of 28 x 28 cells of its region of the picture, row by row. */
export interface CellMaps {
  /** The region, in pixels of the picture. */
  readonly box: ImageBox;
  /** float32 [784·3]: the object's own coordinates, metres: x along its heading, y down from its bottom's centre, z to its left. */
  readonly coordinates: Float32Array;
  /** float32 [784·2]: logarithms of the deviations in u and v; [784]: how far off the pose puts the cell; pixels of the picture. */
  readonly logStd: Float32Array;
  readonly errorPx: Float32Array;
}

/** An object that was found, with the maps behind it. */
export interface ExplainedObject {
  readonly label: ObjectLabel;
  readonly maps: CellMaps;
  /** float64 [4·4]: the covariance of the pose, calibrated: of rotation_y (radians) and KITTI's x, y, z (metres) in the camera's frame. */
  readonly covariance: Float64Array;
}

/** A box in a picture that is given to a detector, pixels, and its class as its place among the detector's. */
export interface GivenBox {
  readonly box: ImageBox;
  readonly classIndex: number;
}

/** A trained detector at work. */
export interface Predictor<Sample> {
  /** What is seen in each of the samples, at most a batch: labels with scores, by falling score, boxes in the LiDAR frame. */
  detect(samples: readonly Sample[]): Promise<ObjectLabel[][]>;
  /**
   * The same with the maps behind it, where the detector has any; with `given` boxes of each sample it looks into those alone,
   * so that what it makes of a box can be judged apart from how it finds boxes.
   */
  explain?(
    samples: readonly Sample[],
    given?: ReadonlyArray<readonly GivenBox[]>,
  ): Promise<ExplainedObject[][]>;
  /** Gives the memory back. */
  dispose(): Promise<void>;
}

/** How a predictor is to run. */
export interface PredictorOptions {
  readonly device?: Device;
  readonly threads?: number;
}

/**
 * A detector: what is trained, with labels, and what it finds in frames. Parameters of the encoders that it shares with
 * pretrained runs are under `imageEncoder` and `pointEncoder`; all others are its own.
 */
export interface Detector<Sample> extends Trainable<Sample> {
  /** How it is trained over ranks, where it can be. */
  readonly ranks?: OverRanks;
  /** Parameters and running statistics before the first step. */
  initialize(random: Random): Initialized;
  source(data: DetectionData): SourceReference;
  /** Makes a model of this detector ready to look at frames. */
  predictor(model: ModelTensors, options?: PredictorOptions): Promise<Predictor<Sample>>;
}

/** A forward pass: raw outputs of a batch, by running statistics. */
export type Forward = (
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  batch: Tree<tf.Tensor>,
) => Tree<tf.Tensor>;

/** A forward pass that is compiled at its first batch and keeps the model on the device. */
export class ForwardPass {
  private readonly forward: Forward;
  private readonly options: PredictorOptions;
  private state: Tree<HostTensor> | ResidentState;
  private step: CompiledStep | undefined;

  constructor(forward: Forward, { params, stats }: ModelTensors, options: PredictorOptions = {}) {
    this.forward = forward;
    this.options = options;
    this.state = { params, stats };
  }

  /** The outputs of a batch; all batches have the shapes of the first. */
  async run(batch: Tree<HostTensor>): Promise<Tree<HostTensor>> {
    this.step ??= await compile(
      (model, data) => [model, this.forward(branchAt(model, 'params'), branchAt(model, 'stats'), data)],
      { state: this.state as Tree<HostTensor>, batch, ...this.options },
    );
    const { state, outputs } = await this.step.run(this.state, batch);
    this.state = state;
    return outputs;
  }

  /** Gives the memory back. */
  async dispose(): Promise<void> {
    await this.step?.dispose();
  }
}

/** A predictor of one pass: samples that do not fill a batch are repeated, and what is seen in the repeated is dropped. */
export function onePassPredictor<Sample>(options: {
  readonly detector: Pick<Detector<Sample>, 'batchSize' | 'collate'>;
  readonly pass: ForwardPass;
  /** The detections of each sample of a full batch. */
  readonly decode: (outputs: Tree<HostTensor>, samples: readonly Sample[]) => ObjectLabel[][];
}): Predictor<Sample> {
  const { detector, pass, decode } = options;
  return {
    detect: async (samples) => {
      const full = fillBatch(samples, detector.batchSize);
      const outputs = await pass.run(detector.collate(full));
      return decode(outputs, full).slice(0, samples.length);
    },
    dispose: () => pass.dispose(),
  };
}

/** Samples repeated to a full batch. Throws a RangeError for none, or for more than a batch. */
export function fillBatch<Sample>(samples: readonly Sample[], batchSize: number): Sample[] {
  if (samples.length < 1 || samples.length > batchSize)
    throw new RangeError(`1 to ${batchSize} samples, not ${samples.length}`);
  return Array.from({ length: batchSize }, (_, i) => samples[i % samples.length]);
}
