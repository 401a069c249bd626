import type { Scene } from 'three';
import { Backdrop } from './backdrop.ts';
import { Ground, rangeLabels } from './ground.ts';
import type { Label, LabelLayer } from './labels.ts';
import type { LineUniforms } from './line-material.ts';
import { LineSet } from './line-set.ts';
import { Marker } from './marker.ts';
import type { Triple } from './pose.ts';
import type { Pinhole } from './projection.ts';
import {
  axisSegments,
  axisTips,
  boxSegments,
  cornerPlaces,
  frustumOf,
  frustumSegments,
  middlePlace,
  pictureFrame,
  type Segments,
  type StageBox,
  type StageCamera,
  type Trail,
  trailSegments,
} from './segments.ts';
import type { Side } from './side.ts';
import type { Theme } from './themes.ts';

/** Which of the stage's own things are shown. */
export interface FurnitureOptions {
  readonly grid: boolean;
  readonly axes: boolean;
  readonly frusta: boolean;
}

/** All that stands on the stage beside points and lines of others: ground, axes, cameras, boxes, trails, the marker. */
export class Furniture {
  readonly ground = new Ground();
  /** What range labels count in; empty where no one knows it. */
  lengthUnit = 'm';
  readonly marker = new Marker();
  readonly backdrop = new Backdrop();
  markerColour: string | undefined;
  private readonly labels: LabelLayer;
  /** Those of both halves, or of the left one, and those of the right one. */
  private readonly boxes: readonly [left: LineSet, right: LineSet];
  private readonly trails: LineSet;
  private readonly frusta: LineSet;
  private readonly axes: LineSet;
  private readonly frame: LineSet;
  private cameras: readonly StageCamera[] = [];
  private theme: Theme | undefined;
  private through: Pinhole | undefined;

  constructor(
    scenes: { readonly overlay: Scene; readonly backdrop: Scene },
    labels: LabelLayer,
    uniforms: LineUniforms,
  ) {
    const { overlay: scene, backdrop: backdropScene } = scenes;
    this.labels = labels;
    // What is named first keeps its label where there is no room for all.
    for (const group of ['boxes', 'boxes beside', 'axes', 'frusta', 'ranges']) labels.set(group, []);
    const lines = (widthPx: number, hiddenOpacity: number) => {
      const set = new LineSet({ widthPx, hiddenOpacity }, { uniforms, changed: () => {}, removed: () => {} });
      scene.add(set.mesh);
      return set;
    };
    this.boxes = [lines(1.75, 0.35), lines(1.75, 0.35)];
    this.boxes[1].putOn('right');
    this.trails = lines(2, 0.25);
    this.frusta = lines(1.25, 0);
    this.axes = lines(2, 0.5);
    this.frame = lines(1, 1);
    scene.add(this.ground.mesh, this.marker.points);
    backdropScene.add(this.backdrop.mesh);
  }

  /** Replaces the boxes and their labels; with `beside`, which the right half of a split stage has, they are those of the left one. */
  setBoxes(boxes: readonly StageBox[], beside?: readonly StageBox[]): void {
    const [left, right] = this.boxes;
    left.putOn(beside === undefined ? 'both' : 'left');
    put(left, boxSegments(boxes));
    put(right, boxSegments(beside ?? []));
    this.labels.set('boxes', boxLabels(boxes, beside === undefined ? 'both' : 'left'));
    this.labels.set('boxes beside', boxLabels(beside ?? [], 'right'));
  }

  /** Replaces the trails. */
  setTrails(trails: readonly Trail[]): void {
    put(this.trails, trailSegments(trails));
  }

  /** Replaces the cameras. */
  setFrusta(cameras: readonly StageCamera[]): void {
    this.cameras = cameras;
    if (this.theme !== undefined) put(this.frusta, frustumSegments(cameras, this.theme.frustum));
  }

  /** Makes all ready to be drawn from a distance or through a camera, which does not see what surrounds it. */
  prepare(
    options: FurnitureOptions & {
      readonly theme: Theme;
      /** The camera that one looks through. */
      readonly through: Pinhole | undefined;
      readonly distanceM: number;
      readonly pixelRatio: number;
    },
  ): void {
    const { theme, through, distanceM, pixelRatio } = options;
    const repaint = theme !== this.theme;
    this.theme = theme;
    if (repaint) {
      this.setFrusta(this.cameras);
      put(this.axes, axisSegments(theme.axes));
    }
    const outside = through === undefined;
    const frusta = options.frusta && outside;
    const axes = options.axes && outside;
    if (this.frusta.visible !== frusta) this.frusta.visible = frusta;
    if (this.axes.visible !== axes) this.axes.visible = axes;
    this.backdrop.prepare(through);
    if (through !== this.through || repaint) {
      this.through = through;
      if (through !== undefined) put(this.frame, pictureFrame(through, theme.frustum));
      this.frame.visible = !outside;
    }
    this.ground.mesh.visible = options.grid;
    this.ground.prepare(theme, outside ? distanceM : 30, pixelRatio);
    this.marker.prepare(this.markerColour ?? theme.highlight, theme.background, pixelRatio);
    this.setLabels({ ranges: options.grid && outside, axes, frusta, distanceM, theme });
  }

  /** Frees what is on the graphics card. */
  dispose(): void {
    for (const lines of [...this.boxes, this.trails, this.frusta, this.axes, this.frame]) lines.dispose();
    this.ground.dispose();
    this.marker.dispose();
    this.backdrop.dispose();
  }

  private setLabels(shown: {
    readonly ranges: boolean;
    readonly axes: boolean;
    readonly frusta: boolean;
    readonly distanceM: number;
    readonly theme: Theme;
  }): void {
    const near = shown.distanceM < 120;
    this.labels.set(
      'axes',
      shown.axes && near
        ? axisTips(1.6).map((at, k) => ({
            text: 'xyz'[k],
            at,
            look: 'plain' as const,
            colour: shown.theme.axes[k],
          }))
        : [],
    );
    this.labels.set(
      'frusta',
      shown.frusta && near
        ? this.cameras.map((camera) => ({ text: camera.name, at: nameplate(camera), look: 'plain' as const }))
        : [],
    );
    this.labels.set(
      'ranges',
      shown.ranges
        ? rangeLabels(this.ground.center, shown.distanceM, this.lengthUnit).map((label) => ({
            ...label,
            look: 'plain' as const,
          }))
        : [],
    );
  }
}

function nameplate(camera: StageCamera): Triple {
  return frustumOf(camera).roof;
}

function put(lines: LineSet, { segments, colours, dashed }: Segments): void {
  lines.set(segments, colours, dashed);
}

function boxLabels(boxes: readonly StageBox[], side: Side): Label[] {
  return boxes.flatMap((box) =>
    box.label === undefined
      ? []
      : [
          {
            text: box.label,
            at: middlePlace(box),
            above: cornerPlaces(box),
            look: 'chip',
            colour: box.colour,
            side,
          } as const,
        ],
  );
}
