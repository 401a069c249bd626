import type { Unit } from '../../../report/term-names.ts';
import { shown } from '../widgets/dom.ts';

/** A value with its unit. */
export function valueText(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return '–';
  if (unit === 'share') return `${shown(100 * value, 3)} %`;
  if (unit === 'metres') return `${shown(value, 3)} m`;
  if (unit === 'milliseconds') return `${shown(value, 3)} ms`;
  return shown(value, 4);
}

/** A count with its thousands apart: `12,500`. */
export function countText(count: number): string {
  return count.toLocaleString('en-US');
}

/** A count where there is little room: `800`, `12.5k`, `2M`; one that is not round is written out. */
export function shortCountText(count: number): string {
  if (count >= 1e6 && count % 1e5 === 0) return `${count / 1e6}M`;
  if (count >= 1e3 && count % 100 === 0) return `${count / 1e3}k`;
  return countText(count);
}

/** A length of time, to the two units that matter: `40 s`, `12 min`, `3 h 7 min`, `2 d 3 h`. */
export function durationText(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 10 && whole % 60 > 0) return `${minutes} min ${whole % 60} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${Math.floor(hours / 24)} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** With a capital letter at its beginning. */
export function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
