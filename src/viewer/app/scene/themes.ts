import { Color, LinearSRGBColorSpace } from 'three';

/** The colours of the stage's own things. */
export interface Theme {
  readonly background: string;
  readonly grid: string;
  /** Opacity of the grid's main lines. */
  readonly gridOpacity: number;
  readonly divider: string;
  readonly frustum: string;
  readonly axes: readonly [x: string, y: string, z: string];
  /** Text that stands on the background. */
  readonly text: string;
  /** Behind such text, where there are points. */
  readonly plate: string;
  /** Behind labels of boxes. */
  readonly chip: string;
  readonly chipText: string;
  readonly highlight: string;
}

/** Dark and light. */
export const THEMES: Readonly<Record<'dark' | 'light', Theme>> = {
  dark: {
    background: '#0f1115',
    grid: '#aab6cc',
    gridOpacity: 0.2,
    divider: '#333a46',
    frustum: '#8b97ad',
    axes: ['#f0596b', '#57c785', '#5b95f5'],
    text: '#96a2b6',
    plate: 'rgba(15, 17, 21, 0.66)',
    chip: 'rgba(15, 17, 21, 0.82)',
    chipText: '#eef1f6',
    highlight: '#ffffff',
  },
  light: {
    background: '#f7f8fa',
    grid: '#3c4657',
    gridOpacity: 0.2,
    divider: '#c9d0da',
    frustum: '#5d6880',
    axes: ['#d02f45', '#20935a', '#2967d8'],
    text: '#5d687d',
    plate: 'rgba(247, 248, 250, 0.72)',
    chip: 'rgba(255, 255, 255, 0.88)',
    chipText: '#1b2130',
    highlight: '#12151c',
  },
};

/** A CSS colour's own numbers, 0 to 1, for shaders that write them to the screen as they are. */
export function screenColour(css: string, into = new Color()): Color {
  return into.setStyle(css, LinearSRGBColorSpace);
}

/** A CSS colour as bytes. */
export function bytesOf(css: string, alpha = 255): [r: number, g: number, b: number, a: number] {
  const { r, g, b } = screenColour(css);
  return [Math.round(r * 255), Math.round(g * 255), Math.round(b * 255), alpha];
}
