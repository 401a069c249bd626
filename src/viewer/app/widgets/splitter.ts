import { byId } from './dom.ts';

const stepPx = 24;
const leastPx = 80;

/** Lets the picture be made higher and lower by dragging, or by the arrow keys. */
export function listenToSplitter(): void {
  const panes = byId('panes');
  const bar = byId('splitter');
  const height = () => byId('picture-pane').clientHeight;
  const set = (px: number) => {
    const most = panes.clientHeight - leastPx;
    panes.style.setProperty('--picture-height', `${Math.round(Math.max(leastPx, Math.min(most, px)))}px`);
  };
  bar.addEventListener('pointerdown', (event) => {
    const from = event.clientY + height();
    bar.setPointerCapture(event.pointerId);
    const move = (moved: PointerEvent) => set(from - moved.clientY);
    bar.addEventListener('pointermove', move);
    bar.addEventListener('lostpointercapture', () => bar.removeEventListener('pointermove', move), {
      once: true,
    });
  });
  bar.addEventListener('keydown', (event) => {
    const by = event.key === 'ArrowUp' ? stepPx : event.key === 'ArrowDown' ? -stepPx : 0;
    if (by === 0) return;
    event.preventDefault();
    set(height() + by);
  });
}
