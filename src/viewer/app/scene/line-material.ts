import { GLSL3, GreaterDepth, ShaderMaterial, Vector2 } from 'three';

/** Uniforms that all lines of a stage share. */
export interface LineUniforms {
  /** Size of the viewport, device pixels. */
  readonly viewport: { value: Vector2 };
  readonly pixelRatio: { value: number };
}

/** How lines look. */
export interface LineStyle {
  /** CSS pixels; 1.5 by default. */
  readonly widthPx?: number;
  /** How much is seen of what lies behind points: 0 nothing, the default, to 1 for lines over everything. */
  readonly hiddenOpacity?: number;
}

/** Divided by w here, so that width, dashes and the soft edge are the same everywhere along a line. */
const VERTEX = /* glsl */ `
in vec3 start, end;
in vec4 startColour, endColour;
in float dash;
uniform vec2 viewport;
uniform float width, pixelRatio;
out vec4 colour;
out vec2 place;
out float dashed;
void main() {
  vec4 a = projectionMatrix * (modelViewMatrix * vec4(start, 1.0));
  vec4 b = projectionMatrix * (modelViewMatrix * vec4(end, 1.0));
  float nearA = a.z + a.w;
  float nearB = b.z + b.w;
  if (nearA <= 0.0 && nearB <= 0.0) {
    gl_Position = vec4(0.0, 0.0, 2.0, 1.0);
    return;
  }
  if (nearA < 0.0) a = mix(a, b, nearA / (nearA - nearB));
  if (nearB < 0.0) b = mix(b, a, nearB / (nearB - nearA));
  vec2 pixelA = a.xy / a.w * viewport * 0.5;
  vec2 pixelB = b.xy / b.w * viewport * 0.5;
  vec2 along = pixelB - pixelA;
  float reach = length(along);
  along = reach > 1e-4 ? along / reach : vec2(1.0, 0.0);
  float rim = width * pixelRatio * 0.5 + 1.0;
  vec2 pixel = mix(pixelA, pixelB, position.x) + rim * position.y * vec2(-along.y, along.x);
  gl_Position = vec4(pixel / (viewport * 0.5), mix(a.z / a.w, b.z / b.w, position.x), 1.0);
  colour = mix(startColour, endColour, position.x);
  place = vec2(position.x * reach, position.y * rim) / pixelRatio;
  dashed = dash;
}`;

const FRAGMENT = /* glsl */ `
in vec4 colour;
in vec2 place;
in float dashed;
uniform float width, pixelRatio, opacity;
out vec4 fragment;
void main() {
  float edge = clamp((width * 0.5 - abs(place.y)) * pixelRatio + 0.5, 0.0, 1.0);
  if (dashed > 0.5 && fract(place.x / 9.0) > 0.6) discard;
  fragment = vec4(colour.rgb, colour.a * edge * opacity);
}`;

/** New uniforms for the lines of a stage. */
export function createLineUniforms(): LineUniforms {
  return { viewport: { value: new Vector2(1, 1) }, pixelRatio: { value: 1 } };
}

/** Lines of constant width on the screen with soft edges; `hidden` ones are drawn only where something covers them. */
export function createLineMaterial(shared: LineUniforms, style: LineStyle, hidden = false): ShaderMaterial {
  return new ShaderMaterial({
    glslVersion: GLSL3,
    vertexShader: VERTEX,
    fragmentShader: FRAGMENT,
    transparent: true,
    depthWrite: false,
    ...(hidden ? { depthFunc: GreaterDepth } : {}),
    uniforms: {
      viewport: shared.viewport,
      pixelRatio: shared.pixelRatio,
      width: { value: style.widthPx ?? 1.5 },
      opacity: { value: hidden ? style.hiddenOpacity : 1 },
    },
  });
}
