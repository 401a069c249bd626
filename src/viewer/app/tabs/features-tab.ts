import type { ModelName, PlacesTable, SimilarityQuery } from '../../protocol.ts';
import { messageOf, type RunApi, type Seen } from '../api.ts';
import type { Context, Picked, TabView } from '../context.ts';
import { Linking } from '../picture/linking.ts';
import type { PictureCells, PictureLayer, PictureMark, Pixel } from '../picture/picture-pane.ts';
import type { Side } from '../scene/side.ts';
import { colourValues, rangeOf, type ValueRange } from '../sweep/colouring.ts';
import type { Sweep } from '../sweep/sweep.ts';
import { SweepLayer } from '../sweep/sweep-layer.ts';
import { byId, eachFrame } from '../widgets/dom.ts';
import {
  cellAt,
  likenessColours,
  type NearestPlaces,
  placeOfPoint,
  spreadColours,
} from './feature-colours.ts';
import { type FeaturesPanel, featuresPanel } from './features-panel.ts';
import type { LiveRun } from './live-run.ts';
import { likenessMap } from './match-lines.ts';
import { comparedWith, modelBeside, modelName, modelOf } from './models.ts';
import { watchWork } from './watch-work.ts';

/** A model that is asked. */
interface Asked {
  readonly api: RunApi;
  readonly model: ModelName;
  /** What stands above its half of the stage where there are two. */
  readonly caption: string;
  /** Whether it is the chosen one, not what that is shown beside. */
  readonly isChosen: boolean;
}

/** What a model says of a frame: colours or likeness of its places (rows of 3, or 1), and of the picture's cells. */
interface Answer extends Asked {
  /** The places that its encoders look at. */
  readonly at: Places;
  readonly kind: 'colours' | 'similarity';
  readonly places: Uint8Array | Float32Array;
  readonly cells: Uint8Array | Float32Array;
  readonly explained?: readonly number[];
}

interface Places extends NearestPlaces {
  readonly info: PlacesTable['info'];
  readonly places: Float32Array;
  readonly pixels: Float32Array;
  readonly cellPixels: Float32Array;
}

/** How much of the picture shows through the cells. */
const cellAlpha = 150;
const queryColour = '#ffffff';
/** Points out of the encoders' reach: there, but behind the rest. */
const beyondColours = { dark: [58, 63, 73], light: [196, 201, 210] } as const;

/** What the encoders make of a frame: features as colours, or the likeness of everything to what was clicked. */
export class FeaturesTab implements TabView {
  readonly panel: HTMLElement;
  busy = false;
  private readonly context: Context;
  private readonly linking: Linking;
  private readonly layers: { readonly [Of in Side]: SweepLayer };
  private readonly controls: FeaturesPanel;
  private readonly run: LiveRun;
  private readonly other: LiveRun | undefined;
  /** The places of the chosen model, which clicks mean. */
  private places: Places | undefined;
  private answers: readonly Answer[] = [];
  private loading = new AbortController();
  private visible = false;
  private readonly paint = eachFrame(() => this.draw());

  /** Features of a run, beside those of another one where there is one. */
  constructor(context: Context, run: LiveRun, other?: LiveRun) {
    const { store, frame, stage } = context;
    this.context = context;
    this.run = run;
    this.other = other;
    this.linking = new Linking(context);
    const layer = (side: Side) => new SweepLayer(stage, { side });
    this.layers = { both: layer('both'), left: layer('left'), right: layer('right') };
    this.controls = featuresPanel(store, run, other && context.session.beside?.title);
    this.panel = this.controls.root;
    frame.on(['frame'], () => {
      this.drop();
      this.reload();
    });
    frame.on(['sweep', 'scene', 'picture'], () => this.paint());
    store.on(['theme'], () => this.repaint());
    for (const each of [run, other]) each?.onChange(() => this.reloadIfOther());
    store.on(['model', 'show', 'place', 'cell', 'compare'], () => this.reload());
  }

  show(): void {
    this.visible = true;
    this.reload();
  }

  hide(): void {
    this.visible = false;
    this.busy = false;
    this.loading.abort();
    this.drop();
    const { stage, stageStatus, legend, picture } = this.context;
    stage.setSplit(false);
    stage.setHighlight(undefined);
    stageStatus.clear();
    legend.clear();
    picture.setHovered(undefined);
    picture.setLayers([{}]);
    byId('stage-sides').hidden = true;
  }

  hoverPoint(picked: Picked | undefined): void {
    const own = picked !== undefined && Object.values(this.layers).some((layer) => layer.owns(picked.cloud));
    this.linking.hoverRow(own ? picked.index : undefined);
    if (picked === undefined) this.markQuery();
  }

  clickPoint(picked: Picked | undefined): void {
    const { sweep } = this.context.frame.parts;
    if (picked === undefined || sweep === undefined || this.places === undefined) return;
    const place = placeOfPoint(this.places, sweep.fileIndex[picked.index]);
    if (place !== undefined) this.ask({ place, cell: undefined });
  }

  hoverPixel(pixel: Pixel | undefined): void {
    this.linking.hoverRow(this.linking.rowAt(pixel));
    if (pixel === undefined) this.markQuery();
  }

  clickPixel(pixel: Pixel): void {
    if (this.places !== undefined)
      this.ask({ place: undefined, cell: cellAt(this.places.cellPixels, pixel) });
  }

  private ask(query: { readonly place: number | undefined; readonly cell: number | undefined }): void {
    this.context.store.set({ ...query, show: 'similarity' });
  }

  private reload(): void {
    if (this.visible) void this.begin();
  }

  /** The newest checkpoint may be another one by now. */
  private reloadIfOther(): void {
    const namesOf = (asked: readonly Asked[]) => asked.map(({ caption }) => caption).join();
    if (namesOf(this.answers) !== namesOf(this.asked())) this.reload();
  }

  /** The models to ask, from left to right. */
  private asked(): Asked[] {
    const { run, other } = this;
    const { session, store } = this.context;
    const model = modelOf(store.state, run.info);
    if (model === undefined) return [];
    const { api } = run;
    const compared = comparedWith(store.state, other !== undefined);
    const words = modelName(model).toLowerCase();
    if (compared === 'untrained' && model !== 'before') {
      return [
        { api, model: 'before', caption: modelName('before'), isChosen: false },
        { api, model, caption: `After training: ${words}`, isChosen: true },
      ];
    }
    const chosen = { api, model, caption: `${session.title}: ${words}`, isChosen: true };
    if (compared !== 'run' || other === undefined) return [chosen];
    const second = modelBeside(model, other.info);
    const caption = `${session.beside!.title}: ${modelName(second).toLowerCase()}`;
    return [chosen, { api: other.api, model: second, caption, isChosen: false }];
  }

  /** Answers about a frame say nothing of another one. */
  private drop(): void {
    for (const layer of Object.values(this.layers)) layer.clear();
    this.answers = [];
    this.places = undefined;
    if (this.visible) this.context.picture.setLayers([{}]);
  }

  private repaint(): void {
    for (const layer of Object.values(this.layers)) layer.clear();
    this.paint();
  }

  private async begin(): Promise<void> {
    this.loading.abort();
    this.loading = new AbortController();
    const { signal } = this.loading;
    this.busy = true;
    await this.load(signal);
    if (signal.aborted) return;
    this.busy = false;
    this.context.settled();
  }

  private async load(signal: AbortSignal): Promise<void> {
    const { frame, stageStatus } = this.context;
    const asked = this.asked();
    if (asked.length === 0) return;
    const seen = frame.seen();
    const done = watchWork(stageStatus, 'Asking the encoders');
    try {
      const places = await placesBy(this.run.api, seen, signal);
      const answers: Answer[] = [];
      for (const each of asked) {
        const at = each.api === this.run.api ? places : await placesBy(each.api, seen, signal);
        answers.push(await this.answer(seen, each, { places, at }, signal));
      }
      if (signal.aborted) return;
      done();
      this.places = places;
      this.answers = answers;
      stageStatus.clear();
      for (const layer of Object.values(this.layers)) layer.clear();
      this.draw();
    } catch (error) {
      const message = messageOf(error);
      if (message === undefined || signal.aborted) return;
      this.answers = [];
      for (const layer of Object.values(this.layers)) layer.clear();
      done();
      stageStatus.problem(message);
      this.draw();
    } finally {
      done();
    }
  }

  private async answer(
    frame: Seen,
    asked: Asked,
    { places, at }: { readonly places: Places; readonly at: Places },
    signal: AbortSignal,
  ): Promise<Answer> {
    const { api, model } = asked;
    const { show, place, cell } = this.context.store.state;
    const query = place !== undefined ? { place } : cell !== undefined ? { cell } : undefined;
    if (show === 'similarity' && query !== undefined) {
      const { arrays } = await api.similarity(frame, model, queryAt(query, places, at), signal);
      return { ...asked, at, kind: 'similarity', ...(arrays as Pick<Answer, 'places' | 'cells'>) };
    }
    const { info, arrays } = await api.colours(frame, model, signal);
    return {
      ...asked,
      at,
      kind: 'colours',
      explained: info.explained,
      ...(arrays as Pick<Answer, 'places' | 'cells'>),
    };
  }

  private draw(): void {
    if (!this.visible) return;
    const { frame, stage, picture } = this.context;
    const { sweep } = frame.parts;
    const split = this.answers.length === 2;
    stage.setSplit(split);
    byId('stage-sides').hidden = !split;
    if (split) {
      byId('stage-left').textContent = this.answers[0].caption;
      byId('stage-right').textContent = this.answers[1].caption;
    }
    if (sweep !== undefined && this.places !== undefined) {
      this.answers.forEach((answer, k) => {
        const side = split ? (k === 0 ? 'left' : 'right') : 'both';
        this.layers[side].show(sweep, (each, from) => this.paintOf(each, from, answer));
      });
    }
    picture.setLayers(
      this.answers.length === 0 ? [{}] : this.answers.map((answer) => this.pictureLayer(answer, split)),
    );
    this.describe();
    this.markQuery();
  }

  private paintOf(sweep: Sweep, from: number, { at, kind, places }: Answer): Uint8Array {
    const beyond = beyondColours[this.context.store.state.theme];
    const painting = { places: at, sweep, from, beyond };
    return kind === 'colours'
      ? spreadColours(places as Uint8Array, painting)
      : likenessColours(places as Float32Array, this.likeness('places'), painting);
  }

  private pictureLayer(
    { at: { info, cellPixels }, caption: name, kind, cells }: Answer,
    split: boolean,
  ): PictureLayer {
    const { cellColumns: columns, cellRows: rows } = info;
    const caption = split ? name : undefined;
    // Encoders that have no common space say nothing of the picture's cells where a place was clicked.
    if (cells.length === 0) return { caption, marks: this.queryMarks() };
    const colours = new Uint8ClampedArray(4 * columns * rows);
    if (kind === 'colours') {
      for (let cell = 0; cell < columns * rows; cell++)
        colours.set(cells.subarray(3 * cell, 3 * cell + 3), 4 * cell);
    } else {
      const into = new Uint8Array(colours.buffer);
      colourValues(cells as Float32Array, this.likeness('cells'), { map: likenessMap, into });
    }
    for (let alpha = 3; alpha < colours.length; alpha += 4) colours[alpha] = cellAlpha;
    const last = cellPixels.length - 2;
    const grid: PictureCells = {
      columns,
      rows,
      colours,
      first: [cellPixels[0], cellPixels[1]],
      last: [cellPixels[last], cellPixels[last + 1]],
      // What the encoder says of a cell it says of all of it.
      crisp: true,
    };
    return { cells: [grid], caption, marks: this.queryMarks() };
  }

  /** The ends of the likeness of what is shown, the same ones for both models. */
  private likeness(of: 'places' | 'cells'): ValueRange {
    return rangeOf(this.answers.flatMap((answer) => [...answer[of]]));
  }

  private queryMarks(): PictureMark[] {
    const { place, cell, show } = this.context.store.state;
    if (show !== 'similarity' || this.places === undefined) return [];
    const mark = (pixel: Pixel): PictureMark => ({ pixel, colour: queryColour, radius: 8, ring: true });
    if (cell !== undefined && 2 * cell < this.places.cellPixels.length) {
      return [mark([this.places.cellPixels[2 * cell], this.places.cellPixels[2 * cell + 1]])];
    }
    const pixel = place === undefined ? [] : this.places.pixels.subarray(2 * place, 2 * place + 2);
    return pixel.length === 2 && Number.isFinite(pixel[0]) ? [mark([pixel[0], pixel[1]])] : [];
  }

  /** Rings the place that was clicked. */
  private markQuery(): void {
    const { place, show } = this.context.store.state;
    const { stage } = this.context;
    if (show !== 'similarity' || place === undefined || this.places === undefined) {
      stage.setHighlight(undefined);
      return;
    }
    const { places } = this.places;
    if (3 * place + 2 < places.length) {
      stage.setHighlight([places[3 * place], places[3 * place + 1], places[3 * place + 2]], queryColour);
    }
  }

  private describe(): void {
    const { legend, store } = this.context;
    const answer = this.answers.find(({ isChosen }) => isChosen);
    const { places } = this;
    if (answer === undefined || places === undefined) {
      legend.clear();
      this.controls.describe(undefined);
      return;
    }
    const alike = answer.kind === 'similarity';
    if (alike) legend.scale('Likeness to what was clicked', this.likeness('places'), likenessMap);
    else legend.words('Similar colours mean similar features, in space and on the picture');
    this.controls.describe({
      model: answer.model,
      places: places.places.length / 3,
      info: places.info,
      asked: alike ? (store.state.cell === undefined ? 'place' : 'cell') : undefined,
      likenessOfCells: alike ? this.likeness('cells') : undefined,
      explained: answer.explained,
    });
  }
}

async function placesBy(api: RunApi, frame: Seen, signal: AbortSignal): Promise<Places> {
  const { info, arrays } = await api.places(frame, signal);
  return { info, ...arrays } as unknown as Places;
}

/** A question about some places as one about others of the same frame: the nearest one, or the cell at the same pixel. */
function queryAt(query: SimilarityQuery, from: Places, at: Places): SimilarityQuery {
  if (from === at) return query;
  if ('cell' in query) {
    const { cell } = query;
    return { cell: cellAt(at.cellPixels, [from.cellPixels[2 * cell], from.cellPixels[2 * cell + 1]]) ?? 0 };
  }
  const of = 3 * query.place;
  let [place, nearest] = [0, Infinity];
  for (let k = 0; 3 * k < at.places.length; k++) {
    const distance = Math.hypot(...[0, 1, 2].map((axis) => at.places[3 * k + axis] - from.places[of + axis]));
    if (distance < nearest) [place, nearest] = [k, distance];
  }
  return { place };
}
