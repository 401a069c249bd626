import type { FrameInfo, SceneInfo, SequenceInfo } from '../protocol.ts';
import { api, messageOf, type Seen } from './api.ts';
import type { Store } from './store.ts';
import type { Sweep } from './sweep/sweep.ts';
import type { Sweeps } from './sweep/sweeps.ts';

/** The events that listeners receive: another frame, more of the present one, or that what is shown of the frame before may go. */
export type FrameEvent = 'frame' | 'sweep' | 'scene' | 'picture' | 'released';

/** So long, milliseconds, does what is shown of a frame stay for the next one to be complete. */
const longestHoldMs = 2500;

/** What there is of the present frame. A part that has not come yet, or cannot, is undefined; then `problems` may say why. */
export interface FrameParts {
  readonly sweep?: Sweep;
  readonly scene?: SceneInfo;
  readonly picture?: ImageBitmap;
  readonly problems: { readonly sweep?: string; readonly scene?: string; readonly picture?: string };
}

/** The frame that is looked at, whose parts come one after the other. */
export class CurrentFrame {
  readonly sequence: SequenceInfo;
  index = 0;
  parts: FrameParts = { problems: {} };
  /** Whether picture, labels and counts of the frame before stay on the screen, because parts of this one are missing still. */
  holds = false;
  /** Whether each part of this frame has come or failed. */
  isSettled = false;
  private readonly store: Store;
  private readonly sweeps: Sweeps;
  private readonly onMissing: (frame: string) => void;
  private readonly pictures = new Map<string, Promise<ImageBitmap>>();
  private readonly scenes = new Map<string, Promise<SceneInfo>>();
  private readonly listeners: Array<{
    readonly events: readonly FrameEvent[];
    readonly listener: () => void;
  }> = [];
  private loading: AbortController | undefined;
  /** What the present picture is kept by. */
  private asked = '';
  private releasing: ReturnType<typeof setTimeout> | undefined;

  /** `onMissing` hears of a frame that the state names and that is not there; the first one is shown in its place. */
  constructor(
    sequence: SequenceInfo,
    { store, sweeps, onMissing }: { store: Store; sweeps: Sweeps; onMissing: (frame: string) => void },
  ) {
    this.sequence = sequence;
    this.onMissing = onMissing;
    this.store = store;
    this.sweeps = sweeps;
    store.on(['frame', 'camera'], () => this.open());
  }

  get info(): FrameInfo {
    return this.sequence.frames[this.index];
  }

  /** The camera that is looked at by name; undefined where the sequence has none. */
  get camera(): string | undefined {
    const { cameras } = this.sequence;
    return cameras.find((name) => name === this.store.state.camera) ?? cameras[0];
  }

  /** Whether the frame has a picture of the camera that is looked at. */
  get hasPicture(): boolean {
    return this.hasPictureOf(this.info);
  }

  /** The frame and its camera, as the server is asked. */
  seen(index = this.index): Seen {
    return { frame: index, camera: this.camera };
  }

  on(events: readonly FrameEvent[], listener: () => void): void {
    this.listeners.push({ events, listener });
  }

  /** Goes to a frame by its number. */
  goTo(index: number): void {
    const frame = this.sequence.frames[Math.max(0, Math.min(this.sequence.frames.length - 1, index))];
    this.store.set({ frame: frame.id, point: undefined, place: undefined, cell: undefined });
  }

  /** Loads the frame that the state names, the first one if it names none. */
  open(): void {
    const { frame: name } = this.store.state;
    const found = this.sequence.frames.findIndex(({ id }) => id === name);
    this.index = found < 0 ? this.sequence.first : found;
    if (found < 0 && name !== '') this.onMissing(name);
    this.holds = this.loading !== undefined;
    // A picture that is given up here would be taken for one that comes.
    if (!this.isSettled) this.pictures.delete(this.asked);
    this.asked = keyOf(this.seen());
    this.isSettled = false;
    this.loading?.abort();
    const loading = new AbortController();
    this.loading = loading;
    this.parts = { problems: {} };
    performance.mark('pointpair:asked', { detail: this.index });
    this.tell('frame');
    const { index } = this;
    const { parts } = this.info;
    const settle = <Part extends FrameEvent>(
      part: Part,
      loaded: Promise<FrameParts[Part & keyof FrameParts]>,
    ) =>
      loaded.then(
        (value) => this.take(loading, part, value),
        (error: unknown) => this.fail(loading, part as 'sweep' | 'scene' | 'picture', messageOf(error)),
      );
    const settled = [settle('scene', this.scene(index))];
    if (parts.includes('sweep')) {
      const onPass = (sweep: Sweep) => this.take(loading, 'sweep', sweep);
      settled.push(settle('sweep', this.sweeps.load(index, { onPass, signal: loading.signal })));
    } else this.fail(loading, 'sweep', 'This frame has no sweep');
    if (this.hasPicture) settled.push(settle('picture', this.picture(index, loading.signal)));
    else this.fail(loading, 'picture', 'This frame has no picture');
    void Promise.all(settled).then(() => this.release(loading, true));
    clearTimeout(this.releasing);
    this.releasing = setTimeout(() => this.release(loading, false), longestHoldMs);
  }

  /** Loads what is likely to be wanted next. */
  prefetch(index: number): void {
    const frame = this.sequence.frames[index];
    if (frame === undefined) return;
    const ignore = () => {};
    if (frame.parts.includes('sweep')) this.sweeps.load(index).catch(ignore);
    if (this.hasPictureOf(frame)) this.picture(index).catch(ignore);
    this.scene(index).catch(ignore);
  }

  /** Camera and boxes of any frame. */
  scene(index: number): Promise<SceneInfo> {
    const seen = this.seen(index);
    return kept(this.scenes, keyOf(seen), 400, () => api.scene(seen));
  }

  /** The sweep of any frame. */
  sweep(index: number): Promise<Sweep> {
    return this.sweeps.load(index);
  }

  private picture(index: number, signal?: AbortSignal): Promise<ImageBitmap> {
    const seen = this.seen(index);
    return kept(this.pictures, keyOf(seen), 24, () => api.picture(seen, signal));
  }

  private hasPictureOf({ parts, pictures }: FrameInfo): boolean {
    const { camera } = this;
    if (camera === undefined || camera === this.sequence.cameras[0]) return parts.includes('picture');
    return pictures.includes(camera);
  }

  private release(loading: AbortController, isSettled: boolean): void {
    if (loading !== this.loading || (!isSettled && !this.holds)) return;
    this.isSettled ||= isSettled;
    this.holds = false;
    this.tell('released');
  }

  private take(loading: AbortController, part: FrameEvent, value: unknown): void {
    if (loading !== this.loading) return;
    this.parts = { ...this.parts, [part]: value };
    this.tell(part);
  }

  private fail(
    loading: AbortController,
    part: 'sweep' | 'scene' | 'picture',
    message: string | undefined,
  ): void {
    if (loading !== this.loading || message === undefined) return;
    this.parts = { ...this.parts, problems: { ...this.parts.problems, [part]: message } };
    this.tell(part);
  }

  private tell(event: FrameEvent): void {
    for (const { events, listener } of this.listeners) if (events.includes(event)) listener();
  }
}

/** The value of a key, made once; the oldest go when there are more than `limit`, and what fails is forgotten. */
function kept<Value>(
  values: Map<string, Promise<Value>>,
  key: string,
  limit: number,
  make: () => Promise<Value>,
): Promise<Value> {
  const known = values.get(key);
  if (known !== undefined) return known;
  const made = make();
  values.set(key, made);
  made.catch(() => values.delete(key));
  const [oldest] = values.keys();
  if (values.size > limit) values.delete(oldest);
  return made;
}

function keyOf({ frame, camera }: Seen): string {
  return `${frame} ${camera ?? ''}`;
}
