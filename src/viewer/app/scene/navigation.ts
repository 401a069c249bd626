import { Flight } from './flight.ts';
import {
  lookedAround,
  magnified,
  type Pose,
  panned,
  shifted,
  type Triple,
  turned,
  zoomedAbout,
} from './pose.ts';
import { type Extent, metresPerPixel, type Pinhole, pictureRectangle } from './projection.ts';

/** Whether dragging turns the world about the pivot, or the eye on the spot. */
export type NavigationMode = 'orbit' | 'fly';

/** A half of the stage and the cursor in it, CSS pixels. */
export interface NavigationView {
  readonly extent: Extent;
  readonly x: number;
  readonly y: number;
  readonly camera: Pinhole | undefined;
}

/** What navigation needs of the stage. */
export interface NavigationHost {
  readonly canvas: HTMLCanvasElement;
  pose(): Pose;
  move(pose: Pose): void;
  /** What is under the cursor, or a place as far away as the pivot. */
  anchorAt(clientX: number, clientY: number): Triple;
  /** The half under the cursor: its size, the cursor from its top left, and the camera one looks through. */
  viewAt(clientX: number, clientY: number): NavigationView | undefined;
  /** A double click or double tap. */
  pivotAt(clientX: number, clientY: number): void;
  requestRender(): void;
}

interface Pointer {
  x: number;
  y: number;
  /** Whether it pans instead of turning. */
  readonly pans: boolean;
}

const TURN_PER_PX = 0.005;
const LOOK_PER_PX = 0.003;
const WHEEL_PER_PX = 0.0015;
const PX_PER_LINE = 33;
/** A wheel keeps what it zooms towards for so long. */
const WHEEL_PAUSE_MS = 250;
const DOUBLE_TAP_MS = 320;

/** Pointer, wheel and keys. Nothing moves once they rest. */
export class Navigation {
  private readonly host: NavigationHost;
  private readonly pointers = new Map<number, Pointer>();
  private readonly flight = new Flight();
  private readonly ears = new AbortController();
  private current: NavigationMode = 'orbit';
  private hovered = false;
  private flying = false;
  private wheel: { anchor: Triple; x: number; y: number; timeMs: number } | undefined;
  private tap: { x: number; y: number; timeMs: number } | undefined;

  constructor(host: NavigationHost) {
    this.host = host;
    const { canvas } = host;
    canvas.style.touchAction = 'none';
    if (!canvas.hasAttribute('tabindex')) canvas.tabIndex = 0;
    const { signal } = this.ears;
    canvas.addEventListener('pointerdown', (event) => this.down(event), { signal });
    canvas.addEventListener('pointermove', (event) => this.moved(event), { signal });
    for (const end of ['pointerup', 'pointercancel', 'lostpointercapture'] as const) {
      canvas.addEventListener(end, (event) => this.pointers.delete(event.pointerId), { signal });
    }
    canvas.addEventListener('pointerenter', () => (this.hovered = true), { signal });
    canvas.addEventListener('pointerleave', () => (this.hovered = false), { signal });
    canvas.addEventListener('contextmenu', (event) => event.preventDefault(), { signal });
    canvas.addEventListener('wheel', (event) => this.wheeled(event), { signal, passive: false });
    canvas.addEventListener('dblclick', (event) => host.pivotAt(event.clientX, event.clientY), { signal });
    // Before the page's own shortcuts, which want the arrow keys as well.
    window.addEventListener('keydown', (event) => this.key(event), { signal, capture: true });
    window.addEventListener('keyup', (event) => this.flight.release(event.code), { signal });
    window.addEventListener('blur', () => this.flight.releaseAll(), { signal });
  }

  /** What dragging does, and whether keys fly. */
  get mode(): NavigationMode {
    return this.current;
  }

  set mode(mode: NavigationMode) {
    this.current = mode;
    this.flight.releaseAll();
  }

  /** Moves on to a time in milliseconds; whether there is more to come. */
  step(timeMs: number): boolean {
    if (!this.flying) return false;
    const pose = this.flight.step(this.host.pose(), timeMs);
    this.flying = pose !== undefined;
    if (pose !== undefined) this.host.move(pose);
    return this.flying;
  }

  /** Lets go of everything. */
  dispose(): void {
    this.ears.abort();
  }

  private down(event: PointerEvent): void {
    const { canvas } = this.host;
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    const pans = event.button === 2 || event.button === 1 || event.shiftKey || event.ctrlKey || event.metaKey;
    if (event.button === 1) event.preventDefault();
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, pans });
    if (event.pointerType === 'touch' && this.pointers.size === 1) this.tapped(event);
  }

  private tapped({ clientX: x, clientY: y, timeStamp: timeMs }: PointerEvent): void {
    const { tap } = this;
    const again =
      tap !== undefined && timeMs - tap.timeMs < DOUBLE_TAP_MS && Math.hypot(x - tap.x, y - tap.y) < 24;
    this.tap = again ? undefined : { x, y, timeMs };
    if (again) this.host.pivotAt(x, y);
  }

  private moved(event: PointerEvent): void {
    const pointer = this.pointers.get(event.pointerId);
    if (pointer === undefined) return;
    const before = [...this.pointers.values()].map(({ x, y }) => ({ x, y }));
    const dx = event.clientX - pointer.x;
    const dy = event.clientY - pointer.y;
    pointer.x = event.clientX;
    pointer.y = event.clientY;
    if (this.pointers.size > 1) this.pinch(before);
    else this.drag(dx, dy, pointer);
  }

  private drag(dx: number, dy: number, pointer: Pointer): void {
    const pose = this.host.pose();
    const view = this.host.viewAt(pointer.x, pointer.y);
    if (view === undefined) return;
    if (view.camera !== undefined) {
      const { width, height } = pictureRectangle(pose, view.extent, view.camera);
      this.host.move(shifted(pose, -dx / width, -dy / height));
      return;
    }
    // From above, a map is dragged; it is turned with what pans elsewhere.
    const pans = pose.view === 'birds-eye' ? !pointer.pans : pointer.pans;
    if (pans) {
      const metres = metresPerPixel(pose, view.extent);
      this.host.move(panned(pose, -dx * metres, dy * metres));
    } else if (pose.view === 'birds-eye') {
      this.host.move(turned(pose, dx * TURN_PER_PX, 0));
    } else if (this.mode === 'fly') {
      this.host.move(lookedAround(pose, -dx * LOOK_PER_PX, dy * LOOK_PER_PX));
    } else {
      this.host.move(turned(pose, -dx * TURN_PER_PX, dy * TURN_PER_PX));
    }
  }

  /** Two fingers: their middle pans, their distance zooms. */
  private pinch(before: readonly { x: number; y: number }[]): void {
    const [a, b] = [...this.pointers.values()];
    const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
    const spread = Math.hypot(a.x - b.x, a.y - b.y);
    const spreadBefore = Math.hypot(before[0].x - before[1].x, before[0].y - before[1].y);
    const dx = middle.x - (before[0].x + before[1].x) / 2;
    const dy = middle.y - (before[0].y + before[1].y) / 2;
    const pans = this.host.pose().view !== 'birds-eye';
    this.drag(dx, dy, { ...middle, pans });
    if (spread > 1 && spreadBefore > 1) this.zoom(spreadBefore / spread, middle.x, middle.y);
  }

  private wheeled(event: WheelEvent): void {
    event.preventDefault();
    const px = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? PX_PER_LINE : 1);
    // Pinching on a trackpad comes as a wheel with small steps and the control key.
    const factor = Math.exp(Math.max(-240, Math.min(240, px)) * WHEEL_PER_PX * (event.ctrlKey ? 6 : 1));
    const { clientX: x, clientY: y, timeStamp: timeMs } = event;
    const last = this.wheel;
    const goesOn =
      last !== undefined && timeMs - last.timeMs < WHEEL_PAUSE_MS && Math.hypot(x - last.x, y - last.y) < 4;
    const anchor = goesOn ? last.anchor : this.host.anchorAt(x, y);
    this.wheel = { anchor, x, y, timeMs };
    this.zoom(factor, x, y, anchor);
  }

  private zoom(factor: number, x: number, y: number, anchor?: Triple): void {
    const pose = this.host.pose();
    const view = this.host.viewAt(x, y);
    if (view === undefined) return;
    if (view.camera !== undefined) {
      const picture = pictureRectangle(pose, view.extent, view.camera);
      const at: [number, number] = [
        (view.x - picture.left) / picture.width,
        (view.y - picture.top) / picture.height,
      ];
      this.host.move(magnified(pose, at, 1 / factor));
    } else {
      this.host.move(zoomedAbout(pose, anchor ?? this.host.anchorAt(x, y), factor));
    }
  }

  private key(event: KeyboardEvent): void {
    if (this.mode !== 'fly' || this.host.pose().view !== 'perspective') return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const { activeElement } = document;
    const away = activeElement?.matches('input, select, textarea, [contenteditable]');
    if (activeElement !== this.host.canvas && (away || !this.hovered)) return;
    if (!this.flight.press(event.code)) return;
    if (!event.code.startsWith('Shift')) {
      event.preventDefault();
      event.stopPropagation();
    }
    this.flying = true;
    this.host.requestRender();
  }
}
