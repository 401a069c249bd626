import { projectBoxEdges } from '../../geometry/box-projection.ts';
import type { BoxInfo, SceneInfo } from '../protocol.ts';
import type { PictureLines } from './picture-pane.ts';
import type { StageBox } from './scene/segments.ts';
import type { ViewState } from './view-state.ts';

const classColours: { readonly [type: string]: string } = {
  car: '#5aa9ff',
  van: '#6fd0e8',
  truck: '#9b8cff',
  bus: '#9b8cff',
  tram: '#c78cff',
  pedestrian: '#ff7fa8',
  person_sitting: '#ff7fa8',
  cyclist: '#ffc14d',
};
const otherColour = '#a8b3c4';
const detectionColour = '#ff9f43';
/** Colours of tracks, told apart by number. */
const trackColours = ['#5aa9ff', '#ffb454', '#62cd8a', '#ff7fa8', '#b18cff', '#4fd3d8', '#e0d75a', '#ff8a65'];

/** The boxes that the state lets be seen: labels, and detections with enough of a score. */
export function visibleBoxes(
  scene: SceneInfo,
  state: ViewState,
): ReadonlyArray<{ readonly box: BoxInfo; readonly detected: boolean }> {
  return [
    ...(state.labels ? scene.labels.map((box) => ({ box, detected: false })) : []),
    ...(state.detections
      ? scene.detections
          .filter(({ score }) => (score ?? Infinity) >= state.score)
          .map((box) => ({ box, detected: true }))
      : []),
  ];
}

/** The colour of a label, of its track where it has one, or of detections. */
export function boxColour({ type, trackId }: BoxInfo, detected: boolean): string {
  if (detected) return detectionColour;
  if (trackId !== undefined) return trackColour(trackId);
  const name = type.toLowerCase();
  return Object.hasOwn(classColours, name) ? classColours[name] : otherColour;
}

export function trackColour(trackId: number): string {
  return trackColours[trackId % trackColours.length];
}

/** Boxes as the stage shows them. */
export function stageBoxes(scene: SceneInfo, state: ViewState): StageBox[] {
  return visibleBoxes(scene, state).flatMap(({ box, detected }) =>
    box.box3 === undefined
      ? []
      : [{ box: box.box3, colour: boxColour(box, detected), label: boxLabel(box), dashed: detected }],
  );
}

/** Boxes as the picture shows them: the edges of those in space, and the outlines of those that only the picture has. */
export function pictureBoxes(scene: SceneInfo, state: ViewState): PictureLines[] {
  const { camera } = scene;
  if (camera === undefined) return [];
  const pixelFromLidar = Float64Array.from(camera.pixelFromLidar);
  return visibleBoxes(scene, state).map(({ box, detected }) => {
    const colour = boxColour(box, detected);
    if (box.box3 !== undefined) {
      return { edges: projectBoxEdges(box.box3, pixelFromLidar), colour, dashed: detected };
    }
    const [left, top, right, bottom] = box.box2;
    const edges = [
      ...[left, top, right, top, right, top, right, bottom],
      ...[right, bottom, left, bottom, left, bottom, left, top],
    ];
    return { edges, colour: otherColour, width: 1, dashed: true };
  });
}

function boxLabel({ type, score, trackId }: BoxInfo): string {
  const track = trackId === undefined ? '' : ` ${trackId}`;
  return `${type}${track}${score === undefined ? '' : ` ${score.toFixed(2)}`}`;
}
