import { describe, expect, it } from 'vitest';
import type { Box3 } from '../../../../src/geometry/box.ts';
import { projectBoxEdges } from '../../../../src/geometry/box-projection.ts';
import { outcomeColours } from '../../../../src/report/outcome-colours.ts';
import {
  boxColour,
  classColours,
  pictureBoxes,
  sceneOutcomes,
  stageBoxes,
  trackColour,
  visibleBoxes,
} from '../../../../src/viewer/app/scene/boxes.ts';
import { defaultState, type ViewState } from '../../../../src/viewer/app/view-state.ts';
import type { BoxInfo, CameraInfo, SceneInfo } from '../../../../src/viewer/protocol.ts';

const box3: Box3 = { center: [10, 1, -1], sizeM: [4, 1.8, 1.5], yaw: 0.3 };
const boxOf = (box: Partial<BoxInfo>): BoxInfo => ({
  type: 'Car',
  box3,
  box2: [1, 2, 3, 4],
  score: undefined,
  trackId: undefined,
  ...box,
});
const camera: CameraInfo = {
  name: 'image_2',
  width: 40,
  height: 20,
  pixelFromLidar: [20, -30, 0, 0, 10, 0, -30, 0, 1, 0, 0, 0],
  cameraFromLidar: [0, -1, 0, 0, 0, 0, -1, 0, 1, 0, 0, 0, 0, 0, 0, 1],
};
const scene: SceneInfo = {
  camera,
  labels: [boxOf({}), boxOf({ type: 'DontCare', box3: undefined })],
  detections: [boxOf({ score: 0.2 }), boxOf({ score: 0.3 }), boxOf({ score: 0.9 }), boxOf({})],
  problems: {},
};
const state: ViewState = { ...defaultState, labels: true, detections: true, score: 0.3 };

it('no class has nearly the colour of what was missed or of a false alarm', () => {
  // Distances in CIELAB, where 2 is about what one can tell apart; sRGB, D65.
  const labOf = (hex: string) => {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    const [x, y, z] = [
      (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
      0.2126 * r + 0.7152 * g + 0.0722 * b,
      (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
    ].map((t) => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116));
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
  };
  for (const [name, colour] of Object.entries(classColours)) {
    for (const outcome of ['missed', 'false'] as const) {
      const [a, b] = [labOf(colour), labOf(outcomeColours[outcome])];
      const distance = Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
      expect(distance, `${name} beside ${outcome}`).toBeGreaterThan(30);
    }
  }
});

describe('visibleBoxes', () => {
  it('are labels, and detections with enough of a score or without one', () => {
    const seen = visibleBoxes(scene, state);
    expect(seen.map(({ detected }) => detected)).toEqual([false, false, true, true, true]);
    expect(seen.slice(2).map(({ box }) => box.score)).toEqual([0.3, 0.9, undefined]);
    expect(visibleBoxes(scene, { ...state, labels: false, score: 0.5 })).toHaveLength(2);
    expect(visibleBoxes(scene, { ...state, detections: false })).toHaveLength(2);
  });
});

describe('boxColour', () => {
  it('is of the class, of the track, or of detections', () => {
    const car = boxColour(boxOf({}), false);
    expect(boxColour(boxOf({ type: 'CAR' }), false)).toBe(car);
    expect(boxColour(boxOf({ type: 'Pedestrian' }), false)).not.toBe(car);
    expect(boxColour(boxOf({ trackId: 3 }), false)).toBe(trackColour(3));
    expect(boxColour(boxOf({ trackId: 3 }), true)).toBe(boxColour(boxOf({ type: 'Van' }), true));
  });

  it('is a colour for every class and track', () => {
    const types = ['Misc', 'DontCare', '', 'constructor', '__proto__', 'toString', 'Ä'];
    for (const type of types) expect(boxColour(boxOf({ type }), false)).toMatch(/^#[\da-f]{6}$/);
    for (let track = 0; track < 20; track++) expect(trackColour(track)).toMatch(/^#[\da-f]{6}$/);
    expect(trackColour(0)).not.toBe(trackColour(1));
  });
});

describe('stageBoxes', () => {
  it('are those in space, with what they are', () => {
    const boxes = stageBoxes(
      { ...scene, labels: [boxOf({ trackId: 7 }), boxOf({ box3: undefined })] },
      state,
    );
    expect(boxes.map(({ label }) => label)).toEqual(['Car 7', 'Car 0.30', 'Car 0.90', 'Car']);
    expect(boxes.map(({ dashed }) => dashed)).toEqual([false, true, true, true]);
    expect(boxes[0]).toMatchObject({ box: box3, colour: trackColour(7) });
  });
});

describe('boxes with outcomes', () => {
  const moved = (x: number, score?: number) => boxOf({ score, box3: { ...box3, center: [x, 1, -1] } });
  const compared = {
    ...scene,
    labels: [moved(10), moved(30), boxOf({ type: 'Misc' })],
    detections: [moved(50, 0.8), moved(10.2, 0.9), moved(30, 0.2)],
  };
  const outcomes = sceneOutcomes(compared, state, undefined);

  it('have a colour for what became of them, and no name twice', () => {
    const { found, missed, ignored, right } = outcomeColours;
    const colours = [found, missed, ignored, outcomeColours.false, right];
    const boxes = stageBoxes(compared, state, outcomes);
    expect(boxes.map(({ colour }) => colour)).toEqual(colours);
    expect(boxes.map(({ label }) => label)).toEqual([
      undefined,
      'Car missed',
      'Misc',
      'Car 0.80 false',
      'Car 0.90',
    ]);
    expect(pictureBoxes(compared, state, outcomes).map(({ colour }) => colour)).toEqual(colours);
  });

  it('follow the score, the overlap and the classes that are looked for', () => {
    expect(sceneOutcomes(compared, { ...state, score: 0.1 }, undefined).labels).toEqual([
      'found',
      'found',
      'ignored',
    ]);
    const far = { ...compared, detections: [moved(10.8, 0.9)] };
    expect(sceneOutcomes(far, state, undefined).labels[0]).toBe('missed');
    expect(sceneOutcomes(far, { ...state, overlaps: 'loose' }, undefined).labels[0]).toBe('found');
    expect(sceneOutcomes(far, state, ['Cyclist']).labels).toEqual(['ignored', 'ignored', 'ignored']);
  });

  it('are told apart by their colours', () => {
    expect(new Set(Object.values(outcomeColours)).size).toBe(Object.keys(outcomeColours).length);
  });
});

describe('pictureBoxes', () => {
  it('are the edges of those in space, and the outlines of the others', () => {
    const boxes = pictureBoxes(scene, { ...state, detections: false });
    expect(Array.from(boxes[0].edges)).toEqual([
      ...projectBoxEdges(box3, Float64Array.from(camera.pixelFromLidar)),
    ]);
    expect(boxes[0].edges).toHaveLength(48);
    expect(Array.from(boxes[1].edges)).toEqual([1, 2, 3, 2, 3, 2, 3, 4, 3, 4, 1, 4, 1, 4, 1, 2]);
    expect(boxes.map(({ dashed }) => dashed)).toEqual([false, true]);
    expect(pictureBoxes(scene, state)).toHaveLength(5);
  });

  it('are none without a camera', () => {
    expect(pictureBoxes({ ...scene, camera: undefined }, state)).toEqual([]);
  });
});
