import type { SessionInfo } from '../protocol.ts';
import type { CurrentFrame } from './current-frame.ts';
import type { PicturePane, Pixel } from './picture/picture-pane.ts';
import type { Stage } from './scene/stage.ts';
import type { Store } from './store.ts';
import type { LiveRun } from './tabs/live-run.ts';
import type { PaneStatus } from './widgets/controls.ts';
import type { Legend } from './widgets/legend.ts';
import type { PointCard } from './widgets/point-card.ts';

/** What the parts of the page have in common. */
export interface Context {
  readonly session: SessionInfo;
  /** Undefined where data alone was opened. */
  readonly run: LiveRun | undefined;
  readonly store: Store;
  readonly frame: CurrentFrame;
  readonly stage: Stage;
  readonly stageStatus: PaneStatus;
  readonly picture: PicturePane;
  readonly legend: Legend;
  readonly card: PointCard;
  /** To be called when something that `busy` announced has ended. */
  readonly settled: () => void;
  /** A few words that pass. */
  readonly say: (message: string) => void;
}

/** What `Stage.pick` finds. */
export type Picked = NonNullable<ReturnType<Stage['pick']>>;

/** A part of the page that shares the stage and the picture with others; only the shown one draws there. */
export interface TabView {
  /** Its controls, beside the stage. */
  readonly panel: HTMLElement;
  /** Whether something of the present frame is still being computed. */
  readonly busy: boolean;
  show(): void;
  hide(): void;
  /** The pointer is over a point of the stage, or over none. */
  hoverPoint(picked: Picked | undefined): void;
  clickPoint(picked: Picked | undefined): void;
  /** The pointer is over a pixel of the picture, or over none. */
  hoverPixel(pixel: Pixel | undefined): void;
  clickPixel(pixel: Pixel): void;
}
