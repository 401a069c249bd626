import type * as tf from '@tensorflow/tfjs-core';
import type { Tracer } from '../../engine/capture.ts';
import { exportGraph } from '../../engine/export-graph.ts';
import type { HostTensor } from '../../engine/host-tensor.ts';
import { mapTree, type Tree } from '../../engine/tree.ts';
import { branchAt } from '../../nn/layer.ts';
import { sayOf } from '../center-head.ts';
import type { ModelTensors } from '../detector.ts';
import { fusionPredictions } from '../fusion.ts';
import type { FusionConfig } from '../fusion-config.ts';
import { image3dRows } from '../image3d.ts';
import type { Image3dConfig } from '../image3d-config.ts';
import { pointBranch } from '../point-branch.ts';
import type { Point3dConfig } from '../point3d-config.ts';
import { FOUND_AXES, foundOutputs } from './found.ts';
import { pictureBoxes } from './picture-boxes.ts';
import { cameraInput, candidateCellsInGraph, PICTURE_AXES, pictureInput } from './picture-input.ts';
import { pointBoxes } from './point-boxes.ts';
import { POINT_AXES, pointInput } from './point-input.ts';

/**
 * Whole detectors as ONNX files, from pictures and points to boxes: what `predictor` of a detector makes of a frame, with all that
 * comes before and after its network in the graph. Outputs are `boxes` float32 [objects, 7], `scores` [objects], `classes` int64
 * [objects] and `image_boxes` [objects, 4] (left, top, right, bottom in pixels of the picture), by falling score.
 */

type Texts = Readonly<Record<string, string>>;

/** `image3d`: inputs `image` and `pixel_from_camera`; boxes as `pictureBoxes` has them. */
export function wholeImage3d(config: Image3dConfig, model: ModelTensors, metadata: Texts): Uint8Array {
  const build = (tracer: Tracer) => {
    const { params, stats } = given(tracer, model);
    const picture = pictureInput(tracer, config);
    const camera = cameraInput(tracer, picture);
    const canvas = tracer.tensorOf(picture.canvas);
    const { rows } = image3dRows(params, stats, canvas, { config, training: false });
    const say = (features: tf.Tensor) => sayOf(branchAt(params, 'head'), features);
    return foundOutputs(tracer, pictureBoxes(rows, say, { config, camera }));
  };
  return exportGraph(build, { metadata, axes: { ...PICTURE_AXES, ...FOUND_AXES } });
}

/** `point3d`: inputs as `pointInput` has them; boxes are rows of x, y, z of the centre, length, width, height, yaw in the LiDAR frame. */
export function wholePoint3d(config: Point3dConfig, model: ModelTensors, metadata: Texts): Uint8Array {
  const build = (tracer: Tracer) => {
    const { params, stats } = given(tracer, model);
    const input = pointInput(tracer, config);
    const { predictions } = pointBranch(params, stats, input.batch, { config, training: false });
    return foundOutputs(tracer, pointBoxes(tracer, predictions, { ...input, config }));
  };
  return exportGraph(build, { metadata, axes: { ...POINT_AXES, ...FOUND_AXES } });
}

/** `fusion`: the inputs of `point3d`, and `image`; boxes as those of `point3d`. */
export function wholeFusion(config: FusionConfig, model: ModelTensors, metadata: Texts): Uint8Array {
  const build = (tracer: Tracer) => {
    const { params, stats } = given(tracer, model);
    const input = pointInput(tracer, config);
    const picture = pictureInput(tracer, config);
    const { cells, weights } = candidateCellsInGraph(tracer, input.exact, { canvas: picture, config });
    const image = tracer.tensorOf(picture.canvas);
    const batch = { ...input.batch, image, cells, cellWeights: weights };
    const { predictions } = fusionPredictions(params, stats, batch, { config, training: false });
    return foundOutputs(tracer, pointBoxes(tracer, predictions, { ...input, config }));
  };
  return exportGraph(build, { metadata, axes: { ...POINT_AXES, ...PICTURE_AXES, ...FOUND_AXES } });
}

/** A model's tensors as parameters of the graph. */
function given({ graph, tensorOf }: Tracer, { params, stats }: ModelTensors) {
  const each = (root: string, tree: Tree<HostTensor>) =>
    mapTree(tree, ({ dtype, shape, data }, path) =>
      tensorOf(graph.parameter(`${root}/${path}`, dtype, shape, data)),
    );
  return { params: each('params', params), stats: each('stats', stats) };
}
