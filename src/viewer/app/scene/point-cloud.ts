import {
  BufferAttribute,
  BufferGeometry,
  DynamicDrawUsage,
  type Matrix4,
  Points,
  type ShaderMaterial,
  Sphere,
  Vector3,
} from 'three';
import { type CloudTiles, chooseRows, type DetailView } from './detail.ts';
import { createPointMaterial, type PointUniforms } from './point-material.ts';
import type { Triple } from './pose.ts';
import { matrixFromRows, putOnSide, type Side } from './side.ts';

/** What a cloud is made with. */
export interface CloudOptions {
  /** How many points it can hold. */
  readonly capacity: number;
  readonly side?: Side;
  /** Whether `pick` finds its points; true by default. */
  readonly pickable?: boolean;
  /** Multiplies the stage's point size; 1 by default. */
  readonly sizeFactor?: number;
  /** From the points' frame to the world; 3x4 or 4x4, row-major; the identity by default. */
  readonly matrix?: ArrayLike<number>;
  /** The tiles of a large cloud, which is then drawn in levels of detail. */
  readonly tiles?: CloudTiles;
}

/** Room for the rows that are drawn of a cloud with tiles, at first. */
const roomAtFirst = 2 ** 19;

/** Points on the stage that may arrive in pieces. Made by `Stage.addCloud`. */
export class Cloud {
  /** Room for all points: rows of x, y, z, of which `count` are there. */
  readonly positions: Float32Array;
  /** Rows of RGBA. */
  readonly colours: Uint8Array;
  readonly pickable: boolean;
  readonly sizeFactor: number;
  /** The half of a split stage that it is on. */
  readonly side: Side;
  /** What three draws. */
  readonly points: Points<BufferGeometry, ShaderMaterial>;
  private readonly position: BufferAttribute;
  private readonly rgba: BufferAttribute;
  private readonly changed: () => void;
  private readonly grew: () => void;
  private readonly removed: (cloud: Cloud) => void;
  private readonly tiles: CloudTiles | undefined;
  private chosen: { rows: BufferAttribute; drawn: number } | undefined;
  private filled = 0;

  constructor(
    options: CloudOptions,
    owner: {
      readonly uniforms: PointUniforms;
      readonly changed: () => void;
      /** More points of a large cloud have come; `changed` by default. */
      readonly grew?: () => void;
      readonly removed: (cloud: Cloud) => void;
    },
  ) {
    const { capacity, sizeFactor = 1 } = options;
    this.changed = owner.changed;
    this.grew = owner.grew ?? owner.changed;
    this.removed = owner.removed;
    this.pickable = options.pickable ?? true;
    this.sizeFactor = sizeFactor;
    this.side = options.side ?? 'both';
    this.tiles = options.tiles;
    this.positions = new Float32Array(capacity * 3);
    this.colours = new Uint8Array(capacity * 4);
    this.position = new BufferAttribute(this.positions, 3).setUsage(DynamicDrawUsage);
    this.rgba = new BufferAttribute(this.colours, 4, true).setUsage(DynamicDrawUsage);
    const geometry = new BufferGeometry();
    geometry.setAttribute('position', this.position);
    geometry.setAttribute('rgba', this.rgba);
    geometry.setDrawRange(0, 0);
    // Points without a place have no sphere about them; all clouds are drawn, wherever they are.
    geometry.boundingSphere = new Sphere(new Vector3(), Infinity);
    this.points = new Points(geometry, createPointMaterial(owner.uniforms, sizeFactor));
    this.points.frustumCulled = false;
    this.points.matrixAutoUpdate = false;
    matrixFromRows(options.matrix, this.points.matrix);
    this.points.matrixWorldNeedsUpdate = true;
    putOnSide(this.points, this.side);
  }

  /** How many points there are. */
  get count(): number {
    return this.filled;
  }

  /** Adds points: rows of x, y, z and of RGBA; throws RangeError where they do not fit. Uploads only these. */
  append(positions: Float32Array, colours: Uint8Array): void {
    const added = positions.length / 3;
    const from = this.filled;
    if (colours.length !== added * 4) {
      throw new RangeError(`${colours.length / 4} colours for ${added} points`);
    }
    if ((from + added) * 3 > this.positions.length) {
      throw new RangeError(`${from + added} points in a cloud with room for ${this.positions.length / 3}`);
    }
    this.positions.set(positions, from * 3);
    this.colours.set(colours, from * 4);
    this.filled = from + added;
    upload(this.position, from * 3, added * 3);
    upload(this.rgba, from * 4, added * 4);
    if (this.tiles === undefined) this.points.geometry.setDrawRange(0, this.filled);
    if (this.tiles === undefined || from === 0 || this.complete) this.changed();
    else this.grew();
  }

  /** Replaces the colours of the first points, as many as there are rows. */
  setColours(rgba: Uint8Array): void {
    if (rgba.length > this.filled * 4) {
      throw new RangeError(`${rgba.length / 4} colours for ${this.filled} points`);
    }
    this.colours.set(rgba);
    this.rgba.clearUpdateRanges();
    // Pieces that were appended but are not uploaded yet lie behind the last row at the latest.
    upload(this.rgba, 0, this.filled * 4);
    this.changed();
  }

  /** Whether all of its points have come. */
  get complete(): boolean {
    return 3 * this.filled === this.positions.length;
  }

  /** Whether only some of its points are drawn at a time, as `setDetail` chooses them. */
  get hasDetail(): boolean {
    return this.tiles !== undefined;
  }

  /** The rows that are drawn, of a cloud with tiles; undefined where all are. */
  get drawnRows(): Uint32Array | undefined {
    if (this.tiles === undefined) return undefined;
    return (
      (this.chosen?.rows.array as Uint32Array | undefined)?.subarray(0, this.chosen?.drawn) ??
      new Uint32Array(0)
    );
  }

  /** Chooses about so many points to be drawn in a view; says how many are, and how many that view has. */
  setDetail(view: DetailView, budget: number): { readonly drawn: number; readonly seen: number } {
    if (this.tiles === undefined) return { drawn: this.filled, seen: this.filled };
    const room = Math.min(this.positions.length / 3, Math.ceil(1.2 * budget));
    if (this.chosen === undefined || this.chosen.rows.count < room) {
      const capacity = Math.max(roomAtFirst, 2 ** Math.ceil(Math.log2(room)));
      const rows = new BufferAttribute(new Uint32Array(capacity), 1).setUsage(DynamicDrawUsage);
      this.chosen = { rows, drawn: 0 };
      this.points.geometry.setIndex(rows);
    }
    const { rows } = this.chosen;
    const { drawn, seen } = chooseRows(this.tiles, view, budget, rows.array as Uint32Array);
    this.chosen.drawn = drawn;
    rows.clearUpdateRanges();
    upload(rows, 0, drawn);
    this.points.geometry.setDrawRange(0, drawn);
    return { drawn, seen };
  }

  /** From the points' frame to the world. */
  get matrix(): Matrix4 {
    return this.points.matrix;
  }

  /** Where a point is in the world. */
  pointAt(index: number): Triple {
    const [x, y, z] = this.positions.subarray(index * 3, index * 3 + 3);
    return new Vector3(x, y, z).applyMatrix4(this.matrix).toArray();
  }

  /** Whether it is drawn and picked. */
  get visible(): boolean {
    return this.points.visible;
  }

  set visible(visible: boolean) {
    if (visible === this.points.visible) return;
    this.points.visible = visible;
    this.changed();
  }

  /** Takes the cloud off the stage and frees its memory. */
  dispose(): void {
    this.removed(this);
    this.points.geometry.dispose();
    this.points.material.dispose();
    this.changed();
  }
}

function upload(attribute: BufferAttribute, start: number, count: number): void {
  attribute.addUpdateRange(start, count);
  attribute.needsUpdate = true;
}
