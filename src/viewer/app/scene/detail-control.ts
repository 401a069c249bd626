import { Matrix4 } from 'three';
import type { Clip } from '../../clip.ts';
import { DetailBudget } from './detail-budget.ts';
import type { Painter } from './painter.ts';
import type { Cloud } from './point-cloud.ts';
import type { View } from './views.ts';

/** How many of the points that are seen are drawn. */
export interface DrawnDetail {
  readonly drawn: number;
  readonly seen: number;
}

/** All is still when nobody has moved for so long, milliseconds. */
const SETTLED_MS = 250;
const IDENTITY = new Matrix4();

/** How much of large clouds is drawn: as many points as the time allows while one moves, all in the end when all is still. */
export class DetailControl {
  private readonly painter: Pick<Painter, 'whenDone'>;
  private readonly requestRender: () => void;
  private readonly budget = new DetailBudget();
  private movedMs = -Infinity;
  private measuring = false;
  private coming = false;
  private settling: ReturnType<typeof setTimeout> | undefined;

  constructor(painter: Pick<Painter, 'whenDone'>, requestRender: () => void) {
    this.painter = painter;
    this.requestRender = requestRender;
  }

  /** The eye has moved just now. */
  moved(): void {
    this.movedMs = performance.now();
  }

  /** Chooses what is drawn of large clouds; undefined where there are none. */
  choose(clouds: Iterable<Cloud>, { projection }: View, clip: Clip | undefined): DrawnDetail | undefined {
    const large = [...clouds].filter((cloud) => cloud.hasDetail && cloud.visible);
    if (large.length === 0) return undefined;
    // While points still come, they have the graphics card and the processor to themselves.
    this.coming = large.some(({ complete }) => !complete);
    const isMoving = this.coming || performance.now() - this.movedMs < SETTLED_MS;
    const budget = this.budget.next(isMoving) / large.length;
    const details = large.map((cloud) =>
      cloud.setDetail(
        {
          clipFromPoints: new Matrix4().multiplyMatrices(projection.clipFromWorld, cloud.matrix).elements,
          orthographic: projection.orthographic,
          clip: cloud.matrix.equals(IDENTITY) ? clip : undefined,
        },
        budget,
      ),
    );
    const sum = (of: (detail: (typeof details)[number]) => number) =>
      details.reduce((total, each) => total + of(each), 0);
    return { drawn: sum(({ drawn }) => drawn), seen: sum(({ seen }) => seen) };
  }

  /** Measures how long the points of a picture took, and has more of them drawn once all is still. */
  follow({ drawn, seen }: DrawnDetail, fromMs: number): void {
    clearTimeout(this.settling);
    if (this.measuring) return;
    this.measuring = true;
    this.painter.whenDone(fromMs, (ms) => {
      this.measuring = false;
      if (ms === undefined) return;
      this.budget.measured(drawn, ms);
      const restMs = SETTLED_MS - (performance.now() - this.movedMs);
      if (this.coming) return;
      if (restMs > 0) this.settling = setTimeout(this.requestRender, restMs + 1);
      else if (drawn < seen && this.budget.grows(seen)) this.requestRender();
    });
  }

  dispose(): void {
    clearTimeout(this.settling);
  }
}
