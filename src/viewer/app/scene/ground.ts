import { CircleGeometry, Color, DoubleSide, GLSL3, Mesh, ShaderMaterial } from 'three';
import type { Triple } from './pose.ts';
import type { Theme } from './themes.ts';
import { screenColour } from './themes.ts';

/** KITTI's sensor stands this high above the road. */
const SENSOR_HEIGHT_M = 1.73;
const FARTHEST_M = 2000;

const VERTEX = /* glsl */ `
uniform float fade;
out vec2 place;
void main() {
  place = position.xy * fade;
  gl_Position = projectionMatrix * (modelViewMatrix * vec4(position, 1.0));
}`;

/** Rings around the sensor in steps of 2, 10 and 50 m; each step shows where its rings are far enough apart. */
const FRAGMENT = /* glsl */ `
in vec2 place;
uniform vec3 colour;
uniform float opacity, fade, pixelRatio;
out vec4 fragment;

float spread(vec2 normal) {
  return max(length(vec2(dot(dFdx(place), normal), dot(dFdy(place), normal))), 1e-6);
}

float stroke(float gap, float metres) {
  return 1.0 - smoothstep(0.35, 1.1, gap / metres / pixelRatio);
}

float rings(float radius, float step_, float metres, float sparse, float dense) {
  float gap = abs(fract(radius / step_ - 0.5) - 0.5) * step_;
  float apart = step_ / metres / pixelRatio;
  return radius < step_ * 0.5 ? 0.0 : stroke(gap, metres) * smoothstep(dense, sparse, apart);
}

void main() {
  float radius = length(place);
  float metres = spread(place / max(radius, 1e-4));
  float sector = 0.523599;
  float angle = round(atan(place.y, place.x) / sector) * sector;
  vec2 normal = vec2(-sin(angle), cos(angle));
  float spoke = stroke(abs(dot(place, normal)), spread(normal)) * smoothstep(2.0, 10.0, radius);
  bool axis = mod(round(angle / sector), 3.0) == 0.0;
  float line = rings(radius, 50.0, metres, 16.0, 5.0);
  line = max(line, 0.8 * rings(radius, 10.0, metres, 24.0, 7.0));
  line = max(line, 0.4 * rings(radius, 2.0, metres, 46.0, 22.0));
  line = max(line, spoke * (axis ? 0.7 : 0.3));
  float alpha = opacity * line * (1.0 - smoothstep(0.25, 1.0, radius / fade));
  if (alpha < 0.004) discard;
  fragment = vec4(colour, alpha);
}`;

/** Range rings and directions on the ground. */
export class Ground {
  readonly mesh: Mesh<CircleGeometry, ShaderMaterial>;

  constructor() {
    const material = new ShaderMaterial({
      glslVersion: GLSL3,
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      transparent: true,
      depthWrite: false,
      side: DoubleSide,
      uniforms: {
        colour: { value: new Color() },
        opacity: { value: 0.2 },
        fade: { value: 100 },
        pixelRatio: { value: 1 },
      },
    });
    this.mesh = new Mesh(new CircleGeometry(1, 48), material);
    this.mesh.frustumCulled = false;
    this.mesh.renderOrder = -1;
    this.mesh.position.set(0, 0, -SENSOR_HEIGHT_M);
  }

  /** The middle of the rings. */
  get center(): Triple {
    return this.mesh.position.toArray();
  }

  set center(center: Triple) {
    this.mesh.position.set(...center);
  }

  /** Colours, and how far out rings are drawn when one looks from `distanceM`. */
  prepare(theme: Theme, distanceM: number, pixelRatio: number): void {
    const { uniforms } = this.mesh.material;
    screenColour(theme.grid, uniforms.colour.value);
    uniforms.opacity.value = theme.gridOpacity;
    const radius = fadeRadius(distanceM);
    uniforms.fade.value = radius;
    this.mesh.scale.set(radius, radius, 1);
    uniforms.pixelRatio.value = pixelRatio;
  }

  /** Frees what is on the graphics card. */
  dispose(): void {
    this.mesh.geometry.dispose();
    this.mesh.material.dispose();
  }
}

/** The places of range labels on the four half axes, with what they say; without a unit, numbers alone. */
export function rangeLabels(center: Triple, distanceM: number, unit = 'm'): { text: string; at: Triple }[] {
  const step = distanceM > 170 ? 50 : distanceM > 14 ? 10 : 2;
  const count = Math.min(12, Math.floor((0.6 * fadeRadius(distanceM)) / step));
  const [x, y, z] = center;
  return Array.from({ length: count }, (_, k) => (k + 1) * step).flatMap((range) =>
    [
      [1, 0],
      [0, 1],
      [-1, 0],
      [0, -1],
    ].map(([dx, dy]) => ({
      text: `${range} ${unit}`.trimEnd(),
      at: [x + dx * range, y + dy * range, z] as const,
    })),
  );
}

function fadeRadius(distanceM: number): number {
  return Math.min(FARTHEST_M, Math.max(40, 3 * distanceM));
}
