import type { Frame } from '../../datasets/frame.ts';
import { frameOf, openSequence } from '../../datasets/open-sequence.ts';
import type { SequenceReference } from '../../datasets/open-sequences.ts';
import { Recent } from '../../datasets/recent.ts';
import type { Sequence } from '../../datasets/sequence.ts';
import { InputError } from '../../engine/input-error.ts';
import { createPretraining } from '../../training/create-pretraining.ts';
import { type Looking, lookingThrough } from '../../training/export-features.ts';
import { presetNames, presetOf } from '../../training/presets.ts';
import { fingerprintOf } from '../../training/run/checkpoint.ts';
import { readRunConfig } from '../../training/run/model-state.ts';
import type { ModelName, SimilarityQuery } from '../protocol.ts';
import type { Table } from '../table.ts';
import { Encoders, loadModel, RecentEncoders } from './encoders.ts';
import { pairsOf } from './pairs.ts';
import { type FrameFeatures, featuresOf, type Places, placesOf } from './places.ts';
import { principalColours } from './principal-colours.ts';
import { similaritiesWith } from './similarity.ts';

/** What is looked at, and how it is drawn; plain data. */
export interface LearnedSetting {
  readonly sequence: SequenceReference;
  /** The folder of the run whose models are looked through. */
  readonly run?: string;
  /** Where the run's data lies, if not where the run has it. */
  readonly dataRoot?: string;
  /** What pairs are drawn by without a run; `simipu-small` by default. */
  readonly preset?: string;
}

/** One question; frames go by their number in the sequence, and the sequence's first camera is meant where none is named. */
export type LearnedRequest = { readonly frame: number; readonly camera?: string } & (
  | { readonly kind: 'pairs'; readonly seed: number; readonly model?: ModelName }
  | { readonly kind: 'places' }
  | { readonly kind: 'colours'; readonly model: ModelName }
  | { readonly kind: 'similarity'; readonly model: ModelName; readonly query: SimilarityQuery }
);

/** What is being done for an answer, in words, and how much of it is done. */
export interface Stage {
  readonly doing: string;
  readonly done?: number;
  readonly total?: number;
}

/** What samples are drawn by, and a key that is another one for another configuration. */
interface Drawing {
  readonly looking: Looking;
  readonly drawnBy: string;
  readonly key: string;
}

const recentFrames = 4;
const recentFeatures = 12;
const recentModels = 3;
const each = () => 1;

/**
 * Answers questions about frames, one after the other: samples, places, and what models say of them. What was used last is
 * kept. Throws InputErrors for frames without picture or calibration, models that are not there, and numbers that are none.
 */
export class Answers {
  private readonly setting: LearnedSetting;
  private readonly say: (stage: Stage) => void;
  private sequence: Promise<Sequence> | undefined;
  private readonly frames = new Recent<Frame>(recentFrames, each);
  private readonly places = new Recent<Places>(recentFrames, each);
  private readonly features = new Recent<FrameFeatures>(recentFeatures, each);
  private readonly encoders = new RecentEncoders(recentModels);

  /** `say` hears of every stage before it is begun. */
  constructor(setting: LearnedSetting, say: (stage: Stage) => void = () => {}) {
    this.setting = setting;
    this.say = say;
  }

  async answer(request: LearnedRequest): Promise<Table> {
    switch (request.kind) {
      case 'pairs':
        return this.pairsOf(request);
      case 'places':
        return (await this.placesOf(request, await this.runDrawing())).table;
      case 'colours':
        return this.coloursOf(request);
      case 'similarity':
        return this.similarityOf(request);
    }
  }

  private async pairsOf(request: LearnedRequest & { kind: 'pairs' }): Promise<Table> {
    const { seed, model } = request;
    const { run } = this.setting;
    const drawing = run === undefined && model === undefined ? this.presetDrawing() : await this.runDrawing();
    const { looking, drawnBy } = drawing;
    if (looking.comparison === undefined) {
      const expected = 'a run that compares places of a frame, which have pairs';
      throw new InputError({ file: run ?? drawnBy, expected, found: 'another objective' });
    }
    const config = looking.comparison.view;
    const content = await this.frameOf(request);
    const through =
      model === undefined ? undefined : { model, encoders: await this.encodersOf(model, drawing) };
    this.say({ doing: `drawing and matching two views of frame ${content.id}` });
    return pairsOf(content, { config, drawnBy, seed, through });
  }

  private async coloursOf(request: LearnedRequest & { kind: 'colours' }): Promise<Table> {
    const { model } = request;
    const { places, features } = await this.featuresOf(request, model);
    this.say({ doing: 'turning features into colours' });
    const { across, cells, common } = features;
    const counts = (cell: number) => places.cellsOnPicture[cell] === 1;
    const colours = principalColours(across, cells, { common, counts });
    const { explained, ...arrays } = colours;
    return { info: { model, explained }, arrays };
  }

  private async similarityOf(request: LearnedRequest & { kind: 'similarity' }): Promise<Table> {
    const { model, query } = request;
    const { places, features } = await this.featuresOf(request, model);
    return { info: { model, query }, arrays: similaritiesWith(query, features, places.table.info) };
  }

  private async featuresOf(request: LearnedRequest, model: ModelName) {
    const drawing = await this.runDrawing();
    const places = await this.placesOf(request, drawing);
    const key = `${drawing.key} ${keyOf(request)} ${model}`;
    const features = await this.features.get(key, async () => {
      const encoders = await this.encodersOf(model, drawing);
      return featuresOf(places, encoders, (done, total) =>
        this.say({ doing: `running the encoders on frame ${places.table.info.id}`, done, total }),
      );
    });
    return { places, features };
  }

  private async placesOf(
    request: LearnedRequest,
    { looking: { encoders }, drawnBy, key }: Drawing,
  ): Promise<Places> {
    return this.places.get(`${key} ${keyOf(request)}`, async () => {
      const frame = await this.frameOf(request);
      this.say({ doing: `drawing the places of frame ${frame.id}` });
      return placesOf(frame, { encoders, drawnBy });
    });
  }

  private encodersOf(model: ModelName, { looking, key }: Drawing): Promise<Encoders> {
    const { run, dataRoot } = this.setting;
    return this.encoders.get(`${key} ${model}`, async () => {
      const name = model === 'before' ? 'the untrained model' : `the model of step ${model}`;
      this.say({ doing: `loading ${name}` });
      const onStatistics = (frames: number) =>
        this.say({ doing: `preparing the untrained model on ${frames} training frames` });
      const weights = await loadModel({ run: run!, dataRoot }, model, onStatistics);
      this.say({ doing: `compiling the encoders of ${name}` });
      return Encoders.open(looking, weights);
    });
  }

  private async frameOf(request: LearnedRequest): Promise<Frame> {
    const { frame: index, camera } = request;
    this.sequence ??= openSequence(this.setting.sequence).catch((error: unknown) => {
      this.sequence = undefined;
      throw error;
    });
    const sequence = await this.sequence;
    if (sequence.moments[index] === undefined) {
      throw new InputError({
        file: sequence.root,
        place: 'frame number',
        expected: `one from 0 to ${sequence.moments.length - 1}`,
        found: `${index}`,
      });
    }
    this.say({ doing: `reading frame ${sequence.moments[index].id}` });
    const cameras = camera === undefined ? undefined : [camera];
    return this.frames.get(keyOf(request), () => frameOf(sequence, index, { cameras }));
  }

  /** The run's configuration, read anew: a run may be begun again in the same folder. */
  private async runDrawing(): Promise<Drawing> {
    const { run, sequence } = this.setting;
    if (run === undefined) {
      const expected = 'a run, whose models say what places look like';
      throw new InputError({ file: sequence.path, expected, found: 'data alone' });
    }
    const { config, data } = await readRunConfig(run);
    return {
      looking: lookingThrough(createPretraining(config, config.batchSize)),
      drawnBy: "the run's configuration",
      key: fingerprintOf({ config, data }),
    };
  }

  private presetDrawing(): Drawing {
    const name = this.setting.preset ?? 'simipu-small';
    const looking = pairsOfPreset(name);
    if (looking !== undefined) return { looking, drawnBy: `preset ${name}`, key: name };
    const known = presetNames.filter((each) => pairsOfPreset(each) !== undefined);
    throw new InputError({ file: 'preset', expected: `one of ${known.join(', ')}`, found: name });
  }
}

/** A frame as a camera sees it, by a name. */
function keyOf({ frame, camera }: LearnedRequest): string {
  return `${frame} ${camera ?? ''}`;
}

/** How frames are looked at through a preset's encoders; undefined for one that there is not, or that compares no places. */
function pairsOfPreset(name: string): Looking | undefined {
  const config = presetOf(name);
  const looking = config && lookingThrough(createPretraining(config, config.batchSize));
  return looking?.comparison === undefined ? undefined : looking;
}
