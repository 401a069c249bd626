import type { CurrentFrame } from '../current-frame.ts';
import type { Store } from '../store.ts';
import { button } from './controls.ts';
import { byId, eachFrame, element, icon } from './dom.ts';
import { gapsOf, nextDelayMs } from './playback.ts';

const speeds = [0.1, 0.25, 0.5, 1, 2, 5];

/** Play, pause, step and scrub over the frames; gaps in time are marked, and bridged at the speed of the rest. */
export class Timeline {
  private readonly frame: CurrentFrame;
  private readonly store: Store;
  private readonly isBusy: () => boolean;
  private readonly scrubber: HTMLInputElement;
  private readonly count = element('span', { class: 'count' });
  private readonly play: HTMLButtonElement;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `isBusy` says whether something of the present frame is still being computed; who ends that calls `arrived`. */
  constructor(frame: CurrentFrame, store: Store, isBusy: () => boolean) {
    this.isBusy = isBusy;
    this.frame = frame;
    this.store = store;
    const { frames } = frame.sequence;
    const scrub = eachFrame(() => frame.goTo(Number(this.scrubber.value)));
    this.scrubber = element('input', {
      type: 'range',
      min: 0,
      max: frames.length - 1,
      step: 1,
      'aria-label': 'Frame',
      input: () => {
        this.pause();
        scrub();
      },
    });
    this.play = button('Play', () => this.toggle(), { icon: 'play', hint: 'Play or pause (space)' });
    frame.on(['frame'], () => this.follow());
    frame.on(['released'], () => this.arrived());
    if (frames.length < 2) return;
    byId('timeline').replaceChildren(
      button('Frame before', () => this.step(-1), { icon: 'back', hint: 'Frame before (,)' }),
      this.play,
      button('Next frame', () => this.step(1), { icon: 'forward', hint: 'Next frame (.)' }),
      element('div', { class: 'track' }, ticksOf(frame), this.scrubber),
      this.count,
      this.speedSelect(),
    );
  }

  get playing(): boolean {
    return this.play.dataset.playing === 'yes';
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.start();
  }

  step(by: number): void {
    this.pause();
    this.frame.goTo(this.frame.index + by);
  }

  private start(): void {
    const { frames } = this.frame.sequence;
    if (frames.length < 2) return;
    this.play.dataset.playing = 'yes';
    this.play.replaceChildren(icon('pause'));
    if (this.frame.index === frames.length - 1) this.frame.goTo(0);
    else this.schedule();
  }

  private pause(): void {
    this.play.dataset.playing = 'no';
    this.play.replaceChildren(icon('play'));
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** The next frame comes when its time has come and this one has been seen, with whatever is computed of it. */
  arrived(): void {
    const isSeen = this.frame.isSettled && !this.isBusy();
    if (this.playing && this.timer === undefined && isSeen) this.schedule();
  }

  private schedule(): void {
    const { index, sequence } = this.frame;
    this.frame.prefetch(index + 1);
    this.frame.prefetch(index + 2);
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        if (!this.playing) return;
        if (index + 1 >= sequence.frames.length) this.pause();
        else this.frame.goTo(index + 1);
      },
      nextDelayMs(sequence.frames, index, this.store.state.speed),
    );
  }

  private follow(): void {
    const { index, sequence, info } = this.frame;
    this.scrubber.value = String(index);
    const time = info.timeS === undefined ? '' : `  ${info.timeS.toFixed(1)} s`;
    this.count.textContent = `${index + 1} / ${sequence.frames.length}${time}`;
  }

  private speedSelect(): HTMLElement {
    const input = element(
      'select',
      {
        'aria-label': 'Speed',
        name: 'speed',
        change: () => this.store.set({ speed: Number(input.value) }),
      },
      ...speeds.map((speed) => element('option', { value: speed }, `${speed} ×`)),
    );
    const follow = () => {
      input.value = String(this.store.state.speed);
    };
    follow();
    this.store.on(['speed'], follow);
    return input;
  }
}

/** A tick for each frame, of which those that lack something stand out, and a bar where frames are missing in between. */
function ticksOf({ sequence }: CurrentFrame): HTMLElement {
  const { frames } = sequence;
  const at = (index: number) => (100 * index) / (frames.length - 1);
  const step = Math.max(1, Math.ceil(frames.length / 400));
  // What is so of all frames marks none of them.
  const common = new Set(frames[0].notes.filter((note) => frames.every(({ notes }) => notes.includes(note))));
  return element(
    'div',
    { class: 'ticks' },
    ...gapsOf(frames).map(({ after, seconds }) => {
      const gap = element('i', { class: 'gap', title: `${seconds.toFixed(1)} s are missing` });
      gap.style.left = `${at(after)}%`;
      gap.style.width = `${at(1)}%`;
      return gap;
    }),
    ...frames.flatMap(({ notes, parts }, index) => {
      const partial = notes.some((note) => !common.has(note)) || !parts.includes('sweep');
      if (index % step !== 0 && !partial) return [];
      const tick = element('i', { class: partial ? 'partial' : '', title: notes.join('; ') || undefined });
      tick.style.left = `${at(index)}%`;
      return [tick];
    }),
  );
}
