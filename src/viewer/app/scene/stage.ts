import type { Clip } from '../../clip.ts';
import { Eye } from './eye.ts';
import { Furniture, type FurnitureOptions } from './furniture.ts';
import { type Label, LabelLayer } from './labels.ts';
import { LargeClouds } from './large-clouds.ts';
import type { LineStyle } from './line-material.ts';
import { LineSet } from './line-set.ts';
import { Navigation, type NavigationMode } from './navigation.ts';
import { Painter } from './painter.ts';
import { type Pick, pickAmong } from './picker.ts';
import { pictureOf } from './picture.ts';
import { Cloud, type CloudOptions } from './point-cloud.ts';
import { type PointSizing, setPointClip } from './point-material.ts';
import { fitted, type Pose, type Triple, type ViewName } from './pose.ts';
import type { Pinhole } from './projection.ts';
import type { StageBox, StageCamera, Trail } from './segments.ts';
import type { Half } from './side.ts';
import { THEMES, type Theme } from './themes.ts';
import { type Projected, placeUnder, projectOn, type View, viewsOf } from './views.ts';

/** What a stage is made with. */
export interface StageOptions {
  readonly canvas: HTMLCanvasElement;
  /** An element that covers the canvas, for labels. */
  readonly labels: HTMLElement;
  /** After every picture, so that what lies over the canvas can follow. */
  readonly onRender?: () => void;
  /** After every move of the eye. */
  readonly onPoseChange?: () => void;
  /** After every picture of a large cloud: how many of the points that are seen are drawn. */
  readonly onDetail?: (drawn: number, seen: number) => void;
  /** When the graphics card was taken away: the canvas stays as it is, or empty, until it is given back. */
  readonly onContextLost?: () => void;
  /** When the graphics card was given back; all is drawn again without more being done. */
  readonly onContextRestored?: () => void;
}

/** How the stage looks. */
export interface Appearance extends PointSizing, FurnitureOptions {
  readonly theme: 'dark' | 'light';
  /** Strength of eye-dome lighting, from 0 (off, and free) to 1. */
  readonly eyeDome: number;
}

/** How far beside a point a wheel or a double click still means it. */
const ANCHOR_RADIUS_PX = 14;

const DEFAULT_APPEARANCE: Appearance = {
  theme: 'dark',
  pointSize: 2,
  attenuation: true,
  eyeDome: 0.4,
  grid: true,
  axes: true,
  frusta: true,
};

/** A 3D view of points, lines and boxes on a canvas. It draws only when something changed. */
export class Stage {
  private readonly options: StageOptions;
  private readonly painter: Painter;
  private readonly labels: LabelLayer;
  private readonly furniture: Furniture;
  private readonly navigation: Navigation;
  private readonly eye: Eye;
  private readonly clouds = new Set<Cloud>();
  private readonly lines = new Set<LineSet>();
  private readonly resizing: ResizeObserver;
  private readonly ears = new AbortController();
  private appearance = DEFAULT_APPEARANCE;
  private split = false;
  private readonly large = new LargeClouds(() => this.requestRender());
  private clip: Clip | undefined;
  private request = 0;
  private width = 0;
  private height = 0;

  /** Where there is no WebGL 2, all goes on but the drawing. */
  constructor(options: StageOptions) {
    const { canvas } = options;
    this.options = options;
    this.painter = new Painter(canvas);
    this.labels = new LabelLayer(options.labels);
    // Before all others: what was asked for last keeps its label.
    this.labels.set('notes', []);
    this.furniture = new Furniture(this.painter, this.labels, this.painter.lineUniforms);
    this.eye = new Eye(() => {
      this.large.moved();
      this.requestRender();
      options.onPoseChange?.();
    });
    this.navigation = new Navigation({
      canvas,
      pose: () => this.eye.pose,
      move: (pose) => {
        this.eye.pose = pose;
      },
      anchorAt: (x, y) => this.anchorAt(x, y),
      viewAt: (x, y) => this.viewAt(x, y),
      pivotAt: (x, y) => this.pivotAt(x, y),
      requestRender: () => this.requestRender(),
    });
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(canvas);
    const { signal } = this.ears;
    const lost = (event: Event) => {
      // Otherwise the browser would never give it back.
      event.preventDefault();
      options.onContextLost?.();
    };
    const restored = () => {
      this.requestRender();
      options.onContextRestored?.();
    };
    canvas.addEventListener('webglcontextlost', lost, { signal });
    canvas.addEventListener('webglcontextrestored', restored, { signal });
    // The page may move to a screen with other pixels, or be magnified, while the canvas keeps its size.
    window.addEventListener('resize', () => this.resize(), { signal });
    // Not drawn at once: who hears of pictures has no stage yet.
    this.measure();
    this.requestRender();
  }

  /** Whether there is WebGL 2 to draw with. */
  get draws(): boolean {
    return this.painter.draws;
  }

  /** Adds a cloud of up to `capacity` points that arrive in pieces. */
  addCloud(options: CloudOptions): Cloud {
    const cloud = new Cloud(options, {
      uniforms: this.painter.pointUniforms,
      changed: () => this.requestRender(),
      grew: () => this.large.grew(),
      removed: (gone) => {
        this.clouds.delete(gone);
        this.painter.points.remove(gone.points);
      },
    });
    this.clouds.add(cloud);
    this.painter.points.add(cloud.points);
    return cloud;
  }

  /** Adds a set of lines, empty at first. */
  addLines(style: LineStyle = {}): LineSet {
    const lines = new LineSet(style, {
      uniforms: this.painter.lineUniforms,
      changed: () => this.requestRender(),
      removed: (gone) => {
        this.lines.delete(gone);
        this.painter.overlay.remove(gone.mesh);
      },
    });
    this.lines.add(lines);
    this.painter.overlay.add(lines.mesh);
    return lines;
  }

  /**
   * Replaces the boxes, with their labels; of labels that would cover one another the nearest stays. With `beside`, which the
   * right half of a split stage has, they are those of the left one.
   */
  setBoxes(boxes: readonly StageBox[], beside?: readonly StageBox[]): void {
    this.furniture.setBoxes(boxes, beside);
    this.requestRender();
  }

  /** Replaces what is written at places, which covers any other label. */
  setNotes(notes: readonly Label[]): void {
    this.labels.set('notes', notes);
    this.requestRender();
  }

  /** Replaces what names large things, such as one of two sweeps. */
  setCaptions(captions: readonly Label[]): void {
    this.labels.set('captions', captions);
    this.requestRender();
  }

  /** Replaces the trails: where things went over time. */
  setTrails(trails: readonly Trail[]): void {
    this.furniture.setTrails(trails);
    this.requestRender();
  }

  /** Replaces the cameras whose frusta are shown. */
  setFrusta(cameras: readonly StageCamera[]): void {
    this.furniture.setFrusta(cameras);
    this.requestRender();
  }

  /** A picture behind what is seen in the view through its camera; none without one. */
  setBackdrop(picture: TexImageSource | undefined, opacity = 1): void {
    this.furniture.backdrop.set(picture, opacity);
    this.requestRender();
  }

  /** Moves the middle of the range rings, by default on the road under KITTI's sensor. */
  setGround(center: Triple): void {
    this.furniture.ground.center = center;
    this.requestRender();
  }

  /** Changes the unit of range labels; empty where no one knows it. */
  setLengthUnit(unit: string): void {
    this.furniture.lengthUnit = unit;
    this.requestRender();
  }

  /** Rings a place in the world, in a CSS colour; none without a place. */
  setHighlight(point: Triple | undefined, colour?: string): void {
    this.furniture.marker.at = point;
    this.furniture.markerColour = colour;
    this.requestRender();
  }

  /** Changes how the stage looks. */
  setAppearance(appearance: Appearance): void {
    this.appearance = appearance;
    this.requestRender();
  }

  /** Leaves points out that are not within a clip: they are neither drawn nor picked. All are shown without one. */
  setClip(clip: Clip | undefined): void {
    this.clip = clip;
    setPointClip(this.painter.pointUniforms, clip);
    this.requestRender();
  }

  /** Two halves with the same eye: 'left' and 'right'; both show what is on 'both' sides. */
  setSplit(split: boolean): void {
    this.split = split;
    this.requestRender();
  }

  /** Changes what dragging and keys do. */
  setNavigation(mode: NavigationMode): void {
    this.navigation.mode = mode;
  }

  /**
   * Changes the view: from above with +x up on the screen; through a camera, which is needed for that once and may be
   * replaced with every frame, with its whole picture in the middle. Target and distance stay.
   */
  view(name: ViewName, camera?: Pinhole): void {
    if (camera !== undefined) this.eye.camera = camera;
    this.eye.view(name);
    this.requestRender();
  }

  /** Looks at the region between two corners. */
  fit(min: Triple, max: Triple): void {
    const view = this.viewOf('left');
    if (view !== undefined) this.glideTo(fitted(this.eye.pose, min, max, view.width / view.height));
  }

  /** Where one looks from; setting it ends what moves. */
  get pose(): Pose {
    return this.eye.pose;
  }

  set pose(pose: Pose) {
    this.eye.pose = pose;
  }

  /** Glides until a place in the world is in the middle, and turns about it from then on. */
  setPivot(point: Triple): void {
    this.glideTo({ ...this.eye.pose, target: point });
  }

  /** The point one means with the cursor, among those that can be seen and come within `radiusPx` of it. */
  pick(clientX: number, clientY: number, radiusPx = 8): Pick | undefined {
    const { x, y } = this.onCanvas(clientX, clientY);
    const view = this.viewUnder(x);
    return view && pickAmong(this.clouds, view, { x, y, radiusPx, sizing: this.appearance, clip: this.clip });
  }

  /** Where a place in the world is on the canvas, in one of the halves. */
  project(point: Triple, side: Half = 'left'): Projected {
    const view = this.viewOf(side);
    return view ? projectOn(view, point) : { x: 0, y: 0, visible: false };
  }

  /** Draws soon; once, however often this is called until then. */
  requestRender(): void {
    if (this.request === 0) this.request = requestAnimationFrame((timeMs) => this.frame(timeMs));
  }

  /** A PNG of what is on the stage, labels included. */
  picture(): Promise<Blob> {
    this.render();
    return pictureOf(this.options.canvas, this.labels, {
      theme: this.theme,
      pixelRatio: this.painter.pixelRatio,
    });
  }

  /** Takes everything down. */
  dispose(): void {
    cancelAnimationFrame(this.request);
    this.large.dispose();
    // Not 0: nothing is drawn any more.
    this.request = -1;
    this.resizing.disconnect();
    this.ears.abort();
    this.navigation.dispose();
    for (const cloud of [...this.clouds]) cloud.dispose();
    for (const lines of [...this.lines]) lines.dispose();
    this.furniture.dispose();
    this.labels.dispose();
    this.painter.dispose();
  }

  private get theme(): Theme {
    return THEMES[this.appearance.theme];
  }

  private measure(): boolean {
    const { clientWidth, clientHeight } = this.options.canvas;
    this.width = clientWidth;
    this.height = clientHeight;
    const hasArea = clientWidth > 0 && clientHeight > 0;
    if (hasArea) this.painter.resize(clientWidth, clientHeight);
    return hasArea;
  }

  private resize(): void {
    // Resizing clears the canvas, which would flash until the next picture.
    if (this.measure()) this.render();
  }

  private glideTo(pose: Pose): void {
    this.eye.glideTo(pose);
    this.requestRender();
  }

  private frame(timeMs: number): void {
    const flies = this.navigation.step(timeMs);
    const glides = this.eye.step(timeMs);
    // Only now, so that moves made here do not ask for another picture.
    this.request = 0;
    this.render();
    if (flies || glides) this.requestRender();
  }

  private render(): void {
    const views = this.views();
    if (views.length === 0) return;
    const { appearance, theme } = this;
    const { through, pose } = this.eye;
    const { pixelRatio } = this.painter;
    this.furniture.prepare({ ...appearance, theme, through, distanceM: pose.distanceM, pixelRatio });
    const detail = this.large.choose(this.clouds, views[0], this.clip);
    const fromMs = performance.now();
    this.painter.draw(views, { ...appearance, theme });
    if (detail !== undefined) {
      this.options.onDetail?.(detail.drawn, detail.seen);
      this.large.follow(detail, (tell) => this.painter.whenDone(fromMs, tell));
    }
    if (this.draws) this.labels.update(views, theme);
    this.options.onRender?.();
  }

  private views(): View[] {
    const { width, height, split } = this;
    return viewsOf({ width, height, split }, this.eye.pose, this.eye.camera);
  }

  private viewOf(side: Half): View | undefined {
    const views = this.views();
    return views.find(({ half }) => half === side) ?? views[0];
  }

  private viewUnder(x: number): View | undefined {
    const views = this.views();
    return views.findLast(({ left }) => x >= left) ?? views[0];
  }

  private onCanvas(clientX: number, clientY: number): { x: number; y: number } {
    const { left, top } = this.options.canvas.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  private viewAt(clientX: number, clientY: number) {
    const { x, y } = this.onCanvas(clientX, clientY);
    const view = this.viewUnder(x);
    return view && { extent: view, x: x - view.left, y, camera: this.eye.through };
  }

  private anchorAt(clientX: number, clientY: number): Triple {
    const found = this.pick(clientX, clientY, ANCHOR_RADIUS_PX);
    if (found !== undefined) return found.point;
    const { x, y } = this.onCanvas(clientX, clientY);
    const view = this.viewUnder(x);
    return view ? placeUnder(view, x, y, this.furniture.ground.center[2]) : this.eye.pose.target;
  }

  private pivotAt(clientX: number, clientY: number): void {
    const { pose, through } = this.eye;
    if (through !== undefined) {
      this.glideTo({ ...pose, zoom: 1, center: [0.5, 0.5] });
      return;
    }
    const found = this.pick(clientX, clientY, ANCHOR_RADIUS_PX);
    if (found !== undefined) this.setPivot(found.point);
  }
}
