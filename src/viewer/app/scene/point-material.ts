import { Color, GLSL3, ShaderMaterial, Vector2, Vector3, Vector4 } from 'three';
import type { Clip } from '../../clip.ts';
import type { Disc } from './picking.ts';

/** Uniforms that all clouds of a stage share. */
export interface PointUniforms {
  readonly background: { value: Color };
  /** A `Disc` of size factor 1: fixed, per w, least, most; device pixels. */
  readonly disc: { value: Vector4 };
  readonly pixelRatio: { value: number };
  readonly clips: { value: boolean };
  readonly clipLow: { value: Vector3 };
  readonly clipHigh: { value: Vector3 };
  /** Nearest and farthest, metres. */
  readonly clipRange: { value: Vector2 };
}

/** How large points are drawn. */
export interface PointSizing {
  /** CSS pixels; with attenuation what a point has `REFERENCE_M` from a window of usual height. */
  readonly pointSize: number;
  /** Whether nearer points are larger. */
  readonly attenuation: boolean;
}

/** Diameter in metres of an attenuated point of size 1: what a pixel is wide some 20 m from a 720-pixel window. */
const METRES_PER_SIZE = 0.024;
const LARGEST_PX = 18;
/** What stands for an open side, as float32 has it. */
const LARGEST = 3e38;
/** An attenuated point never gets smaller than this part of its size, so that far things can be made visible. */
const LEAST_PART = 0.6;

const VERTEX = /* glsl */ `
in vec4 rgba;
uniform vec3 background;
uniform vec4 disc;
uniform float pixelRatio, sizeFactor;
uniform bool clips;
uniform vec3 clipLow, clipHigh;
uniform vec2 clipRange;
out vec3 colour;
bool isClipped() {
  if (!clips) return false;
  vec3 world = (modelMatrix * vec4(position, 1.0)).xyz;
  float range = length(world);
  bool isInside = all(greaterThanEqual(world, clipLow)) && all(lessThanEqual(world, clipHigh));
  return !isInside || range < clipRange.x || range > clipRange.y;
}
void main() {
  if (rgba.a == 0.0 || isClipped()) {
    gl_Position = vec4(0.0, 0.0, 2.0, 1.0);
    gl_PointSize = 1.0;
    return;
  }
  colour = mix(background, rgba.rgb, rgba.a);
  gl_Position = projectionMatrix * (modelViewMatrix * vec4(position, 1.0));
  vec4 own = disc * vec4(sizeFactor, sizeFactor, sizeFactor, 1.0);
  gl_PointSize = clamp(own.x + own.y / max(gl_Position.w, 1e-3), max(pixelRatio, own.z), max(own.x, own.w));
}`;

const FRAGMENT = /* glsl */ `
in vec3 colour;
out vec4 fragment;
void main() {
  vec2 offset = gl_PointCoord * 2.0 - 1.0;
  if (dot(offset, offset) > 1.0) discard;
  fragment = vec4(colour, 1.0);
}`;

/** New uniforms for the clouds of a stage. */
export function createPointUniforms(): PointUniforms {
  return {
    background: { value: new Color() },
    disc: { value: new Vector4(2, 0, 1, LARGEST_PX) },
    pixelRatio: { value: 1 },
    clips: { value: false },
    clipLow: { value: new Vector3() },
    clipHigh: { value: new Vector3() },
    clipRange: { value: new Vector2() },
  };
}

/** Sets what of the world the points of the shared uniforms are drawn of; all of it without a clip. */
export function setPointClip(uniforms: PointUniforms, clip: Clip | undefined): void {
  uniforms.clips.value = clip !== undefined;
  if (clip === undefined) return;
  uniforms.clipLow.value.fromArray(clip.low.map(finite));
  uniforms.clipHigh.value.fromArray(clip.high.map(finite));
  uniforms.clipRange.value.set(finite(clip.nearM), finite(clip.farM));
}

/** Shaders may know no infinity. */
function finite(value: number): number {
  return Math.max(-LARGEST, Math.min(LARGEST, value));
}

/** Round opaque points; alpha 0 is not drawn, and alpha in between fades to the background. */
export function createPointMaterial(shared: PointUniforms, sizeFactor: number): ShaderMaterial {
  return new ShaderMaterial({
    glslVersion: GLSL3,
    vertexShader: VERTEX,
    fragmentShader: FRAGMENT,
    uniforms: {
      background: shared.background,
      disc: shared.disc,
      pixelRatio: shared.pixelRatio,
      clips: shared.clips,
      clipLow: shared.clipLow,
      clipHigh: shared.clipHigh,
      clipRange: shared.clipRange,
      sizeFactor: { value: sizeFactor },
    },
  });
}

/** The diameters of points, CSS pixels, where a metre has `pixelsPerMetre` at w = 1. */
export function discOf(sizing: PointSizing, pixelsPerMetre: number, sizeFactor: number): Disc {
  const size = sizing.pointSize * sizeFactor;
  const fixed = sizing.attenuation ? 0 : size;
  return {
    fixed,
    perW: sizing.attenuation ? size * METRES_PER_SIZE * pixelsPerMetre : 0,
    least: Math.max(1, LEAST_PART * size),
    most: Math.max(LARGEST_PX, fixed),
  };
}

/** Sets the shared uniforms for what is drawn next: `discOf` before the size factor, whose bounds the shader adds. */
export function setPointSizing(
  uniforms: PointUniforms,
  sizing: PointSizing,
  pixelsPerMetre: number,
  pixelRatio: number,
): void {
  const { fixed, perW } = discOf(sizing, pixelsPerMetre, 1);
  uniforms.disc.value.set(fixed, perW, LEAST_PART * sizing.pointSize, LARGEST_PX).multiplyScalar(pixelRatio);
  uniforms.pixelRatio.value = pixelRatio;
}
