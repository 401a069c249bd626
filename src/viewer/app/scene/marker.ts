import { BufferAttribute, BufferGeometry, Color, Points, type ShaderMaterial } from 'three';
import { createDepthlessMaterial } from './depthless-material.ts';
import type { Triple } from './pose.ts';
import { screenColour } from './themes.ts';

const DIAMETER_PX = 22;

const VERTEX = /* glsl */ `
uniform float size;
void main() {
  gl_Position = projectionMatrix * (modelViewMatrix * vec4(position, 1.0));
  gl_PointSize = size;
}`;

const FRAGMENT = /* glsl */ `
uniform vec3 colour, contrast;
uniform float size, pixelRatio;
out vec4 fragment;
float band(float at, float width) {
  float gap = abs(length(gl_PointCoord - 0.5) * size - at);
  return clamp((width * 0.5 * pixelRatio - gap) + 0.5, 0.0, 1.0);
}
void main() {
  float at = size * 0.5 - 4.0 * pixelRatio;
  float rim = band(at, 5.0) * 0.55;
  float ring = band(at, 2.0);
  float centre = band(0.0, 4.0);
  fragment = vec4(mix(contrast, colour, max(ring, centre)), max(rim, max(ring, centre)));
  if (fragment.a < 0.004) discard;
}`;

/** A ring around a place, of the same size wherever one looks from, over everything. */
export class Marker {
  readonly points: Points<BufferGeometry, ShaderMaterial>;
  private place: Triple | undefined;

  constructor() {
    const geometry = new BufferGeometry();
    geometry.setAttribute('position', new BufferAttribute(new Float32Array(3), 3));
    const material = createDepthlessMaterial({
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      uniforms: {
        colour: { value: new Color() },
        contrast: { value: new Color() },
        size: { value: DIAMETER_PX },
        pixelRatio: { value: 1 },
      },
    });
    this.points = new Points(geometry, material);
    this.points.frustumCulled = false;
    this.points.renderOrder = 2;
    this.points.visible = false;
  }

  /** Where the ring is. */
  get at(): Triple | undefined {
    return this.place;
  }

  /** Moves the ring, or takes it away. */
  set at(place: Triple | undefined) {
    this.place = place;
    this.points.visible = place !== undefined;
    if (place !== undefined) this.points.position.set(...place);
  }

  /** Colours and sizes for what is drawn next. */
  prepare(colour: string, background: string, pixelRatio: number): void {
    const { uniforms } = this.points.material;
    screenColour(colour, uniforms.colour.value);
    screenColour(background, uniforms.contrast.value);
    uniforms.size.value = DIAMETER_PX * pixelRatio;
    uniforms.pixelRatio.value = pixelRatio;
  }

  /** Frees what is on the graphics card. */
  dispose(): void {
    this.points.geometry.dispose();
    this.points.material.dispose();
  }
}
