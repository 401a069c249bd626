import {
  BufferAttribute,
  InstancedBufferAttribute,
  InstancedBufferGeometry,
  InstancedInterleavedBuffer,
  InterleavedBufferAttribute,
  Mesh,
  type ShaderMaterial,
} from 'three';
import { createLineMaterial, type LineStyle, type LineUniforms } from './line-material.ts';
import { putOnSide, type Side } from './side.ts';

/** The corners of a line's rectangle: along it, and to its sides. */
const CORNERS = Float32Array.of(0, -1, 0, 0, 1, 0, 1, -1, 0, 1, 1, 0);

/** Straight lines in the world. Made by `Stage.addLines`. */
export class LineSet {
  /** What three draws. */
  readonly mesh: Mesh<InstancedBufferGeometry, ShaderMaterial>;
  /** The same lines where points cover them. */
  private readonly ghost: Mesh<InstancedBufferGeometry, ShaderMaterial> | undefined;
  private readonly changed: () => void;
  private readonly removed: (lines: LineSet) => void;
  private shown = true;
  private filled = 0;

  constructor(
    style: LineStyle,
    owner: {
      readonly uniforms: LineUniforms;
      readonly changed: () => void;
      readonly removed: (lines: LineSet) => void;
    },
  ) {
    this.changed = owner.changed;
    this.removed = owner.removed;
    this.mesh = new Mesh(emptyGeometry(), createLineMaterial(owner.uniforms, style));
    this.mesh.frustumCulled = false;
    this.mesh.visible = false;
    if (style.hiddenOpacity) {
      this.ghost = new Mesh(this.mesh.geometry, createLineMaterial(owner.uniforms, style, true));
      this.ghost.frustumCulled = false;
      this.mesh.add(this.ghost);
    }
  }

  /** How many lines there are. */
  get count(): number {
    return this.filled;
  }

  /**
   * Replaces the lines: rows of x, y, z of their starts and ends (6 numbers a line), and RGBA of each line (4 bytes), or
   * of its start and end (8 bytes). `dashed` has 1 for a dashed line.
   */
  set(segments: Float32Array, colours: Uint8Array, dashed?: Uint8Array): void {
    const count = segments.length / 6;
    if (colours.length !== count * 4 && colours.length !== count * 8) {
      throw new RangeError(`${colours.length} bytes of colour for ${count} lines, which need 4 or 8 each`);
    }
    const geometry = emptyGeometry();
    const ends = new InstancedInterleavedBuffer(segments.slice(), 6);
    geometry.setAttribute('start', new InterleavedBufferAttribute(ends, 3, 0));
    geometry.setAttribute('end', new InterleavedBufferAttribute(ends, 3, 3));
    const perLine = colours.length / Math.max(1, count);
    const paint = new InstancedInterleavedBuffer(colours.slice(), Math.max(4, perLine));
    geometry.setAttribute('startColour', new InterleavedBufferAttribute(paint, 4, 0, true));
    geometry.setAttribute('endColour', new InterleavedBufferAttribute(paint, 4, perLine === 8 ? 4 : 0, true));
    const dash = Float32Array.from({ length: count }, (_, k) => dashed?.[k] ?? 0);
    geometry.setAttribute('dash', new InstancedBufferAttribute(dash, 1));
    geometry.instanceCount = count;
    this.mesh.geometry.dispose();
    this.mesh.geometry = geometry;
    if (this.ghost) this.ghost.geometry = geometry;
    this.filled = count;
    this.mesh.visible = this.shown && count > 0;
    this.changed();
  }

  /** Whether the lines are drawn. */
  get visible(): boolean {
    return this.shown;
  }

  set visible(visible: boolean) {
    this.shown = visible;
    this.mesh.visible = visible && this.filled > 0;
    this.changed();
  }

  /** Lets only one half of a split stage show the lines; both do at first. */
  putOn(side: Side): void {
    putOnSide(this.mesh, side);
    if (this.ghost) putOnSide(this.ghost, side);
  }

  /** Takes the lines off the stage and frees their memory. */
  dispose(): void {
    this.removed(this);
    this.mesh.geometry.dispose();
    this.mesh.material.dispose();
    this.ghost?.material.dispose();
    this.changed();
  }
}

function emptyGeometry(): InstancedBufferGeometry {
  const geometry = new InstancedBufferGeometry();
  geometry.setAttribute('position', new BufferAttribute(CORNERS, 3));
  geometry.setIndex([0, 2, 1, 1, 2, 3]);
  geometry.instanceCount = 0;
  return geometry;
}
