/** The spans, in steps, that smoothing can be set to; 1 is none. */
export const SPANS: readonly number[] = [1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000];

/**
 * An exponential moving average over about `span` steps: m_t = w m_(t-1) + (1 - w) x_t with w = 1 - 1/span, divided by
 * 1 - w^t so that it does not begin at 0 (Kingma and Ba 2015, section 3). It passes over what is NaN, and is NaN there.
 */
export function smoothed(values: readonly number[], span: number): number[] {
  const weight = 1 - 1 / span;
  let mean = 0;
  let share = 0;
  return values.map((value) => {
    if (Number.isNaN(value)) return value;
    mean = weight * mean + (1 - weight) * value;
    share = weight * share + (1 - weight);
    return mean / share;
  });
}

/** The span that suits a run of so many steps: about a sixtieth of it. */
export function spanFor(steps: number): number {
  return SPANS.findLast((span) => span <= steps / 60) ?? 1;
}
