import {
  BufferAttribute,
  BufferGeometry,
  DoubleSide,
  LinearFilter,
  LinearMipmapLinearFilter,
  Mesh,
  type ShaderMaterial,
  Texture,
} from 'three';
import { createDepthlessMaterial } from './depthless-material.ts';
import type { Pinhole } from './projection.ts';
import { frustumOf } from './segments.ts';

const VERTEX = /* glsl */ `
out vec2 place;
void main() {
  place = uv;
  gl_Position = projectionMatrix * (modelViewMatrix * vec4(position, 1.0));
}`;

const FRAGMENT = /* glsl */ `
in vec2 place;
uniform sampler2D picture;
uniform float opacity;
out vec4 fragment;
void main() { fragment = vec4(texture(picture, place).rgb, opacity); }`;

/** A camera's picture behind the points that are seen through it. */
export class Backdrop {
  readonly mesh: Mesh<BufferGeometry, ShaderMaterial>;
  private readonly corner = new BufferAttribute(new Float32Array(12), 3);
  private texture: Texture | undefined;

  constructor() {
    const geometry = new BufferGeometry();
    geometry.setAttribute('position', this.corner);
    geometry.setAttribute('uv', new BufferAttribute(Float32Array.of(0, 0, 1, 0, 1, 1, 0, 1), 2));
    geometry.setIndex([0, 1, 2, 0, 2, 3]);
    const material = createDepthlessMaterial({
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      side: DoubleSide,
      uniforms: { picture: { value: null }, opacity: { value: 1 } },
    });
    this.mesh = new Mesh(geometry, material);
    this.mesh.frustumCulled = false;
    this.mesh.visible = false;
  }

  /** Replaces the picture, an opaque one with its first row on top; none without one. */
  set(picture: TexImageSource | undefined, opacity: number): void {
    const { uniforms } = this.mesh.material;
    uniforms.opacity.value = opacity;
    if (picture === this.texture?.image) return;
    this.texture?.dispose();
    this.texture = undefined;
    if (picture !== undefined) {
      this.texture = new Texture(picture);
      // Bitmaps cannot be turned over on their way to the graphics card.
      this.texture.flipY = false;
      this.texture.minFilter = LinearMipmapLinearFilter;
      this.texture.magFilter = LinearFilter;
      this.texture.needsUpdate = true;
    }
    uniforms.picture.value = this.texture ?? null;
  }

  /** Puts the picture where its camera sees it; it is only seen through that camera. */
  prepare(camera: Pinhole | undefined): void {
    this.mesh.visible = camera !== undefined && this.texture !== undefined;
    if (camera === undefined || !this.mesh.visible) return;
    this.corner.array.set(frustumOf(camera).corners.flat());
    this.corner.needsUpdate = true;
  }

  /** Frees what is on the graphics card. */
  dispose(): void {
    this.texture?.dispose();
    this.mesh.geometry.dispose();
    this.mesh.material.dispose();
  }
}
