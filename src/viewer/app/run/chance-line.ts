import type uPlot from 'uplot';
import { shown } from '../widgets/dom.ts';
import type { ChartColours } from './chart-colours.ts';

/** Room for the line's name beyond the line, in pixels of the page. */
export const CHANCE_LINE_PX = 20;

/** Draws a dashed line at what a loss is when nothing is learned, with its name on it, if that is in sight. */
export function drawChanceLine(chart: uPlot, chance: number, colours: ChartColours): void {
  const { ctx, bbox, scales } = chart;
  const [low, high] = [scales.y.min!, scales.y.max!];
  if (chance < low || chance > high) return;
  const ratio = devicePixelRatio;
  const y = Math.round(chart.valToPos(chance, 'y', true));
  const right = bbox.left + bbox.width;
  ctx.save();
  ctx.strokeStyle = colours.level;
  ctx.lineWidth = ratio;
  ctx.setLineDash([5 * ratio, 4 * ratio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(right, y);
  ctx.stroke();
  ctx.setLineDash([]);
  // The name stands on the side where most curves are not.
  const isUpper = y - bbox.top < bbox.height / 2;
  const isAbove = isUpper ? y - bbox.top > 18 * ratio : bbox.top + bbox.height - y < 18 * ratio;
  ctx.font = colours.font.replace(/^\d+px/, `${11 * ratio}px`);
  ctx.textAlign = 'right';
  ctx.textBaseline = isAbove ? 'bottom' : 'top';
  const text = `Chance level ${shown(chance, 4)}`;
  const baseline = y + (isAbove ? -3 : 4) * ratio;
  // A halo keeps the words readable over the curves.
  ctx.strokeStyle = colours.background;
  ctx.lineWidth = 4 * ratio;
  ctx.lineJoin = 'round';
  ctx.strokeText(text, right - 4 * ratio, baseline);
  ctx.fillStyle = colours.text;
  ctx.fillText(text, right - 4 * ratio, baseline);
  ctx.restore();
}
