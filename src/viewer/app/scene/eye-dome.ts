import {
  DepthTexture,
  GLSL3,
  Mesh,
  NearestFilter,
  NoBlending,
  OrthographicCamera,
  PlaneGeometry,
  Scene,
  ShaderMaterial,
  UnsignedIntType,
  Vector2,
  Vector4,
  type WebGLRenderer,
  WebGLRenderTarget,
} from 'three';
import type { Projection } from './projection.ts';

const VERTEX = /* glsl */ `
void main() { gl_Position = vec4(position.xy, 0.0, 1.0); }`;

/**
 * Darkens a point by how far its neighbours lie in front of it, on a logarithmic scale of depth. What has no point
 * keeps the background: pixels there are not touched.
 */
const FRAGMENT = /* glsl */ `
uniform sampler2D colours;
uniform highp sampler2D depths;
uniform ivec4 area;
uniform vec2 planes;
uniform float reference, strength, radius;
uniform bool orthographic;
out vec4 fragment;

float logDepth(float depth) {
  if (orthographic) return 1.4427 * mix(planes.x, planes.y, depth) / reference;
  return log2(planes.x * planes.y / (planes.y - depth * (planes.y - planes.x)));
}

const float NONE = 1000.0;

float inFront(float own, ivec2 there) {
  float depth = texelFetch(depths, clamp(there, area.xy, area.zw), 0).r;
  // A far wall behind a pole is no darker than one ten metres behind it.
  return depth == 1.0 ? NONE : clamp(own - logDepth(depth), -0.4, 0.4);
}

void main() {
  ivec2 here = ivec2(gl_FragCoord.xy);
  float depth = texelFetch(depths, here, 0).r;
  if (depth == 1.0) discard;
  float own = logDepth(depth);
  float response = 0.0;
  for (int k = 0; k < 4; k++) {
    float angle = 0.785398 * float(k);
    ivec2 offset = ivec2(round(radius * vec2(cos(angle), sin(angle))));
    float one = inFront(own, here + offset);
    float other = inFront(own, here - offset);
    // On a slope one is nearer by what the other is farther. A point with a gap beside it counts less: the lines of a
    // sweep that graze the road would all look like edges.
    if (one != NONE && other != NONE) response += max(0.0, one + other);
    else if (one != NONE || other != NONE) response += 0.25 * max(0.0, one == NONE ? other : one);
  }
  float shade = exp(-response * 12.0 * strength);
  fragment = vec4(texelFetch(colours, here, 0).rgb * mix(0.22, 1.0, shade), 1.0);
  gl_FragDepth = depth;
}`;

/** Eye-dome lighting: points go to a texture with their depths, and from there, shaded, to the canvas. */
export class EyeDome {
  private readonly target: WebGLRenderTarget;
  private readonly material: ShaderMaterial;
  private readonly mesh: Mesh;
  private readonly scene = new Scene();
  private readonly camera = new OrthographicCamera();

  constructor() {
    const depthTexture = new DepthTexture(1, 1, UnsignedIntType);
    this.target = new WebGLRenderTarget(1, 1, {
      minFilter: NearestFilter,
      magFilter: NearestFilter,
      depthTexture,
      generateMipmaps: false,
    });
    this.target.scissorTest = true;
    this.material = new ShaderMaterial({
      glslVersion: GLSL3,
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      blending: NoBlending,
      uniforms: {
        colours: { value: this.target.texture },
        depths: { value: depthTexture },
        area: { value: new Vector4() },
        planes: { value: new Vector2() },
        reference: { value: 1 },
        strength: { value: 0 },
        radius: { value: 1 },
        orthographic: { value: false },
      },
    });
    this.mesh = new Mesh(new PlaneGeometry(2, 2), this.material);
    this.mesh.frustumCulled = false;
    this.scene.add(this.mesh);
  }

  /** What to draw the points of a viewport on; the viewport in device pixels from the bottom left. */
  targetFor(size: Vector2, viewport: Vector4): WebGLRenderTarget {
    if (this.target.width !== size.x || this.target.height !== size.y) this.target.setSize(size.x, size.y);
    this.target.viewport.copy(viewport);
    this.target.scissor.copy(viewport);
    return this.target;
  }

  /** Brings what is on the target to the canvas, whose viewport is set already, with its depth. */
  show(
    renderer: WebGLRenderer,
    viewport: Vector4,
    projection: Projection,
    options: { readonly strength: number; readonly radiusPx: number },
  ): void {
    const { uniforms } = this.material;
    uniforms.area.value.set(viewport.x, viewport.y, viewport.x + viewport.z - 1, viewport.y + viewport.w - 1);
    uniforms.planes.value.set(projection.nearM, projection.farM);
    uniforms.reference.value = projection.referenceM;
    uniforms.orthographic.value = projection.orthographic;
    uniforms.strength.value = options.strength;
    uniforms.radius.value = options.radiusPx;
    renderer.render(this.scene, this.camera);
  }

  /** Frees what is on the graphics card. */
  dispose(): void {
    this.target.depthTexture?.dispose();
    this.target.dispose();
    this.material.dispose();
    this.mesh.geometry.dispose();
  }
}
