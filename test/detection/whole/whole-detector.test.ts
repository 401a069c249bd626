import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import * as web from 'onnxruntime-web/wasm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Frame, ObjectLabel } from '../../../src/datasets/frame.ts';
import { openDetectionFrames } from '../../../src/detection/detection-frames.ts';
import type { ModelTensors } from '../../../src/detection/detector.ts';
import { fusionSample } from '../../../src/detection/fusion-sample.ts';
import { image3dSample } from '../../../src/detection/image3d-sample.ts';
import { pointSample } from '../../../src/detection/point-sample.ts';
import { wholeFusion, wholeImage3d, wholePoint3d } from '../../../src/detection/whole/whole-detector.ts';
import type { HostTensor } from '../../../src/engine/host-tensor.ts';
import { Random } from '../../../src/engine/random.ts';
import { mapTree } from '../../../src/engine/tree.ts';
import { angleDifference } from '../../../src/geometry/angle.ts';
import { kittiFromBox } from '../../../src/geometry/kitti-box.ts';
import {
  classesOf,
  createDetector,
  type DetectionConfig,
} from '../../../src/training/detection/detection-config.ts';
import { smallScenes } from '../../datasets/scenes/small-scenes.ts';
import { distance } from '../../nn/tensors.ts';
import { describeWithRealData } from '../../real-data.ts';
import { tinyDetector } from '../../training/detection/tiny-detector.ts';
import { givenCamera, givenPicture, givenPoints } from './given-frame.ts';

let scenes: string;
beforeAll(async () => {
  scenes = await mkdtemp(join(tmpdir(), 'whole-'));
  await smallScenes(scenes, { count: 3, heldOut: 1 });
});
afterAll(() => rm(scenes, { recursive: true, force: true }));

/** A detector as it begins, but for norms that are no identities, and with depths of some ten metres. */
function modelOf(config: DetectionConfig): ModelTensors {
  const random = Random.fromSeed(1);
  const shaken = (leaf: HostTensor, path: string): HostTensor => {
    const scale = path.includes('said/depth') ? 0.2 : 1;
    const shift = leaf.shape.length === 1 && !path.includes('said/') ? 0.05 : 0;
    return { ...leaf, data: Float32Array.from(leaf.data, (x) => scale * x + shift * random.uniform()) };
  };
  const { params, stats } = createDetector(config).initialize(Random.fromSeed(2));
  return { params: mapTree(params, shaken), stats: mapTree(stats, shaken) };
}

interface Case {
  readonly bytes: Uint8Array;
  /** What a frame is looked at with, by our own and by others. */
  look(
    frame: Frame,
    random: Random,
  ): { readonly sample: unknown; readonly feeds: Record<string, ort.Tensor> };
  /** The seven numbers of a box as the file has them. */
  rowOf(label: ObjectLabel, frame: Frame): number[];
}

const inLidar = ({ box3 }: ObjectLabel) => [...box3!.center, ...box3!.sizeM, box3!.yaw];

function caseOf(config: DetectionConfig, model: ModelTensors): Case {
  const training = false;
  switch (config.detector) {
    case 'image3d':
      return {
        bytes: wholeImage3d(config.image3d, model, {}),
        look: (frame, random) => ({
          sample: image3dSample(frame, random, { config: config.image3d, training }),
          feeds: { ...givenPicture(frame), ...givenCamera(frame) },
        }),
        rowOf: ({ box3 }, frame) => {
          const { sizeM, location, rotationY } = kittiFromBox(box3!, frame.cameras[0].cameraFromLidar);
          const [height, width, length] = sizeM;
          return [...location, length, height, width, rotationY];
        },
      };
    case 'point3d':
      return {
        bytes: wholePoint3d(config.point3d, model, {}),
        look: (frame, random) => {
          const sample = pointSample(frame, random, { config: config.point3d, training });
          return { sample, feeds: givenPoints(frame, sample, config.point3d) };
        },
        rowOf: inLidar,
      };
    case 'fusion':
      return {
        bytes: wholeFusion(config.fusion, model, {}),
        look: (frame, random) => {
          const sample = fusionSample(frame, random, { config: config.fusion, training });
          return { sample, feeds: { ...givenPoints(frame, sample, config.fusion), ...givenPicture(frame) } };
        },
        rowOf: inLidar,
      };
    case 'monorun':
      throw new Error('monorun has no whole graph');
  }
}

type Results = Readonly<Record<string, { readonly dims: readonly number[]; readonly data: unknown }>>;

/** The same by onnxruntime-web, as a page runs it. */
async function inPage(bytes: Uint8Array, feeds: Record<string, ort.Tensor>): Promise<Results> {
  // One thread: more of them would outlive the test.
  web.env.wasm.numThreads = 1;
  const session = await web.InferenceSession.create(bytes, { executionProviders: ['wasm'] });
  const given = Object.entries(feeds).map(([name, { type, data, dims }]) => [
    name,
    new web.Tensor(type as 'float32', data as Float32Array, dims),
  ]);
  try {
    return (await session.run(Object.fromEntries(given))) as Results;
  } finally {
    await session.release();
  }
}

/** Frames through a detector's predictor and through its file, ONNX Runtime alone, in Node and as in a page: the same boxes, scores and classes in the same order. */
async function expectSame(
  settings: DetectionConfig,
  root: string,
  frames: readonly number[],
  check: (feeds: Record<string, ort.Tensor>) => void = () => {},
): Promise<void> {
  const config = { ...settings, batchSize: 1 };
  const model = modelOf(config);
  const { bytes, look, rowOf } = caseOf(config, model);
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  const predictor = await createDetector(config).predictor(model, { threads: 1 });
  const opened = await openDetectionFrames({ root, training: false });
  try {
    for (const index of frames) {
      const frame = await opened.frame(index);
      const { sample, feeds } = look(frame, Random.fromSeed('draw').fork(index));
      check(feeds);
      const [labels] = await predictor.detect([sample]);
      for (const { found, within } of [
        { found: (await session.run(feeds)) as Results, within: 2e-3 },
        { found: await inPage(bytes, feeds), within: 1e-2 },
      ]) {
        const classes = Array.from(found.classes.data as BigInt64Array, Number);
        const names = classesOf(config);
        expect(labels.length).toBeGreaterThan(10);
        expect(classes.map((k) => names[k])).toEqual(labels.map(({ type }) => type));
        expect([...found.boxes.dims]).toEqual([labels.length, 7]);
        const scores = labels.map(({ score }) => score!);
        expect(distance(found.scores.data as Float32Array, scores)).toBeLessThan(1e-5);
        labels.forEach((label, i) => {
          const expected = rowOf(label, frame);
          const row = (found.boxes.data as Float32Array).subarray(7 * i, 7 * i + 7);
          expect(distance(row.subarray(0, 6), expected.slice(0, 6))).toBeLessThan(1e-4);
          expect(Math.abs(angleDifference(row[6], expected[6]))).toBeLessThan(1e-4);
          const box = (found.image_boxes.data as Float32Array).subarray(4 * i, 4 * i + 4);
          expect(distance(box, label.box2)).toBeLessThan(within);
        });
      }
    }
  } finally {
    await predictor.dispose();
    await session.release();
  }
}

const detectors = ['image3d', 'point3d', 'fusion'] as const;

describe('a whole detector as a file finds what the detector finds', () => {
  it.each(detectors)('%s, on generated scenes', (name) => expectSame(tinyDetector(name), scenes, [0, 1]));

  it('point3d whose candidates see where the last centres lie', () =>
    expectSame(tinyDetector('point3d', ['point3d.lastLevel=offsets']), scenes, [1]));

  it('point3d without balls, ground, averaged boxes and coordinates, and with fewer points than it draws', () => {
    const plain = [
      'surroundings=null',
      'heightFrom=candidate',
      'averageIou=null',
      'pointEncoder.useXyz=false',
    ];
    const few = ['points.count=900', 'points.range.max=[14,3,3]', 'maxDetections=20', 'candidateLevel=1'];
    const settings = [...plain, ...few].map((setting) => `point3d.${setting}`);
    return expectSame(tinyDetector('point3d', settings), scenes, [2], ({ points, rows }) => {
      expect(points.dims[0]).toBeLessThan(900);
      expect(rows.dims).toEqual([900]);
    });
  });
});

describe('a whole detector as a file, where nothing is found', () => {
  it.each(detectors)('%s gives no rows', async (name) => {
    const config = tinyDetector(name, [`${name}.scoreThreshold=1`, 'batchSize=1']);
    const { bytes, look } = caseOf(config, modelOf(config));
    const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    const frame = await (await openDetectionFrames({ root: scenes, training: false })).frame(0);
    const found = await session.run(look(frame, Random.fromSeed('draw')).feeds);
    await session.release();
    const { boxes, scores, classes, image_boxes: imageBoxes } = found;
    expect([boxes, scores, classes, imageBoxes].map(({ dims }) => [...dims])).toEqual([
      [0, 7],
      [0],
      [0],
      [0, 4],
    ]);
  });
});

describeWithRealData('a whole detector as a file, on real frames', 'kitti-object', (root) => {
  it.each(detectors)('%s finds what the detector finds', (name) =>
    expectSame(tinyDetector(name), root, [1, 6]),
  );
});
