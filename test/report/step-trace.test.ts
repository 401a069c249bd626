import { describe, expect, it } from 'vitest';
import type { StepEvent } from '../../src/engine/ranks/stages.ts';
import { overlapOf, stepTraceSvg } from '../../src/report/step-trace.ts';

const event = (kind: StepEvent['kind'], begin: number, end: number): StepEvent => ({
  ...{ kind, place: 0, begin, end },
});

/** Two sums under way at once, of which the later one outlasts the second segment. */
const events = [
  event('segment', 1000, 1010),
  event('collective', 1010, 1025),
  event('segment', 1012, 1030),
  event('collective', 1020, 1035),
  event('segment', 1035, 1040),
];

describe('what a step over ranks did', () => {
  it('counts each moment once, whatever is under way in it', () => {
    // Computes in 0..10, 12..30 and 35..40; talks in 10..35; both in 12..30.
    expect(overlapOf(events)).toEqual({ computesMs: 33, talksMs: 25, bothMs: 18 });
    expect(overlapOf(events.slice(0, 1))).toEqual({ computesMs: 10, talksMs: 0, bothMs: 0 });
  });

  it('is drawn with a bar for each of them', async () => {
    const svg = await stepTraceSvg(events);
    expect(svg).toContain('computes 33 ms; sums and gathers under way 25 ms, 18 of them while it computes');
    expect(svg.match(/aria-roledescription="bar"|<path[^>]*stroke-width="0\.4"/g)).toHaveLength(
      events.length,
    );
  });
});
