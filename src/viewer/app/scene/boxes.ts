import { type Outcomes, outcomesOf } from '../../../evaluation/kitti/detection-outcomes.ts';
import { projectBoxEdges } from '../../../geometry/box-projection.ts';
import { outcomeColours } from '../../../report/outcome-colours.ts';
import type { BoxInfo, SceneInfo } from '../../protocol.ts';
import type { PictureLines } from '../picture/picture-pane.ts';
import type { ViewState } from '../view-state.ts';
import type { StageBox } from './segments.ts';

/** None is near those of outcomes that stand out: red of what was missed, amber of false alarms. */
export const classColours: { readonly [type: string]: string } = {
  car: '#5aa9ff',
  van: '#6fd0e8',
  truck: '#9b8cff',
  bus: '#9b8cff',
  tram: '#4fd3b0',
  pedestrian: '#e05cff',
  person_sitting: '#e05cff',
  cyclist: '#cbd83a',
};
const otherColour = '#a8b3c4';
const detectionColour = '#ff9f43';
/** What the colours distinguish where labels and detections are compared. */
type Outcome = keyof typeof outcomeColours;
/** Colours of tracks, by their number. */
const trackColours = ['#5aa9ff', '#ffb454', '#62cd8a', '#ff7fa8', '#b18cff', '#4fd3d8', '#e0d75a', '#ff8a65'];

/** A box that is shown, and what became of it where labels and detections are compared. */
interface VisibleBox {
  readonly box: BoxInfo;
  readonly detected: boolean;
  readonly outcome?: Outcome;
}

/** The detections that have enough of a score, or none. */
export function scoredDetections(scene: SceneInfo, { score: least }: Pick<ViewState, 'score'>): BoxInfo[] {
  return scene.detections.filter(({ score }) => (score ?? Infinity) >= least);
}

/** Which labels of a frame that has some were found at the present score, and which detections are right. */
export function sceneOutcomes(
  scene: SceneInfo,
  state: ViewState,
  classes: readonly string[] | undefined,
): Outcomes {
  const { overlaps } = state;
  return outcomesOf(scene.labels, scoredDetections(scene, state), { overlaps, classes });
}

/** The boxes that the state lets be seen: labels, and detections with enough of a score, of the class it names; with their outcomes where there are some. */
export function visibleBoxes(scene: SceneInfo, state: ViewState, outcomes?: Outcomes): readonly VisibleBox[] {
  const labels = scene.labels.map((box, i) => ({ box, detected: false, outcome: outcomes?.labels[i] }));
  const detections = scoredDetections(scene, state).map((box, i) => {
    return { box, detected: true, outcome: outcomes?.detections[i] };
  });
  const { objectClass } = state;
  const shown = [...(state.labels ? labels : []), ...(state.detections ? detections : [])];
  return objectClass === '' ? shown : shown.filter(({ box }) => box.type === objectClass);
}

/** The colour of a label, of its track where it has one, or of detections. */
export function boxColour({ type, trackId }: BoxInfo, detected: boolean): string {
  if (detected) return detectionColour;
  if (trackId !== undefined) return trackColour(trackId);
  const name = type.toLowerCase();
  return Object.hasOwn(classColours, name) ? classColours[name] : otherColour;
}

/** A track's number; of one that is too long to be read, such as Waymo's, the last digits. */
export function trackName(trackId: number): string {
  const digits = String(trackId);
  return digits.length <= 6 ? digits : `…${digits.slice(-4)}`;
}

export function trackColour(trackId: number): string {
  return trackColours[trackId % trackColours.length];
}

/** Boxes as the stage shows them. */
export function stageBoxes(scene: SceneInfo, state: ViewState, outcomes?: Outcomes): StageBox[] {
  return visibleBoxes(scene, state, outcomes).flatMap((each) => {
    const { box, detected } = each;
    if (box.box3 === undefined) return [];
    return [{ box: box.box3, colour: colourOf(each), label: boxLabel(each), dashed: detected }];
  });
}

/** Boxes as the picture shows them: the edges of those in space, and the outlines of those that only the picture has. */
export function pictureBoxes(scene: SceneInfo, state: ViewState, outcomes?: Outcomes): PictureLines[] {
  const { camera } = scene;
  if (camera === undefined) return [];
  const pixelFromLidar = Float64Array.from(camera.pixelFromLidar);
  return visibleBoxes(scene, state, outcomes).map((each) => {
    const { box, detected, outcome } = each;
    if (box.box3 !== undefined) {
      const width = outcome === 'missed' || outcome === 'false' ? 2.2 : undefined;
      const edges = projectBoxEdges(box.box3, pixelFromLidar);
      return { edges, colour: colourOf(each), width, dashed: detected };
    }
    const [left, top, right, bottom] = box.box2;
    const edges = [
      ...[left, top, right, top, right, top, right, bottom],
      ...[right, bottom, left, bottom, left, bottom, left, top],
    ];
    return { edges, colour: otherColour, width: 1, dashed: true };
  });
}

function colourOf({ box, detected, outcome }: VisibleBox): string {
  return outcome === undefined ? boxColour(box, detected) : outcomeColours[outcome];
}

/** What stands at a box; a label that was found leaves it to what found it. */
function boxLabel({ box: { type, score, trackId }, outcome }: VisibleBox): string | undefined {
  if (outcome === 'found') return undefined;
  const track = trackId === undefined ? '' : ` ${trackName(trackId)}`;
  const word = outcome === 'missed' || outcome === 'false' ? ` ${outcome}` : '';
  return `${type}${track}${score === undefined ? '' : ` ${score.toFixed(2)}`}${word}`;
}
