/** The colours that a chart is painted with, as a canvas takes them. */
export interface ChartColours {
  readonly curves: readonly string[];
  /** Of the same curves where they are drawn behind their smoothed ones. */
  readonly faint: readonly string[];
  readonly grid: string;
  readonly text: string;
  readonly level: string;
  readonly background: string;
  readonly font: string;
}

const CURVES = ['--run-curve-1', '--run-curve-2', '--run-curve-3', '--run-curve-4'];

/** The page's colours as they are at an element now. */
export function chartColours(within: HTMLElement): ChartColours {
  const probe = document.createElement('span');
  within.append(probe);
  // A canvas knows nothing of custom properties, and a custom property may hold another.
  const resolved = (colour: string) => {
    probe.style.color = colour;
    return getComputedStyle(probe).color;
  };
  const colours = {
    curves: CURVES.map((name) => resolved(`var(${name})`)),
    faint: CURVES.map((name) => resolved(`color-mix(in srgb, var(${name}) var(--run-faint), transparent)`)),
    grid: resolved('color-mix(in srgb, var(--line) 70%, transparent)'),
    text: resolved('var(--muted)'),
    level: resolved('var(--muted)'),
    background: resolved('var(--panel)'),
    font: `11px ${getComputedStyle(within).fontFamily}`,
  };
  probe.remove();
  return colours;
}
