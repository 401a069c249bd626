import type * as tf from '@tensorflow/tfjs-core';
import type { Tracer } from '../../engine/capture.ts';
import type { Value } from '../../engine/graph.ts';
import { handMade } from '../../engine/hand-made.ts';
import { type CanvasInGraph, canvasInGraph, PICTURE } from '../../image/canvas-in-graph.ts';
import type { Columns } from '../../pointcloud/tables-in-graph.ts';
import { normalizationOf } from '../../views/canvas.ts';
import type { ImageDetectorConfig } from '../image-config.ts';
import { CENTER_STRIDE, gridOf } from '../image3d-sample.ts';
import type { CanvasCamera } from './picture-boxes.ts';

type Canvas = { readonly image: Pick<ImageDetectorConfig['image'], 'width' | 'height' | 'colours'> };

/** The axes of a picture that a file is given. */
export const PICTURE_AXES = { image: ['height', 'width', 3] } as const;

/** The input `image`, float32 [height, width, 3] of RGB from 0 to 255, on the canvas as `canvasPicture` draws it without training. */
export function pictureInput({ graph }: Tracer, { image }: Canvas): CanvasInGraph {
  const picture = graph.input('image', 'float32', [PICTURE.height, PICTURE.width, 3]);
  return canvasInGraph(graph, picture, { canvas: image, normalization: normalizationOf(image) });
}

/** The input `pixel_from_camera`, float64 [3, 4], and from it the camera of the canvas. */
export function cameraInput({ graph, tensorOf }: Tracer, canvas: CanvasInGraph): CanvasCamera {
  const h = handMade(graph);
  const matrix = graph.input('pixel_from_camera', 'float64', [3, 4]);
  const row = (r: number) => h.part(matrix, 0, r, r + 1);
  const onCanvas = (r: number, scale: Value, offset: Value) =>
    h.add(h.mul(row(r), scale), h.mul(row(2), offset));
  const rows = [
    onCanvas(0, canvas.scaleX, canvas.offsetX),
    onCanvas(1, canvas.scaleY, canvas.offsetY),
    row(2),
  ];
  const single = (value: Value) => tensorOf(h.cast(value, 'float32'));
  return {
    canvasFromCamera: single(h.join(rows, 0)),
    scale: [single(canvas.scaleX), single(canvas.scaleY)],
    offset: [single(canvas.offsetX), single(canvas.offsetY)],
    size: [single(canvas.width), single(canvas.height)],
  };
}

/** `candidateCells` at the pixels of `candidatePixels`: for each candidate the four cells around it, int32 [R·4], and their weights, float32 [R·4]. */
export function candidateCellsInGraph(
  { graph, tensorOf }: Tracer,
  { candidates, pixelFromLidar }: { readonly candidates: Columns; readonly pixelFromLidar: Value },
  { canvas, config }: { readonly canvas: CanvasInGraph; readonly config: Canvas },
): { readonly cells: tf.Tensor; readonly weights: tf.Tensor } {
  const h = handMade(graph);
  const { width, height } = gridOf(config);
  const [count] = candidates.x.shape;
  const one = graph.fill(1, 'float64', [1, count]);
  const rows = [candidates.x, candidates.y, candidates.z].map((column) => h.shaped(column, [1, count]));
  const seen = h.product(pixelFromLidar, h.join([...rows, one], 0), [3, count]);
  const [uw, vw, w] = [0, 1, 2].map((k) => h.shaped(h.part(seen, 0, k, k + 1), [count, 1]));
  const inFront = h.less(h.mul(w, -1), -1e-5);
  // Rounded where samples are, and what is behind the camera lies nowhere.
  const single = (x: Value) => h.cast(h.cast(x, 'float32'), 'float64');
  const place = (projected: Value, scale: Value, offset: Value) => {
    const pixel = single(h.div(projected, h.where(inFront, w, 1)));
    const cell = h.div(single(h.add(h.mul(pixel, scale), offset)), CENTER_STRIDE);
    return h.where(inFront, cell, -1e9);
  };
  const x = place(uw, canvas.scaleX, canvas.offsetX);
  const y = place(vw, canvas.scaleY, canvas.offsetY);
  const corners = [0, 1, 2, 3].map((corner) => {
    const [column, row] = [h.add(h.floor(x), corner & 1), h.add(h.floor(y), corner >> 1)];
    const within = (value: Value, length: number) => h.and(h.atLeast(value, 0), h.less(value, length));
    const nearness = (value: Value, at: Value) => h.mul(h.sub(h.abs(h.sub(value, at)), 1), -1);
    const counts = h.and(within(column, width), within(row, height));
    return {
      cell: h.where(counts, h.add(h.mul(row, width), column), 0),
      weight: h.where(counts, h.mul(nearness(x, column), nearness(y, row)), 0),
    };
  });
  const joined = (values: readonly Value[]) => h.shaped(h.join(values, 1), [4 * count]);
  return {
    cells: tensorOf(h.cast(joined(corners.map(({ cell }) => cell)), 'int32')),
    weights: tensorOf(h.cast(joined(corners.map(({ weight }) => weight)), 'float32')),
  };
}
