import type { FramePart } from '../../../datasets/sequence.ts';
import type { Outcomes } from '../../../evaluation/kitti/detection-outcomes.ts';
import type { BoxInfo } from '../../protocol.ts';
import type { Context } from '../context.ts';
import { isCategorical } from '../sweep/categories.ts';
import { mapNames } from '../sweep/colour-maps.ts';
import { endOfScale } from '../sweep/scale-ends.ts';
import type { Sweep } from '../sweep/sweep.ts';
import { type ColourScale, colourChoices } from '../sweep/sweep-colours.ts';
import { extentOf } from '../sweep/sweep-extent.ts';
import { button, choice, Select, section, select, showFacts, slider, toggle } from '../widgets/controls.ts';
import { element } from '../widgets/dom.ts';
import { cameraName } from './camera-name.ts';
import { outcomesLegend } from './outcomes-legend.ts';

/** The controls of the scene. */
export interface ScenePanel {
  readonly root: HTMLElement;
  /** Takes up what the present frame has. */
  readonly follow: () => void;
  readonly setScale: (scale: ColourScale | undefined) => void;
  /** What became of the frame's labels and detections; undefined where they are not compared. */
  readonly setOutcomes: (outcomes: Outcomes | undefined) => void;
  readonly tellNeighbours: (told: {
    readonly shown: number;
    readonly unplaced: readonly string[];
    readonly problem?: string;
    /** How many have come, of how many, while they are loaded. */
    readonly loading?: readonly [done: number, total: number];
  }) => void;
}

export function scenePanel(
  context: Context,
  options: {
    readonly onRefit: () => void;
    /** The controls of what is shown of objects. */
    readonly objects: HTMLElement;
    /** The tools, each with controls of its own. */
    readonly tools: readonly HTMLElement[];
  },
): ScenePanel {
  const { store, frame, session } = context;
  const hasPoses = frame.sequence.frames.some(({ worldFromLidar }) => worldFromLidar !== undefined);
  const hasTime = frame.sequence.frames.length > 1;
  const has = (part: FramePart) => frame.sequence.frames.some(({ parts }) => parts.includes(part));
  const [hasCameras, hasLabels] = [has('calibration'), has('labels')];
  const hasPictures = frame.sequence.frames.some(
    ({ parts, pictures }) => parts.includes('picture') || pictures.length > 0,
  );
  const { cameras } = frame.sequence;
  const camera = new Select({
    name: 'camera',
    label: 'Camera',
    current: () => frame.camera ?? '',
    onChange: (value) => store.set({ camera: value === cameras[0] ? '' : value }),
  });
  camera.setChoices(cameras.map((name) => [name, cameraName(name, frame.sequence.kind)] as const));
  store.on(['camera'], () => camera.follow());

  const colour = new Select({
    name: 'colour',
    label: 'Colour',
    current: () => store.state.colour,
    onChange: (value) => store.set({ colour: value, low: undefined, high: undefined }),
  });
  // Until the first sweep says what it has.
  colour.setChoices([['height', 'Height']]);
  store.on(['colour'], () => colour.follow());
  const ends = scaleEnds(context, options.onRefit);
  const categories = toggle(store, 'categories', 'By category', 'A colour for each value of the column');
  categories.hidden = true;
  const followCategories = () => {
    const column = frame.parts.sweep?.header.columns.find(
      ({ name }) => `field:${name}` === store.state.colour,
    );
    categories.hidden = column === undefined || !isCategorical(column);
  };
  followCategories();
  store.on(['colour'], followCategories);
  const overlay = element('p', { class: 'note', hidden: true });
  const facts = element('dl', { class: 'facts' });
  const notes = element('div', {});
  const score = slider(store, 'score', 'Minimum score', {
    min: 0,
    max: 1,
    step: 0.01,
    text: (v) => v.toFixed(2),
  });

  const outcomes = outcomesLegend(store);
  const root = element(
    'div',
    { class: 'panel' },
    section(
      'Points',
      colour.root,
      select(
        store,
        'map',
        'Colour map',
        mapNames.map((name) => [name, name] as const),
      ),
      categories,
      ends.root,
      slider(store, 'size', 'Size', { min: 0.5, max: 8, step: 0.5 }),
      slider(store, 'eyeDome', 'Edge shading', {
        min: 0,
        max: 1,
        step: 0.1,
        text: (v) => (v === 0 ? 'off' : v.toFixed(1)),
      }),
      toggle(store, 'attenuation', 'Nearer points are larger'),
    ),
    section(
      'Show',
      element(
        'div',
        { class: 'toggles' },
        ...(hasLabels ? [toggle(store, 'labels', 'Labels')] : []),
        ...(session.hasDetections ? [toggle(store, 'detections', 'Detections')] : []),
        ...(hasLabels && hasPoses
          ? [toggle(store, 'tracks', 'Tracks', 'Where labelled objects were and will be')]
          : []),
        toggle(store, 'grid', 'Ground grid'),
        toggle(store, 'axes', 'Axes'),
        ...(hasCameras ? [toggle(store, 'frusta', 'View cone', 'What the camera sees, as a cone')] : []),
      ),
      ...(session.hasDetections ? [score] : []),
      ...(session.hasDetections && hasLabels ? [outcomes.root] : []),
    ),
    ...(session.hasObjects ? [options.objects] : []),
    ...options.tools,
    ...(hasTime
      ? [
          section(
            'Other sweeps (accumulate)',
            slider(store, 'neighbours', 'Each side', {
              min: 0,
              max: 10,
              step: 1,
              text: (v) => (v === 0 ? 'none' : String(v)),
            }),
            ...(hasPoses
              ? [toggle(store, 'steady', "Undo the car's own motion")]
              : [element('p', {}, 'Without poses, sweeps lie as they were measured.')]),
            overlay,
          ),
        ]
      : []),
    ...(hasPictures
      ? [
          section(
            'On the picture',
            ...(cameras.length > 1 ? [camera.root] : []),
            choice(store, 'onPicture', 'Points', [
              ['depth', 'Depth'],
              ['colours', 'Colours'],
              ['nothing', 'None'],
            ]),
          ),
        ]
      : []),
    section('This frame', facts, notes),
  );

  const follow = () => {
    const { info, parts } = frame;
    widen(score, parts.scene?.detections ?? []);
    if (parts.sweep !== undefined) {
      followCategories();
      colour.setChoices(colourChoices(parts.sweep, frame.hasPicture, hasTime));
    }
    // Numbers of the frame before stay until there are others.
    if (frame.holds) return;
    showFacts(facts, factsOf(context));
    const problems = Object.values(parts.scene?.problems ?? {}).flatMap((each) => each?.message ?? []);
    const said = new Set([...problems, ...Object.values(parts.problems)]);
    notes.replaceChildren(
      ...[...info.notes, ...(parts.sweep?.header.notes ?? [])].map((note) =>
        element('p', { class: 'note' }, note),
      ),
      ...[...said]
        .filter((message) => !message.startsWith('This frame has no'))
        .map((message) => element('p', { class: 'bad' }, message)),
    );
  };
  return {
    root,
    follow,
    setScale: ends.set,
    setOutcomes: outcomes.set,
    tellNeighbours: ({ shown: count, unplaced, problem, loading }) => {
      const missing = unplaced.length === 0 ? '' : `Not shown, for they have no pose: ${unplaced.join(', ')}`;
      const under = loading && `Loading sweeps: ${loading[0]} of ${loading[1]}`;
      overlay.textContent = problem ?? under ?? missing;
      overlay.hidden = overlay.textContent === '';
      overlay.dataset.shown = String(count);
    },
  };
}

function factsOf({ frame }: Context): Array<readonly [string, string]> {
  const { parts, info } = frame;
  const { sweep, scene, picture } = parts;
  const facts: Array<readonly [string, string]> = [];
  if (sweep !== undefined) facts.push(['Points', countText(sweep)], ...unseen(sweep));
  if (picture !== undefined) facts.push(['Picture', `${picture.width} × ${picture.height}`]);
  if (scene !== undefined && scene.labels.length > 0) facts.push(['Labels', String(scene.labels.length)]);
  if (scene !== undefined && scene.detections.length > 0)
    facts.push(['Detections', String(scene.detections.length)]);
  if (info.timeS !== undefined) facts.push(['Time', `${info.timeS.toFixed(3)} s`]);
  if (info.sets.length > 0) facts.push(['Listed in', info.sets.join(', ')]);
  return facts;
}

/** How many points there are, or of a sweep that is still coming how many have come. */
function countText({ complete, count, filled }: Sweep): string {
  return `${complete ? '' : `${filled.toLocaleString('en')} of `}${count.toLocaleString('en')}`;
}

/** How many points of a sweep one does not see, and why. */
function unseen(sweep: Sweep): Array<readonly [string, string]> {
  if (!sweep.complete) return [];
  const { far, placeless } = extentOf(sweep) ?? { far: 0, placeless: sweep.count };
  const counts = [
    ['Far from the others', far],
    ['Without a place', placeless],
  ] as const;
  return counts.flatMap(([name, count]) =>
    count === 0 ? [] : [[name, count.toLocaleString('en')] as const],
  );
}

/** Scores are probabilities, or whatever else a detector has: the slider reaches as far as those that were seen. */
function widen(score: HTMLElement, detections: readonly BoxInfo[]): void {
  const input = score.querySelector('input')!;
  const scores = detections.flatMap((box) => box.score ?? []);
  input.min = String(Math.min(Number(input.min), ...scores.map(Math.floor)));
  input.max = String(Math.max(Number(input.max), ...scores.map(Math.ceil)));
}

/** The two ends of the colour scale as numbers that can be changed. */
function scaleEnds({ store }: Context, onRefit: () => void) {
  const field = (key: 'low' | 'high', label: string) =>
    element('input', {
      type: 'number',
      step: 'any',
      name: key,
      'aria-label': label,
      change: (event) => {
        const { value } = event.target as HTMLInputElement;
        store.set({ [key]: value === '' ? undefined : Number(value) });
      },
    });
  const low = field('low', 'Low end of the colours');
  const high = field('high', 'High end of the colours');
  const root = element(
    'div',
    { class: 'row ends' },
    element('span', { class: 'name' }, 'From, to'),
    low,
    high,
    button('Fit', onRefit, { hint: 'Take the ends from the points that are shown' }),
  );
  return {
    root,
    set: (scale: ColourScale | undefined) => {
      root.hidden = scale === undefined;
      if (scale === undefined) return;
      // What somebody is writing is left alone.
      const { range } = scale;
      if (document.activeElement !== low) low.value = String(endOfScale(range.low, range));
      if (document.activeElement !== high) high.value = String(endOfScale(range.high, range));
    },
  };
}
