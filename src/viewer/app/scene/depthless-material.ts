import { GLSL3, ShaderMaterial, type ShaderMaterialParameters } from 'three';

/** A material that is laid over what is drawn already, wherever that is, and leaves no depth behind. */
export function createDepthlessMaterial(parameters: ShaderMaterialParameters): ShaderMaterial {
  return new ShaderMaterial({
    glslVersion: GLSL3,
    transparent: true,
    depthTest: false,
    depthWrite: false,
    ...parameters,
  });
}
