import type { Clip } from '../../clip.ts';
import type { Context } from '../context.ts';
import type { Triple } from '../scene/pose.ts';
import { lengthUnitOf } from '../sweep/fit-sweep.ts';
import type { Sweep } from '../sweep/sweep.ts';
import { shown } from '../widgets/dom.ts';
import { lengthText, metres } from '../widgets/point-card.ts';
import type { PictureMark, Pixel } from './picture-pane.ts';
import { type ProjectedPoints, pixelOf, pointAtPixel, projectSweep } from './projected-points.ts';

/** How far from a point, in pixels of the picture, the pointer still means it. */
const reachPx = 12;
const hoverColour = '#ffffff';
const selectedColour = '#ffd166';
/** Stands for a place that is no point's. */
const noRow = -1;

/** The same point in space and on the picture. */
export class Linking {
  private readonly context: Context;
  private projected:
    | { readonly sweep: Sweep; readonly filled: number; readonly points: ProjectedPoints }
    | undefined;
  private hovered: number | undefined;
  private clip: Clip | undefined;

  constructor(context: Context) {
    this.context = context;
  }

  /** Leaves out what is not within a clip. */
  setClip(clip: Clip | undefined): void {
    this.clip = clip;
    this.projected = undefined;
  }

  /** The points that the camera sees; undefined until sweep, calibration and picture are there. */
  seen(): ProjectedPoints | undefined {
    const { sweep, scene, picture } = this.context.frame.parts;
    if (sweep === undefined || scene?.camera === undefined || picture === undefined) return undefined;
    if (this.projected?.sweep !== sweep || this.projected.filled !== sweep.filled) {
      const { width, height } = picture;
      const { pixelFromLidar } = scene.camera;
      const points = projectSweep(sweep, { pixelFromLidar, width, height }, this.clip);
      this.projected = { sweep, filled: sweep.filled, points };
    }
    return this.projected.points;
  }

  /** The row of the point that is seen at a pixel. */
  rowAt(pixel: Pixel | undefined): number | undefined {
    const seen = this.seen();
    return pixel === undefined || seen === undefined ? undefined : pointAtPixel(seen, pixel, reachPx);
  }

  /** Marks a point on both sides. */
  hoverRow(row: number | undefined): void {
    if (row === this.hovered) return;
    this.hovered = row;
    const { frame, picture, stage, store } = this.context;
    const { sweep } = frame.parts;
    if (row === undefined || sweep === undefined) {
      picture.setHovered(undefined);
      const selected = store.state.point === undefined ? undefined : sweep?.rowOf(store.state.point);
      stage.setHighlight(selected === undefined ? undefined : sweep!.position(selected), selectedColour);
      return;
    }
    stage.setHighlight(sweep.position(row));
    const pixel = this.pixelOf(sweep, row);
    picture.setHovered(pixel && { pixel, colour: hoverColour, radius: 7, ring: true });
  }

  /** Marks a place in space that is no point's, until a point or none is marked. */
  hoverPlace(place: Triple): void {
    this.hovered = noRow;
    this.context.picture.setHovered(undefined);
    this.context.stage.setHighlight(place);
  }

  /** Marks the selected point, and shows what is known of it. */
  showSelected(point: number | undefined): void {
    const { frame, card, stage, picture } = this.context;
    const { sweep, scene } = frame.parts;
    const row = point === undefined ? undefined : sweep?.rowOf(point);
    if (sweep === undefined || row === undefined) {
      card.clear();
      stage.setHighlight(undefined);
      picture.setHovered(undefined);
      return;
    }
    const place = sweep.position(row);
    stage.setHighlight(place, selectedColour);
    const seen = scene?.camera && pixelOf(place, scene.camera.pixelFromLidar);
    void card.show(frame.index, point!, [
      ...(sweep.isAboutSensor
        ? [['Distance', lengthText(Math.hypot(...place), lengthUnitOf(frame.sequence))] as const]
        : []),
      ...(seen === undefined
        ? []
        : ([
            ['Pixel', `${shown(seen.u, 4)}, ${shown(seen.v, 4)}`],
            ['Depth', metres(seen.depth)],
          ] as const)),
    ]);
  }

  /** The mark of the selected point on the picture. */
  selectedMark(): PictureMark[] {
    const { frame, store } = this.context;
    const { sweep } = frame.parts;
    const row = store.state.point === undefined ? undefined : sweep?.rowOf(store.state.point);
    const pixel = row === undefined ? undefined : this.pixelOf(sweep!, row);
    return pixel === undefined ? [] : [{ pixel, colour: selectedColour, radius: 7, ring: true }];
  }

  private pixelOf(sweep: Sweep, row: number): Pixel | undefined {
    const camera = this.context.frame.parts.scene?.camera;
    const seen = camera && pixelOf(sweep.position(row), camera.pixelFromLidar);
    return seen && [seen.u, seen.v];
  }
}
