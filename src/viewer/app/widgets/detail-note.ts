import { byId } from './dom.ts';

/** Says how many of the points in view are drawn, where not all are. */
export function showDetail(drawn: number, seen: number): void {
  const note = byId('stage-detail');
  note.hidden = drawn >= seen;
  note.dataset.drawn = String(drawn);
  note.dataset.seen = String(seen);
  note.textContent = `${millions(drawn)} of ${millions(seen)} points in view drawn`;
}

/** A number of points for a person: 412,000 or 3.1 million. */
function millions(points: number): string {
  if (points >= 1e6) return `${(points / 1e6).toFixed(1)} million`;
  return (points < 1000 ? points : 1000 * Math.round(points / 1000)).toLocaleString('en');
}
