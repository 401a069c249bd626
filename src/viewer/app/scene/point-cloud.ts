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
}

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
  private readonly removed: (cloud: Cloud) => void;
  private filled = 0;

  constructor(
    options: CloudOptions,
    owner: {
      readonly uniforms: PointUniforms;
      readonly changed: () => void;
      readonly removed: (cloud: Cloud) => void;
    },
  ) {
    const { capacity, sizeFactor = 1 } = options;
    this.changed = owner.changed;
    this.removed = owner.removed;
    this.pickable = options.pickable ?? true;
    this.sizeFactor = sizeFactor;
    this.side = options.side ?? 'both';
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
    this.points.geometry.setDrawRange(0, this.filled);
    this.changed();
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
