import { transformPoint, transformPoints } from '../../../geometry/matrix.ts';
import { api, messageOf } from '../api.ts';
import type { Context, Picked, TabView } from '../context.ts';
import type { LinkLine } from '../picture/link-overlay.ts';
import type { PictureMark, Pixel } from '../picture/picture-pane.ts';
import type { Label } from '../scene/labels.ts';
import type { LineSet } from '../scene/line-set.ts';
import type { Cloud } from '../scene/point-cloud.ts';
import { DEFAULT_POSE, withAllInSight } from '../scene/pose.ts';
import { colourValues, heights, rangeOf } from '../sweep/colouring.ts';
import { byId, eachFrame } from '../widgets/dom.ts';
import {
  betaMatrix,
  extent,
  likenessColour,
  likenessMap,
  likenessRange,
  matchColour,
  matchLines,
  type Pairs,
  pairsOf,
  visibleMatches,
} from './match-lines.ts';
import { type MatchesPanel, matchesPanel } from './matches-panel.ts';
import { modelOf } from './models.ts';
import { watchWork } from './watch-work.ts';

/** From how high both views are looked at, radians above the horizon. */
const lookingDown = (40 * Math.PI) / 180;

/** What is compared in a frame: its two views with the matches between them, and the pixels where places are seen. */
export class MatchesTab implements TabView {
  readonly panel: HTMLElement;
  busy = false;
  private readonly context: Context;
  private readonly controls: MatchesPanel;
  private readonly lines: LineSet;
  private readonly hoveredLine: LineSet;
  private readonly setLinks: (links: readonly LinkLine[]) => void;
  private clouds: Cloud[] = [];
  private alphaPlaces: Cloud | undefined;
  private betaPlaces: Cloud | undefined;
  private pairs: Pairs | undefined;
  private matrix: Float64Array = new Float64Array(16);
  private loading = new AbortController();
  private visible = false;
  private hovered: number | undefined;
  private links: readonly LinkLine[] = [];
  /** Whether the eye is to be moved to where both views are seen. */
  private unposed = true;
  private readonly redraw = eachFrame(() => this.draw());

  constructor(context: Context, setLinks: (links: readonly LinkLine[]) => void) {
    const { store, frame, stage, run } = context;
    this.context = context;
    this.setLinks = setLinks;
    this.lines = stage.addLines({ widthPx: 1.6 });
    this.hoveredLine = stage.addLines({ widthPx: 3.5, hiddenOpacity: 1 });
    this.controls = matchesPanel(context);
    this.panel = this.controls.root;
    frame.on(['frame'], () => this.reload());
    store.on(['seed', 'model'], () => this.reload());
    run?.onChange(() => this.reloadIfOther());
    store.on(['layout'], () => {
      this.unposed = true;
      if (this.visible && this.pairs !== undefined) this.build(this.pairs);
    });
    store.on(['shortest', 'longest', 'wrong', 'matchColour', 'pixelLines'], () => this.redraw());
  }

  /** The eye is where somebody put it, and stays there. */
  keepPose(): void {
    this.unposed = false;
  }

  show(): void {
    this.visible = true;
    this.lines.visible = true;
    this.context.stage.setSplit(false);
    this.reload();
  }

  hide(): void {
    this.visible = false;
    this.busy = false;
    this.loading.abort();
    this.clear();
    this.lines.visible = false;
    this.setLinks([]);
    this.context.stageStatus.clear();
    this.context.legend.clear();
    this.context.stage.setHighlight(undefined);
  }

  hoverPoint(picked: Picked | undefined): void {
    if (picked === undefined || this.pairs === undefined) this.highlight(undefined);
    else if (picked.cloud === this.alphaPlaces) this.highlight(picked.index);
    else if (picked.cloud === this.betaPlaces) this.highlight(this.pairs.partner.indexOf(picked.index));
    else this.highlight(undefined);
  }

  clickPoint(): void {}

  hoverPixel(pixel: Pixel | undefined): void {
    this.highlight(pixel === undefined ? undefined : this.placeAt(pixel));
  }

  clickPixel(): void {}

  private reload(): void {
    if (this.visible) void this.load();
  }

  /** The newest checkpoint may be another one by now. */
  private reloadIfOther(): void {
    const { store, run } = this.context;
    if (this.pairs?.info.model !== modelOf(store.state, run?.info)) this.reload();
  }

  private async load(): Promise<void> {
    this.loading.abort();
    this.loading = new AbortController();
    const { signal } = this.loading;
    this.busy = true;
    await this.ask(signal);
    if (signal.aborted) return;
    this.busy = false;
    this.context.settled();
  }

  private async ask(signal: AbortSignal): Promise<void> {
    const { frame, store, stageStatus, run } = this.context;
    const model = modelOf(store.state, run?.info);
    const done = watchWork(stageStatus, 'Matching');
    try {
      const pairs = pairsOf(await api.pairs(frame.seen(), { seed: store.state.seed, model }, signal));
      if (signal.aborted) return;
      done();
      stageStatus.clear();
      this.build(pairs);
    } catch (error) {
      const message = messageOf(error);
      if (message === undefined || signal.aborted) return;
      this.clear();
      done();
      this.controls.problem(message);
      stageStatus.problem(message);
    } finally {
      done();
    }
  }

  private clear(): void {
    for (const cloud of this.clouds) cloud.dispose();
    this.clouds = [];
    this.context.stage.setCaptions([]);
    this.alphaPlaces = undefined;
    this.betaPlaces = undefined;
    this.pairs = undefined;
    this.hovered = undefined;
    this.controls.setHovered(undefined);
    this.context.stage.setHighlight(undefined);
    this.hoveredLine.set(new Float32Array(0), new Uint8Array(0));
    this.lines.set(new Float32Array(0), new Uint8Array(0));
    this.setLinks([]);
    this.context.picture.setLayers([{}]);
    this.context.picture.setHovered(undefined);
  }

  private build(pairs: Pairs): void {
    this.clear();
    const { store } = this.context;
    this.pairs = pairs;
    this.matrix = betaMatrix(pairs, store.state.layout);
    const over = store.state.layout === 'over';
    this.addPoints(pairs.alphaPoints, { tint: over ? [90, 169, 255] : undefined });
    this.addPoints(pairs.betaPoints, { matrix: this.matrix, tint: over ? [255, 180, 84] : undefined });
    const names = ['First view', 'Second view'];
    this.context.stage.setCaptions(over ? [] : this.clouds.map((cloud, k) => captionOf(cloud, names[k])));
    this.alphaPlaces = this.addPlaces(pairs.alpha);
    this.betaPlaces = this.addPlaces(transformPoints(this.matrix, pairs.beta, 3));
    this.controls.setPairs(pairs);
    this.draw();
    if (this.unposed) this.look();
    this.unposed = false;
  }

  /** Moves the eye to where all points of both views are just seen. */
  private look(): void {
    const { stage, store } = this.context;
    const points = this.clouds.map(placed);
    const { clientWidth, clientHeight } = byId('stage');
    const aspect = clientWidth / Math.max(1, clientHeight);
    stage.pose = withAllInSight({ ...DEFAULT_POSE, elevation: lookingDown }, points, { aspect });
    store.set({ view: 'perspective' });
  }

  /** The points of a view, quietly by height, or in one colour. */
  private addPoints(
    rows: Float32Array,
    { matrix, tint }: { readonly matrix?: Float64Array; readonly tint?: readonly [number, number, number] },
  ): void {
    const count = rows.length / 4;
    const positions = new Float32Array(3 * count);
    for (let i = 0; i < count; i++) positions.set(rows.subarray(4 * i, 4 * i + 3), 3 * i);
    const colours = new Uint8Array(4 * count);
    const height = heights(positions);
    colourValues(height, rangeOf(height), { map: 'grey', into: colours });
    if (tint !== undefined) for (let i = 0; i < count; i++) colours.set(tint, 4 * i);
    const cloud = this.context.stage.addCloud({ capacity: count, matrix, pickable: false, sizeFactor: 1.3 });
    cloud.append(positions, colours);
    this.clouds.push(cloud);
  }

  private addPlaces(positions: Float32Array): Cloud {
    const count = positions.length / 3;
    const cloud = this.context.stage.addCloud({ capacity: count, sizeFactor: 3 });
    cloud.append(positions, new Uint8Array(4 * count).fill(255));
    this.clouds.push(cloud);
    return cloud;
  }

  private draw(): void {
    const { pairs, alphaPlaces, betaPlaces, matrix } = this;
    const { store, legend } = this.context;
    const { state } = store;
    if (!this.visible || pairs === undefined) return;
    const seen = visibleMatches(pairs, state);
    const { segments, colours, dashed } = matchLines(pairs, seen, { matrix, state });
    this.lines.set(segments, colours, dashed);
    const alphaColours = new Uint8Array(4 * pairs.distanceM.length);
    const betaColours = new Uint8Array(4 * (pairs.beta.length / 3));
    for (const i of seen) {
      const colour = [...matchColour(pairs, i, state), 255];
      alphaColours.set(colour, 4 * i);
      betaColours.set(colour, 4 * pairs.partner[i]);
    }
    alphaPlaces!.setColours(alphaColours);
    betaPlaces!.setColours(betaColours);
    if (state.matchColour === 'similarity' && pairs.intraSimilarity !== undefined) {
      legend.scale('Likeness of both ends', likenessRange(pairs), likenessMap);
    } else {
      const views = state.layout === 'over' ? 'Blue points: first view, orange: second. ' : '';
      legend.words(`${views}Red: farther apart than ${pairs.info.gateM} m once the view is undone`);
    }
    this.controls.setVisible(seen);
    this.drawPicture(seen);
  }

  private drawPicture(seen: Int32Array): void {
    const { pairs } = this;
    const { picture, store } = this.context;
    if (pairs === undefined) return;
    const marks: PictureMark[] = [];
    const links: LinkLine[] = [];
    for (const i of seen) {
      if (pairs.inside[i] === 0) continue;
      const colour = `rgb(${this.pixelColour(pairs, i).join(' ')})`;
      marks.push({ pixel: this.pixelOf(i), colour, radius: 3.5 });
      links.push({ point: this.alphaPlace(i), pixel: this.pixelOf(i), colour });
    }
    picture.setLayers([{ marks }]);
    this.links = links;
    this.setLinks(store.state.pixelLines ? links : []);
  }

  /** Pixels take the similarity of picture and place, where there is one. */
  private pixelColour(pairs: Pairs, i: number): readonly [number, number, number] {
    const { state } = this.context.store;
    if (state.matchColour !== 'similarity' || pairs.crossSimilarity === undefined)
      return matchColour(pairs, i, state);
    return likenessColour(pairs.crossSimilarity, i);
  }

  private pixelOf(i: number): Pixel {
    return [this.pairs!.pixels[2 * i], this.pairs!.pixels[2 * i + 1]];
  }

  private alphaPlace(i: number): [x: number, y: number, z: number] {
    const { alpha } = this.pairs!;
    return [alpha[3 * i], alpha[3 * i + 1], alpha[3 * i + 2]];
  }

  private placeAt(pixel: Pixel): number | undefined {
    const { pairs } = this;
    if (pairs === undefined) return undefined;
    let best: number | undefined;
    let least = 14;
    for (const i of visibleMatches(pairs, this.context.store.state)) {
      const [u, v] = this.pixelOf(i);
      const distance = pairs.inside[i] === 1 ? Math.hypot(u - pixel[0], v - pixel[1]) : Infinity;
      if (distance >= least) continue;
      least = distance;
      best = i;
    }
    return best;
  }

  /** Shows one match on all sides. */
  private highlight(place: number | undefined): void {
    if (place === this.hovered) return;
    this.hovered = place;
    const { pairs } = this;
    const { stage, picture } = this.context;
    if (pairs === undefined || place === undefined || place < 0) {
      stage.setHighlight(undefined);
      picture.setHovered(undefined);
      this.controls.setHovered(undefined);
      this.hoveredLine.set(new Float32Array(0), new Uint8Array(0));
      this.setLinks(this.context.store.state.pixelLines ? this.links : []);
      return;
    }
    const at = 3 * pairs.partner[place];
    const [x, y, z] = pairs.beta.subarray(at, at + 3);
    stage.setHighlight(this.alphaPlace(place), '#ffffff');
    const inside = pairs.inside[place] === 1;
    const { pixelLines } = this.context.store.state;
    const own: LinkLine[] = inside
      ? [{ point: this.alphaPlace(place), pixel: this.pixelOf(place), colour: '#ffffff', strong: true }]
      : [];
    this.setLinks([...(pixelLines ? this.links : []), ...own]);
    picture.setHovered(
      inside ? { pixel: this.pixelOf(place), colour: '#ffffff', radius: 8, ring: true } : undefined,
    );
    const partner = transformPoint(this.matrix, [x, y, z]);
    this.hoveredLine.set(
      Float32Array.of(...this.alphaPlace(place), ...partner),
      Uint8Array.of(255, 255, 255, 255),
    );
    this.controls.setHovered(place);
  }
}

/** The points of a cloud in the world. */
function placed({ positions, matrix }: Cloud): Float32Array {
  return transformPoints(Float64Array.from(matrix.clone().transpose().elements), positions, 3);
}

/** A name at the near end of a cloud, on the ground. */
function captionOf(cloud: Cloud, text: string): Label {
  const points = placed(cloud);
  const [[nearest], [right, left], [bottom]] = [0, 1, 2].map((axis) => extent(points, axis, 3));
  return { text, at: [nearest, (left + right) / 2, bottom], look: 'chip' };
}
