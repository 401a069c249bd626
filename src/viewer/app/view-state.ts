import type { ModelName } from '../protocol.ts';

/** The parts of the page. */
export const tabs = ['scene', 'matches', 'features', 'run'] as const;
export type Tab = (typeof tabs)[number];

/** Where the eye is, in numbers that a link can hold; what they mean is the stage's own business. */
export type PoseNumbers = readonly number[];

/** Everything that is on the screen; a link holds what differs from `defaultState`. */
export interface ViewState {
  readonly tab: Tab;
  /** The frame's name; empty for the first one. */
  readonly frame: string;
  readonly theme: 'dark' | 'light';
  /** The camera's name; empty for the first one. */
  readonly camera: string;

  /** `height`, `range`, `time`, `picture`, `file` (its own red, green and blue), or a field's name after `field:`. */
  readonly colour: string;
  readonly map: string;
  /** Whether columns of kinds, such as `label` and `ring`, are coloured by kind. */
  readonly categories: boolean;
  /** The values of the ends of the colour map; undefined for those of the points. */
  readonly low: number | undefined;
  readonly high: number | undefined;
  /** Pixels, or with attenuation centimetres. */
  readonly size: number;
  readonly attenuation: boolean;
  /** 0 is off. */
  readonly eyeDome: number;
  readonly grid: boolean;
  readonly axes: boolean;
  readonly frusta: boolean;
  readonly labels: boolean;
  readonly detections: boolean;
  readonly tracks: boolean;
  /** Detections below this are not shown. */
  readonly score: number;
  /** Whether labels are coloured by whether they were found, and detections by whether they are right. */
  readonly outcomes: boolean;
  /** How much boxes have to overlap for that, as KITTI's benchmark has it or less. */
  readonly overlaps: 'strict' | 'loose';
  /** Which of the maps behind detected objects is shown. */
  readonly objects: 'off' | 'coordinates' | 'uncertainty' | 'error';
  /** Sweeps before and after this one that are shown with it. */
  readonly neighbours: number;
  /** Whether the car's own motion between them is undone. */
  readonly steady: boolean;
  readonly onPicture: 'depth' | 'colours' | 'nothing';
  readonly navigation: 'orbit' | 'fly';
  readonly view: 'perspective' | 'birds-eye' | 'camera';
  readonly pose: PoseNumbers;
  /** The selected point's number in its file. */
  readonly point: number | undefined;
  /** The class whose labels and detections are shown; all where it is empty. */
  readonly objectClass: string;
  /** Points nearer to the sensor than this, or farther away, are not shown, metres; undefined for no limit. */
  readonly near: number | undefined;
  readonly far: number | undefined;
  /** The clip box, in the coordinates of the file, metres; what is outside is not shown. A side that is undefined is open. */
  readonly xMin: number | undefined;
  readonly xMax: number | undefined;
  readonly yMin: number | undefined;
  readonly yMax: number | undefined;
  readonly zMin: number | undefined;
  readonly zMax: number | undefined;
  /** Whether clicks on points measure distances. */
  readonly measure: boolean;
  /** How much faster than the sequence it plays. */
  readonly speed: number;

  readonly seed: number;
  readonly layout: 'beside' | 'over';
  readonly matchColour: 'distance' | 'similarity';
  readonly shortest: number;
  readonly longest: number | undefined;
  readonly wrong: 'all' | 'right' | 'wrong';
  readonly pixelLines: boolean;

  /** `latest` follows a run that is still training. */
  readonly model: ModelName | 'latest';
  /** What features are shown beside: the run that was opened second (where there is one), the untrained model, or nothing. */
  readonly compare: 'run' | 'untrained' | 'nothing';
  readonly show: 'colours' | 'similarity';
  readonly place: number | undefined;
  readonly cell: number | undefined;
}

export const defaultState: ViewState = {
  tab: 'scene',
  frame: '',
  theme: 'dark',
  camera: '',
  colour: 'height',
  map: 'turbo',
  categories: true,
  low: undefined,
  high: undefined,
  size: 2,
  attenuation: false,
  eyeDome: 0.5,
  grid: true,
  axes: true,
  frusta: false,
  labels: true,
  detections: true,
  tracks: true,
  score: 0.3,
  outcomes: true,
  overlaps: 'strict',
  objects: 'off',
  neighbours: 0,
  steady: true,
  onPicture: 'depth',
  navigation: 'orbit',
  view: 'perspective',
  pose: [],
  point: undefined,
  objectClass: '',
  near: undefined,
  far: undefined,
  xMin: undefined,
  xMax: undefined,
  yMin: undefined,
  yMax: undefined,
  zMin: undefined,
  zMax: undefined,
  measure: false,
  speed: 1,
  seed: 0,
  layout: 'beside',
  matchColour: 'distance',
  shortest: 0,
  longest: undefined,
  wrong: 'all',
  pixelLines: false,
  model: 'latest',
  compare: 'run',
  show: 'colours',
  place: undefined,
  cell: undefined,
};

const number = (text: string) =>
  text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined;
const between = (low: number, high: number) => (text: string) => {
  const value = number(text);
  return value !== undefined && value >= low && value <= high ? value : undefined;
};
const index = (text: string) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined);
const flag = (text: string) => (text === 'yes' ? true : text === 'no' ? false : undefined);
const one =
  <Value extends string>(...values: readonly Value[]) =>
  (text: string) =>
    values.find((value) => value === text);
const anyText = (text: string) => (text.length <= 200 ? text : undefined);

type Parsers = { readonly [Key in keyof ViewState]: (text: string) => ViewState[Key] | undefined };

/** How each value is read from a link; undefined for what it cannot be. */
const parsers: Parsers = {
  tab: one(...tabs),
  frame: anyText,
  theme: one('dark', 'light'),
  camera: anyText,
  colour: anyText,
  map: anyText,
  categories: flag,
  low: number,
  high: number,
  size: between(0.5, 20),
  attenuation: flag,
  eyeDome: between(0, 1),
  grid: flag,
  axes: flag,
  frusta: flag,
  labels: flag,
  detections: flag,
  tracks: flag,
  score: between(-1e9, 1e9),
  outcomes: flag,
  overlaps: one('strict', 'loose'),
  objects: one('off', 'coordinates', 'uncertainty', 'error'),
  neighbours: (text) => (/^([0-9]|10)$/.test(text) ? Number(text) : undefined),
  steady: flag,
  onPicture: one('depth', 'colours', 'nothing'),
  navigation: one('orbit', 'fly'),
  view: one('perspective', 'birds-eye', 'camera'),
  pose: (text) => {
    const values = text.split(',').map(number);
    return values.every((value) => value !== undefined) ? values : undefined;
  },
  point: index,
  objectClass: anyText,
  near: number,
  far: number,
  xMin: number,
  xMax: number,
  yMin: number,
  yMax: number,
  zMin: number,
  zMax: number,
  measure: flag,
  speed: between(0.05, 20),
  seed: index,
  layout: one('beside', 'over'),
  matchColour: one('distance', 'similarity'),
  shortest: between(0, 1e6),
  longest: between(0, 1e6),
  wrong: one('all', 'right', 'wrong'),
  pixelLines: flag,
  model: (text) => (text === 'before' || text === 'latest' ? text : index(text)),
  // Links from before there could be a second run say yes and no.
  compare: (text) =>
    text === 'yes' ? 'untrained' : text === 'no' ? 'nothing' : one('run', 'untrained', 'nothing')(text),
  show: one('colours', 'similarity'),
  place: index,
  cell: index,
};

/** What differs from the default, as the part of an address after `#`; fractions to 6 digits, the pose to 3 places. */
export function linkOf(state: ViewState): string {
  const words = new URLSearchParams();
  for (const key of Object.keys(defaultState) as Array<keyof ViewState>) {
    const value = state[key];
    const isUsual = value === undefined || textOf(value) === textOf(defaultState[key]);
    // What is usual for the theme is up to each reader's own system.
    if (isUsual && key !== 'theme') continue;
    words.set(key, textOf(value ?? ''));
  }
  return words.toString();
}

/** The state of a link over `base`; what a link says that cannot be is passed over. */
export function stateOfLink(link: string, base: ViewState = defaultState): ViewState {
  const state: { [key: string]: unknown } = { ...base };
  for (const [key, text] of new URLSearchParams(link.replace(/^#/, ''))) {
    if (!Object.hasOwn(parsers, key)) continue;
    const value = parsers[key as keyof ViewState](text);
    if (value !== undefined) state[key] = value;
  }
  return state as unknown as ViewState;
}

function textOf(value: ViewState[keyof ViewState]): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  // Numbers of points, places and steps stay what they are; others are rounded, so that links are short.
  if (typeof value === 'number')
    return String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
  if (typeof value === 'object') return value.map((each) => Number(each.toFixed(3))).join(',');
  return String(value);
}
