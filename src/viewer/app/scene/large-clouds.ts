import { Matrix4 } from 'three';
import type { Clip } from '../../clip.ts';
import { DetailBudget } from './detail-budget.ts';
import type { Cloud } from './point-cloud.ts';
import type { View } from './views.ts';

/** All is still when nobody has moved for so long. */
const settledMs = 250;
/** How often a large cloud is drawn while it comes. */
const comingMs = 300;
const identity = new Matrix4();

/** How many of the points in view are drawn of large clouds. */
export interface DrawnDetail {
  readonly drawn: number;
  readonly seen: number;
}

/** Draws as much of large clouds as there is time for: little while one moves or they come, then more and more. */
export class LargeClouds {
  private readonly requestRender: () => void;
  private readonly budget = new DetailBudget();
  private movedMs = -Infinity;
  private measuring = false;
  private coming = false;
  private later: ReturnType<typeof setTimeout> | undefined;
  private settling: ReturnType<typeof setTimeout> | undefined;

  constructor(requestRender: () => void) {
    this.requestRender = requestRender;
  }

  /** The eye has moved. */
  moved(): void {
    this.movedMs = performance.now();
  }

  /** More points of one have come: drawing them at once would hold up the next ones. */
  grew(): void {
    this.later ??= setTimeout(() => {
      this.later = undefined;
      this.requestRender();
    }, comingMs);
  }

  /** Chooses what the next picture has of large clouds; undefined where there are none. */
  choose(clouds: Iterable<Cloud>, view: View, clip: Clip | undefined): DrawnDetail | undefined {
    const large = [...clouds].filter((cloud) => cloud.hasDetail && cloud.visible);
    if (large.length === 0) return undefined;
    // While points still come, they have the graphics card and the processor to themselves.
    this.coming = large.some(({ complete }) => !complete);
    const isMoving = this.coming || performance.now() - this.movedMs < settledMs;
    const budget = this.budget.next(isMoving) / large.length;
    const { clipFromWorld, orthographic } = view.projection;
    let [drawn, seen] = [0, 0];
    for (const cloud of large) {
      const clipFromPoints = new Matrix4().multiplyMatrices(clipFromWorld, cloud.matrix).elements;
      const own = cloud.matrix.equals(identity) ? clip : undefined;
      const detail = cloud.setDetail({ clipFromPoints, orthographic, clip: own }, budget);
      drawn += detail.drawn;
      seen += detail.seen;
    }
    return { drawn, seen };
  }

  /** Measures how long a picture takes by `whenDone`, and asks for one with more points once all is still. */
  follow({ drawn, seen }: DrawnDetail, whenDone: (tell: (ms: number | undefined) => void) => void): void {
    clearTimeout(this.settling);
    if (this.measuring) return;
    this.measuring = true;
    whenDone((ms) => {
      this.measuring = false;
      if (ms === undefined) return;
      this.budget.measured(drawn, ms);
      if (this.coming) return;
      const restMs = settledMs - (performance.now() - this.movedMs);
      if (restMs > 0) this.settling = setTimeout(() => this.requestRender(), restMs + 1);
      else if (drawn < seen && this.budget.grows(seen)) this.requestRender();
    });
  }

  /** Ends what was to be drawn later. */
  dispose(): void {
    clearTimeout(this.later);
    clearTimeout(this.settling);
  }
}
