import type { StepEvent } from '../engine/ranks/stages.ts';
import { INK, QUIET, SERIES, toSvg } from './vega-svg.ts';

const COMPUTES = 'computes';
const TALKS = 'talks';

/** The spans of one step of a rank, milliseconds from its beginning. */
interface Span {
  readonly row: typeof COMPUTES | typeof TALKS;
  readonly begin: number;
  readonly end: number;
}

function spansOf(events: readonly StepEvent[]): Span[] {
  const first = Math.min(...events.map(({ begin }) => begin));
  return events.map(({ kind, begin, end }) => ({
    row: kind === 'segment' ? COMPUTES : TALKS,
    begin: begin - first,
    end: end - first,
  }));
}

/** How long a rank computed in a step, how long something was under way to the others, and how long both at once, milliseconds. */
export function overlapOf(events: readonly StepEvent[]): {
  readonly computesMs: number;
  readonly talksMs: number;
  readonly bothMs: number;
} {
  const spans = spansOf(events);
  const ends = [...new Set(spans.flatMap(({ begin, end }) => [begin, end]))].sort((a, b) => a - b);
  const total = { computesMs: 0, talksMs: 0, bothMs: 0 };
  for (const [i, from] of ends.slice(0, -1).entries()) {
    const length = ends[i + 1] - from;
    const within = (row: Span['row']) =>
      spans.some((span) => span.row === row && span.begin <= from && span.end >= ends[i + 1]);
    const [computes, talks] = [within(COMPUTES), within(TALKS)];
    if (computes) total.computesMs += length;
    if (talks) total.talksMs += length;
    if (computes && talks) total.bothMs += length;
  }
  return total;
}

/** What a rank did in a step, as a standing-alone SVG: its segments above, what was under way to the other ranks below. */
export function stepTraceSvg(events: readonly StepEvent[]): Promise<string> {
  const { computesMs, talksMs, bothMs } = overlapOf(events);
  const subtitle =
    `computes ${computesMs.toFixed(0)} ms; sums and gathers under way ${talksMs.toFixed(0)} ms, ` +
    `${bothMs.toFixed(0)} of them while it computes`;
  const rows = [COMPUTES, TALKS];
  return toSvg(
    {
      title: {
        ...{ text: 'A step of one rank', subtitle, anchor: 'start', color: INK },
        ...{ fontSize: 13, subtitleFontSize: 12, subtitleColor: QUIET, subtitlePadding: 4 },
      },
      data: { values: spansOf(events) },
      mark: { type: 'bar', stroke: QUIET, strokeWidth: 0.4 },
      encoding: {
        x: { field: 'begin', type: 'quantitative', title: 'milliseconds', axis: { grid: true } },
        x2: { field: 'end' },
        y: { field: 'row', type: 'nominal', sort: rows, title: null },
        color: {
          field: 'row',
          type: 'nominal',
          legend: null,
          scale: { domain: rows, range: [SERIES[0], SERIES[1]] },
        },
      },
    },
    { width: 760, height: 170 },
  );
}
