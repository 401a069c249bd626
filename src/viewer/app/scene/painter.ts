import { Camera, Color, LinearSRGBColorSpace, Scene, Vector2, Vector4, WebGLRenderer } from 'three';
import { EyeDome } from './eye-dome.ts';
import { createLineUniforms } from './line-material.ts';
import { createPointUniforms, type PointSizing, setPointSizing } from './point-material.ts';
import { seeHalf } from './side.ts';
import { screenColour, type Theme } from './themes.ts';
import type { View } from './views.ts';

/** What a picture depends on beside the scene. */
export interface PictureOptions extends PointSizing {
  readonly theme: Theme;
  /** Strength of eye-dome lighting; 0 goes without. */
  readonly eyeDome: number;
}

const LARGEST_PIXEL_RATIO = 2;

/** Draws the two layers of a scene: points, with their shading, and then all that is laid between them. */
export class Painter {
  /** Behind everything. */
  readonly backdrop = new Scene();
  readonly points = new Scene();
  readonly overlay = new Scene();
  readonly pointUniforms = createPointUniforms();
  readonly lineUniforms = createLineUniforms();
  private readonly renderer: WebGLRenderer | undefined;
  private readonly camera = new Camera();
  private readonly size = new Vector2();
  private readonly viewport = new Vector4();
  private readonly colour = new Color();
  private eyeDome: EyeDome | undefined;

  /** Without WebGL 2 nothing is drawn. */
  constructor(canvas: HTMLCanvasElement) {
    // Lines and rings have soft edges of their own, so that no picture pays for multisampling.
    const context = canvas.getContext('webgl2', { antialias: false, alpha: false });
    this.renderer = context === null ? undefined : new WebGLRenderer({ canvas, context });
    if (this.renderer === undefined) return;
    // Colours are those of the screen from end to end.
    this.renderer.outputColorSpace = LinearSRGBColorSpace;
    this.renderer.autoClear = false;
    this.camera.matrixAutoUpdate = false;
    this.camera.matrixWorldAutoUpdate = false;
  }

  /** Whether there is WebGL 2. */
  get draws(): boolean {
    return this.renderer !== undefined;
  }

  /** Device pixels in a CSS pixel. */
  get pixelRatio(): number {
    return this.renderer?.getPixelRatio() ?? 1;
  }

  /** Follows the size of the canvas, CSS pixels. */
  resize(width: number, height: number): void {
    this.renderer?.setPixelRatio(Math.min(window.devicePixelRatio, LARGEST_PIXEL_RATIO));
    this.renderer?.setSize(width, height, false);
  }

  /** Draws all views and a line between two of them. */
  draw(views: readonly View[], options: PictureOptions): void {
    const { renderer } = this;
    if (renderer === undefined) return;
    renderer.getDrawingBufferSize(this.size);
    renderer.setScissorTest(true);
    screenColour(options.theme.background, this.pointUniforms.background.value);
    for (const view of views) this.drawView(renderer, view, options);
    if (views.length > 1) {
      renderer.setScissor(views[1].left - 0.5, 0, 1, views[1].height);
      renderer.setClearColor(screenColour(options.theme.divider, this.colour), 1);
      renderer.clear(true, false, false);
    }
  }

  /** Calls back with the milliseconds that the graphics card took for what was asked of it since `fromMs`; undefined where it was taken away. */
  whenDone(fromMs: number, tell: (ms: number | undefined) => void): void {
    const gl = this.renderer?.getContext() as WebGL2RenderingContext | undefined;
    const sync = gl?.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0) ?? null;
    if (gl === undefined || sync === null) {
      tell(undefined);
      return;
    }
    gl.flush();
    const look = () => {
      if (gl.isContextLost()) {
        tell(undefined);
        return;
      }
      if (gl.clientWaitSync(sync, 0, 0) === gl.TIMEOUT_EXPIRED) {
        setTimeout(look, 4);
        return;
      }
      gl.deleteSync(sync);
      tell(performance.now() - fromMs);
    };
    setTimeout(look, 0);
  }

  /** Frees what is on the graphics card. */
  dispose(): void {
    this.eyeDome?.dispose();
    this.renderer?.dispose();
  }

  private drawView(renderer: WebGLRenderer, view: View, options: PictureOptions): void {
    const { camera } = this;
    const { projection } = view;
    camera.matrixWorldInverse.copy(projection.viewFromWorld);
    camera.matrixWorld.copy(projection.viewFromWorld).invert();
    camera.projectionMatrix.copy(projection.clipFromView);
    camera.projectionMatrixInverse.copy(projection.clipFromView).invert();
    seeHalf(camera, view.half);
    const ratio = this.pixelRatio;
    this.viewport
      .set(view.left * ratio, 0, view.width * ratio, view.height * ratio)
      .round()
      .min(new Vector4(this.size.x, 0, this.size.x, this.size.y));
    setPointSizing(this.pointUniforms, options, projection.pixelsPerMetre, ratio);
    this.lineUniforms.viewport.value.set(this.viewport.z, this.viewport.w);
    this.lineUniforms.pixelRatio.value = ratio;

    renderer.setRenderTarget(null);
    renderer.setViewport(view.left, 0, view.width, view.height);
    renderer.setScissor(view.left, 0, view.width, view.height);
    renderer.setClearColor(screenColour(options.theme.background, this.colour), 1);
    renderer.clear();
    renderer.render(this.backdrop, camera);
    if (options.eyeDome > 0) {
      this.eyeDome ??= new EyeDome();
      renderer.setRenderTarget(this.eyeDome.targetFor(this.size, this.viewport));
      renderer.clear();
      renderer.render(this.points, camera);
      renderer.setRenderTarget(null);
      this.eyeDome.show(renderer, this.viewport, projection, {
        strength: options.eyeDome,
        radiusPx: 1.4 * ratio,
      });
    } else {
      renderer.render(this.points, camera);
    }
    renderer.render(this.overlay, camera);
  }
}
