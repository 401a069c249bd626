import type { Stage } from '../scene/stage.ts';
import { byId, eachFrame } from '../widgets/dom.ts';
import type { PicturePane, Pixel } from './picture-pane.ts';

/** A line from a place in space to the pixel where it is seen. */
export interface LinkLine {
  readonly point: readonly [x: number, y: number, z: number];
  readonly pixel: Pixel;
  readonly colour: string;
  /** Whether it stands out. */
  readonly strong?: boolean;
}

/** Lines across the panes, which follow the eye. */
export class LinkOverlay {
  readonly redraw = eachFrame(() => this.draw());
  private readonly canvas = byId<HTMLCanvasElement>('links');
  private readonly stageCanvas = byId<HTMLCanvasElement>('stage');
  private readonly stage: () => Stage | undefined;
  private readonly picture: PicturePane;
  private links: readonly LinkLine[] = [];

  constructor(stage: () => Stage | undefined, picture: PicturePane) {
    this.stage = stage;
    this.picture = picture;
    new ResizeObserver(() => this.redraw()).observe(this.canvas);
  }

  setLinks(links: readonly LinkLine[]): void {
    if (links.length === 0 && this.links.length === 0) return;
    this.links = links;
    this.redraw();
  }

  private draw(): void {
    const { canvas } = this;
    const stage = this.stage();
    const ratio = Math.min(devicePixelRatio, 2);
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    canvas.dataset.lines = '0';
    if (stage === undefined || this.links.length === 0) return;
    const context = canvas.getContext('2d')!;
    const own = canvas.getBoundingClientRect();
    const space = this.stageCanvas.getBoundingClientRect();
    context.setTransform(ratio, 0, 0, ratio, -own.left * ratio, -own.top * ratio);
    let drawn = 0;
    for (const { point, pixel, colour, strong } of this.links) {
      const from = stage.project(point);
      const to = this.picture.pagePosition(pixel);
      if (!from.visible || to === undefined) continue;
      context.lineWidth = strong ? 1.6 : 1;
      context.globalAlpha = strong ? 1 : 0.45;
      context.strokeStyle = colour;
      context.beginPath();
      context.moveTo(space.left + from.x, space.top + from.y);
      context.lineTo(to.x, to.y);
      context.stroke();
      drawn++;
    }
    canvas.dataset.lines = String(drawn);
  }
}
