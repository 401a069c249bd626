import type { Outcomes } from '../../../evaluation/kitti/detection-outcomes.ts';
import { isInside } from '../../clip.ts';
import type { Context, Picked, TabView } from '../context.ts';
import { Linking } from '../picture/linking.ts';
import type { PictureLayer, Pixel } from '../picture/picture-pane.ts';
import { pictureOfPoints } from '../picture/point-picture.ts';
import { pictureBoxes, sceneOutcomes, stageBoxes } from '../scene/boxes.ts';
import type { Triple } from '../scene/pose.ts';
import type { StageBox } from '../scene/segments.ts';
import { colourValues, rangeOf } from '../sweep/colouring.ts';
import { lengthUnitOf } from '../sweep/fit-sweep.ts';
import type { Sweep } from '../sweep/sweep.ts';
import { type ColourSource, SweepColours } from '../sweep/sweep-colours.ts';
import { type Paint, SweepLayer } from '../sweep/sweep-layer.ts';
import { eachFrame } from '../widgets/dom.ts';
import { BesideLayer } from './beside-layer.ts';
import { ClipTool } from './clip-tool.ts';
import { DetectionsBeside } from './detections-beside.ts';
import { MeasureTool } from './measure-tool.ts';
import { ObjectList } from './object-list.ts';
import { ObjectsLayer } from './objects-layer.ts';
import { OverlaidSweeps } from './overlaid-sweeps.ts';
import { type ScenePanel, scenePanel } from './scene-panel.ts';
import { trailsAbout } from './trails.ts';

/** The state that boxes depend on. */
const boxKeys = [
  ...(['labels', 'detections', 'score', 'outcomes', 'overlaps', 'tracks', 'frusta'] as const),
  'objectClass',
] as const;

/** Every so many passes of a large cloud, the panel says how much has come. */
const passesTold = 16;
/** Notes when what was just put on the stage has been drawn, for whoever measures. */
function markDrawn(name: string, frame: number): void {
  requestAnimationFrame(() => requestAnimationFrame(() => performance.mark(name, { detail: frame })));
}

/** The sweep, its boxes, its neighbours in time, and the picture with the points on it. */
export class SceneTab implements TabView {
  readonly panel: HTMLElement;
  readonly busy = false;
  private readonly context: Context;
  private readonly colours: SweepColours;
  private readonly layer: SweepLayer;
  private readonly beside: BesideLayer | undefined;
  private readonly detectedBeside: DetectionsBeside | undefined;
  private readonly linking: Linking;
  private readonly objects: ObjectsLayer;
  private readonly clip: ClipTool;
  private readonly measure: MeasureTool;
  private readonly list: ObjectList;
  private outcomes: Outcomes | undefined;
  private readonly controls: ScenePanel;
  private readonly overlaid: OverlaidSweeps;
  private visible = false;
  private readonly repaint = eachFrame(() => this.paint());
  private readonly redraw = eachFrame(() => this.drawPicture());

  constructor(context: Context) {
    const { store, frame, stage } = context;
    this.context = context;
    const { title = '', sequence: second, hasDetections, classes } = context.session.beside ?? {};
    this.layer = new SweepLayer(stage, { side: second === undefined ? 'both' : 'left' });
    this.beside =
      second &&
      new BesideLayer(context, { title, sequence: second }, (sweep, from) =>
        this.colours.colours(sweep, store.state, { afterS: 0 }, from),
      );
    this.detectedBeside =
      context.session.hasDetections && hasDetections
        ? new DetectionsBeside(context, { title, classes }, () => this.whenVisible(() => this.drawBoxes()))
        : undefined;
    this.linking = new Linking(context);
    const { frames } = frame.sequence;
    this.colours = new SweepColours({
      hasClock: frames.some(({ timeS }) => timeS !== undefined),
      lengthUnit: lengthUnitOf(frame.sequence),
    });
    this.objects = new ObjectsLayer(context, () => this.redraw());
    this.clip = new ClipTool(context, () => this.whenVisible(() => this.clipped()));
    const hasObjects = context.session.hasDetections || frames.some(({ parts }) => parts.includes('labels'));
    this.measure = new MeasureTool(context);
    this.list = new ObjectList(context, (low, high) => this.clip.setBox(low, high));
    this.controls = scenePanel(context, {
      objects: this.objects.root,
      tools: [...(hasObjects ? [this.list.root] : []), this.clip.root],
      onRefit: () => {
        store.set({ low: undefined, high: undefined });
        this.colours.refit();
        this.repaint();
      },
    });
    this.panel = this.controls.root;
    this.overlaid = new OverlaidSweeps(context, {
      side: second === undefined ? 'both' : 'left',
      paintAfter: (afterS) => this.paintAfter(afterS),
      onTimes: (afterS) => this.colours.setTimes(afterS),
      tell: this.controls.tellNeighbours,
      onShown: () => this.timesShown(),
    });
    frame.on(['frame'], () =>
      this.whenVisible(() => {
        // They lie about the frame before.
        this.overlaid.clear();
        this.begin();
      }),
    );
    frame.on(['sweep'], () => this.whenVisible(() => this.takeSweep()));
    frame.on(['scene', 'picture'], () =>
      this.whenVisible(() => {
        this.drawBoxes();
        if (store.state.colour === 'picture') this.repaint();
        this.redraw();
      }),
    );
    frame.on(['released'], () =>
      this.whenVisible(() => {
        this.drawBoxes();
        this.controls.follow();
        // At once: the picture that it belongs to is drawn next.
        this.drawPicture();
      }),
    );
    store.on(['colour', 'map', 'categories', 'low', 'high'], () => this.whenVisible(() => this.repaint()));
    store.on([...boxKeys], () => this.whenVisible(() => this.drawBoxes()));
    store.on(['objects', 'detections', 'score'], () => this.whenVisible(() => void this.objects.show()));
    store.on(['onPicture'], () => this.whenVisible(() => this.redraw()));
    store.on(['neighbours', 'steady'], () => this.whenVisible(() => void this.overlaid.load()));
    store.on(['point'], () =>
      this.whenVisible(() => {
        this.showSelected();
        this.redraw();
      }),
    );
  }

  show(): void {
    this.visible = true;
    this.layer.visible = true;
    this.context.stage.setSplit(false);
    this.beside?.show(true);
    this.detectedBeside?.show(true);
    this.clip.show(true);
    this.measure.show(true);
    this.begin();
    this.takeSweep();
    this.drawBoxes();
  }

  hide(): void {
    this.visible = false;
    this.layer.visible = false;
    this.beside?.show(false);
    this.detectedBeside?.show(false);
    this.clip.show(false);
    this.measure.show(false);
    this.overlaid.clear();
    this.objects.clear();
    const { stage, legend, card, picture } = this.context;
    stage.setBoxes([]);
    stage.setTrails([]);
    stage.setFrusta([]);
    stage.setHighlight(undefined);
    picture.setHovered(undefined);
    picture.setLayers([{}]);
    legend.clear();
    card.clear();
  }

  hoverPoint(picked: Picked | undefined): void {
    if (this.measure.active) this.measure.hover(picked?.point);
    else this.linking.hoverRow(this.rowOf(picked));
  }

  clickPoint(picked: Picked | undefined): void {
    if (this.measure.active) this.measure.click(picked?.point);
    else this.select(this.rowOf(picked));
  }

  hoverPixel(pixel: Pixel | undefined): void {
    if (this.measure.active) {
      this.measure.hover(this.placeAt(pixel));
      return;
    }
    // Where maps are shown, their cells are meant.
    const place = this.objects.hover(pixel);
    if (place === undefined) this.linking.hoverRow(this.linking.rowAt(pixel));
    else this.linking.hoverPlace(place);
  }

  clickPixel(pixel: Pixel): void {
    if (this.measure.active) this.measure.click(this.placeAt(pixel));
    else this.select(this.linking.rowAt(pixel));
  }

  private rowOf(picked: Picked | undefined): number | undefined {
    return picked !== undefined && this.layer.owns(picked.cloud) ? picked.index : undefined;
  }

  private placeAt(pixel: Pixel | undefined): Triple | undefined {
    const row = this.linking.rowAt(pixel);
    return row === undefined ? undefined : this.context.frame.parts.sweep?.position(row);
  }

  private select(row: number | undefined): void {
    const { sweep } = this.context.frame.parts;
    this.context.store.set({ point: row === undefined ? undefined : sweep?.fileIndex[row] });
  }

  private whenVisible(run: () => void): void {
    if (this.visible) run();
  }

  /** Another frame was asked for: what is on the screen stays until there is something in its place. */
  private begin(): void {
    this.linking.hoverRow(undefined);
    this.controls.follow();
    void this.overlaid.load();
    void this.objects.show();
    void this.detectedBeside?.follow();
    this.redraw();
    if (this.context.frame.parts.sweep === undefined)
      this.context.stageStatus.later(`Loading frame ${this.context.frame.info.id}`);
  }

  private takeSweep(): void {
    const { frame, stageStatus, card } = this.context;
    const { sweep, problems } = frame.parts;
    if (problems.sweep !== undefined) {
      this.layer.clear();
      card.clear();
      stageStatus.problem(problems.sweep);
      return;
    }
    if (sweep === undefined) {
      stageStatus.later(`Loading frame ${frame.info.id}`);
      return;
    }
    if (sweep.complete) stageStatus.clear();
    else {
      const share = Math.floor((100 * sweep.filled) / sweep.count);
      stageStatus.later(
        `Loading frame ${frame.info.id}: ${share} % of ${sweep.count.toLocaleString('en')} points`,
      );
    }
    if (!this.layer.shows(sweep)) {
      this.setClip();
      markDrawn('pointpair:begun', sweep.frame);
    }
    this.layer.show(sweep, (each, from) => this.paintOf(each, from));
    // What comes for a while says how far it is.
    if (sweep.tiles !== undefined && !sweep.complete && sweep.tiles.passes.length % passesTold === 1) {
      this.controls.follow();
      this.drawLegend(sweep);
    }
    if (sweep.complete) {
      this.clip.follow();
      this.controls.follow();
      this.drawLegend(sweep);
      this.redraw();
      this.showSelected();
      void this.beside?.follow(sweep.origin);
      if (sweep.count === 0) stageStatus.empty('This sweep has no points');
      markDrawn('pointpair:shown', sweep.frame);
    }
  }

  /** Other points are shown of the same sweep. */
  private clipped(): void {
    this.setClip();
    this.drawBoxes();
    this.redraw();
  }

  private setClip(): void {
    const { clip } = this.clip;
    this.context.stage.setClip(clip);
    this.linking.setClip(clip);
  }

  private source(afterS = 0): ColourSource {
    return { afterS, seen: this.linking.seen(), picture: this.context.frame.parts.picture };
  }

  private paintOf(sweep: Sweep, from: number): Uint8Array {
    return this.colours.colours(sweep, this.context.store.state, this.source(), from);
  }

  private paint(): void {
    const { sweep } = this.context.frame.parts;
    if (!this.visible || sweep === undefined) return;
    this.layer.repaint((each, from) => this.paintOf(each, from));
    this.drawLegend(sweep);
    this.redraw();
    this.overlaid.repaint();
    this.beside?.repaint();
  }

  /** The paint of a sweep that was taken so many seconds later. */
  private paintAfter(afterS: number): Paint {
    return (sweep, from) => this.colours.colours(sweep, this.context.store.state, { afterS }, from);
  }

  private drawLegend(sweep: Sweep): void {
    const { legend, store } = this.context;
    const scale = this.colours.scale(sweep, store.state);
    const kinds = this.colours.categories(sweep, store.state);
    if (kinds !== undefined) legend.categories(kinds.name, kinds.categories);
    else if (scale === undefined) legend.clear();
    else legend.scale(scale.name, scale.range, store.state.map, scale.unit);
    this.controls.setScale(scale);
  }

  private drawBoxes(): void {
    const { frame, stage, store, session } = this.context;
    const { scene } = frame.parts;
    if (scene === undefined) {
      if (frame.holds) return;
      this.outcomes = undefined;
      this.controls.setOutcomes(undefined);
      this.list.set(undefined);
      if (frame.parts.problems.scene === undefined) return;
      stage.setBoxes([]);
      stage.setFrusta([]);
      stage.setTrails([]);
      this.controls.follow();
      return;
    }
    const { state } = store;
    const { labels, detections, outcomes } = state;
    // Of a frame without labels nobody knows what is missed.
    const isLabelled = frame.info.parts.includes('labels') && scene.problems.labels === undefined;
    const compares = session.hasDetections && labels && detections && outcomes && isLabelled;
    this.outcomes = compares ? sceneOutcomes(scene, state, session.classes) : undefined;
    this.controls.setOutcomes(this.outcomes);
    this.list.set(scene, this.outcomes);
    const { clip } = this.clip;
    const inClip = (boxes: readonly StageBox[]) =>
      clip === undefined ? boxes : boxes.filter(({ box }) => isInside(clip, ...box.center));
    const besides = this.detectedBeside?.boxes(this.outcomes);
    stage.setBoxes(inClip(stageBoxes(scene, state, this.outcomes)), besides && inClip(besides));
    const { camera } = scene;
    const { width, height } = camera ?? {};
    stage.setFrusta(camera && width && height ? [{ ...camera, width, height }] : []);
    void this.drawTrails();
    this.controls.follow();
    this.redraw();
  }

  private async drawTrails(): Promise<void> {
    const { frame, stage, store } = this.context;
    const { index } = frame;
    const hasTracks = frame.parts.scene?.labels.some(({ trackId }) => trackId !== undefined) ?? false;
    const isShown = () => this.visible && store.state.tracks && store.state.labels;
    if (!hasTracks || !isShown()) {
      stage.setTrails([]);
      return;
    }
    const trails = await trailsAbout(frame);
    if (frame.index === index && isShown()) stage.setTrails(trails);
  }

  /** Sweeps of other times are shown, which the scale of times reaches over. */
  private timesShown(): void {
    const { frame, store } = this.context;
    const { sweep } = frame.parts;
    if (sweep === undefined || store.state.colour !== 'time') return;
    this.layer.repaint((each, from) => this.paintOf(each, from));
    this.drawLegend(sweep);
  }

  private showSelected(): void {
    this.linking.showSelected(this.context.store.state.point);
  }

  private drawPicture(): void {
    const { frame, picture, store } = this.context;
    const { scene, problems } = frame.parts;
    // What lies over a picture stays with it until the next one is there.
    const isAwaited = frame.parts.picture === undefined && problems.picture === undefined;
    if (!this.visible || frame.holds || isAwaited) return;
    const layer: PictureLayer = {
      cells: this.objects.cells(),
      lines: scene === undefined ? [] : pictureBoxes(scene, store.state, this.outcomes),
      points: this.pointsOnPicture(),
      marks: this.linking.selectedMark(),
    };
    picture.setLayers([layer]);
  }

  private pointsOnPicture(): OffscreenCanvas | undefined {
    const { frame, store } = this.context;
    const { sweep, picture } = frame.parts;
    const seen = this.linking.seen();
    if (sweep === undefined || picture === undefined || seen === undefined) return undefined;
    if (store.state.onPicture === 'nothing') return undefined;
    const colours = new Uint8Array(4 * sweep.filled);
    if (store.state.onPicture === 'colours') colours.set(this.paintOf(sweep, 0));
    else {
      const depths = new Float32Array(sweep.filled).fill(Number.NaN);
      seen.rows.forEach((row, i) => {
        depths[row] = seen.depth[i];
      });
      colourValues(depths, rangeOf(seen.depth), { map: 'turbo', into: colours });
    }
    // Larger pictures are shown smaller.
    const sizePx = Math.max(3, Math.round(Math.max(picture.width / 414, picture.height / 200)));
    return pictureOfPoints(seen, colours, { width: picture.width, height: picture.height, sizePx });
  }
}
