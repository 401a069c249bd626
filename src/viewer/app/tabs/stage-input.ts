import type { Context, TabView } from '../context.ts';
import { eachFrame } from '../widgets/dom.ts';

/** A press that moves farther than this, in CSS pixels, is no click. */
const clickReachPx = 4;

/** Tells the shown part of the page what the pointer is over on the stage. */
export function followPointer(
  { stage }: Context,
  canvas: HTMLCanvasElement,
  shown: () => TabView | undefined,
): void {
  let pressed: { readonly x: number; readonly y: number } | undefined;
  const hover = eachFrame((x: number, y: number) => shown()?.hoverPoint(stage.pick(x, y)));
  canvas.addEventListener('pointermove', ({ clientX, clientY, buttons }) => {
    if (buttons === 0) hover(clientX, clientY);
  });
  canvas.addEventListener('pointerleave', () => shown()?.hoverPoint(undefined));
  canvas.addEventListener('pointerdown', ({ clientX, clientY, button }) => {
    pressed = button === 0 ? { x: clientX, y: clientY } : undefined;
  });
  canvas.addEventListener('pointerup', ({ clientX, clientY }) => {
    const from = pressed;
    pressed = undefined;
    if (from === undefined || Math.hypot(clientX - from.x, clientY - from.y) > clickReachPx) return;
    shown()?.clickPoint(stage.pick(clientX, clientY));
  });
}
