import type { Outcomes } from '../../../evaluation/kitti/detection-outcomes.ts';
import type { Box3 } from '../../../geometry/box.ts';
import { cornersOf, pointInBox } from '../../../geometry/box.ts';
import type { BoxInfo, SceneInfo } from '../../protocol.ts';
import type { Context } from '../context.ts';
import { boxColour, trackName, visibleBoxes } from '../scene/boxes.ts';
import type { Triple } from '../scene/pose.ts';
import { button, Select } from '../widgets/controls.ts';
import { element } from '../widgets/dom.ts';
import { folded } from '../widgets/folded.ts';
import { savePoints } from './save-points.ts';

/** What is left around an object that one flies to, in its longest sides. */
const room = 1.2;

interface Listed {
  readonly box: BoxInfo;
  readonly box3: Box3;
  readonly detected: boolean;
  readonly rangeM: number;
}

/** The objects of a frame, nearest first: a click flies there. */
export class ObjectList {
  /** The controls. */
  readonly root: HTMLDetailsElement;
  private readonly context: Context;
  private readonly onBox: (low: Triple, high: Triple) => void;
  private readonly classes: Select;
  private readonly list = element('ul', { class: 'objects', 'aria-label': 'Objects' });
  private readonly none = element('p', {});
  private selected: string | undefined;
  private scene: SceneInfo | undefined;
  private outcomes: Outcomes | undefined;

  /** `onBox` is called with the corners that are to be the clip box. */
  constructor(context: Context, onBox: (low: Triple, high: Triple) => void) {
    const { store, frame } = context;
    this.context = context;
    this.onBox = onBox;
    this.classes = new Select({
      name: 'objectClass',
      label: 'Class',
      current: () => store.state.objectClass,
      onChange: (objectClass) => store.set({ objectClass }),
    });
    this.root = folded('Objects', this.classes.root, this.list, this.none);
    this.root.addEventListener('toggle', () => this.draw());
    store.on(['objectClass'], () => this.classes.follow());
    frame.on(['frame'], () => {
      // An object that is followed stays selected.
      if (!this.selected?.startsWith('track')) this.selected = undefined;
    });
  }

  /** Lists what the state lets be seen of a frame. */
  set(scene: SceneInfo | undefined, outcomes?: Outcomes): void {
    this.scene = scene;
    this.outcomes = outcomes;
    this.draw();
  }

  private draw(): void {
    const { scene } = this;
    const { state } = this.context.store;
    const types = new Set([...(scene?.labels ?? []), ...(scene?.detections ?? [])].map(({ type }) => type));
    if (state.objectClass !== '') types.add(state.objectClass);
    this.classes.setChoices([['', 'All'], ...[...types].sort().map((type) => [type, type] as const)]);
    if (!this.root.open) return;
    const listed = scene === undefined ? [] : this.listed(scene);
    this.list.replaceChildren(...listed.map((each, i) => this.row(each, i)));
    this.none.hidden = listed.length > 0;
    this.none.textContent =
      state.labels || state.detections
        ? 'No object of this frame has a box in space'
        : 'Labels and detections are turned off';
  }

  private listed(scene: SceneInfo): Listed[] {
    return visibleBoxes(scene, this.context.store.state, this.outcomes)
      .flatMap(({ box, detected }) => {
        const { box3 } = box;
        return box3 === undefined ? [] : [{ box, box3, detected, rangeM: Math.hypot(...box3.center) }];
      })
      .sort((a, b) => a.rangeM - b.rangeM);
  }

  private row(listed: Listed, index: number): HTMLElement {
    const { box, box3, detected, rangeM } = listed;
    const { type, trackId, score } = box;
    const key = trackId === undefined ? `at ${index} ${box3.center.join()}` : `track ${trackId} ${detected}`;
    const swatch = element('i', { class: detected ? 'dashed' : '' });
    swatch.style.borderColor = boxColour(box, detected);
    const isSelected = key === this.selected;
    const go = element(
      'button',
      {
        type: 'button',
        'aria-current': isSelected ? 'true' : undefined,
        click: () => {
          this.selected = key;
          this.fly(box3);
          this.draw();
        },
      },
      swatch,
      element('span', {}, trackId === undefined ? type : `${type} ${trackName(trackId)}`),
      score !== undefined && element('b', {}, score.toFixed(2)),
      element('b', {}, `${rangeM.toFixed(1)} m`),
    );
    return element('li', {}, go, isSelected && this.details(listed));
  }

  private details({ box3, box: { type, trackId } }: Listed): HTMLElement {
    const points = this.countPoints(box3);
    const name = trackId === undefined ? type : `${type}-${trackId}`;
    const size = box3.sizeM.map((side) => side.toFixed(2)).join(' × ');
    return element(
      'div',
      { class: 'object-details' },
      element('p', {}, `${size} m${points === undefined ? '' : `, ${points.toLocaleString('en')} points`}`),
      element(
        'div',
        { class: 'buttons' },
        button('Clip to it', () => this.onBox(...cornersAround(box3)), {
          hint: 'Make the clip box hold this object alone',
        }),
        button('Save its points', () => void savePoints(this.context, { name, box: box3 }), {
          hint: 'Save the points in this box as PCD',
        }),
      ),
    );
  }

  private countPoints(box: Box3): number | undefined {
    const { sweep } = this.context.frame.parts;
    if (sweep?.complete !== true) return undefined;
    let count = 0;
    for (let at = 0; at < 3 * sweep.filled; at += 3) {
      const [x, y, z] = [sweep.positions[at], sweep.positions[at + 1], sweep.positions[at + 2]];
      if (pointInBox(box, x, y, z)) count++;
    }
    return count;
  }

  private fly(box: Box3): void {
    const { store, stage } = this.context;
    if (store.state.view === 'camera') store.set({ view: 'perspective' });
    const reach = room * Math.max(...box.sizeM);
    const corner = (sign: number) => box.center.map((value) => value + sign * reach) as unknown as Triple;
    stage.fit(corner(-1), corner(1));
    stage.setHighlight(box.center, '#ffd166');
  }
}

/** The corners of the smallest box along the axes that holds a box. */
export function cornersAround(box: Box3): [low: Triple, high: Triple] {
  const corners = cornersOf(box);
  const values = [0, 1, 2].map((axis) => Array.from({ length: 8 }, (_, k) => corners[3 * k + axis]));
  const [low, high] = [Math.min, Math.max].map((most) => values.map((each) => most(...each)));
  return [low as unknown as Triple, high as unknown as Triple];
}
