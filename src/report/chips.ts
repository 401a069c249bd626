/** A few words at a place of a picture, whose lower edge's middle is to be at x, y. */
export interface Chip {
  readonly x: number;
  readonly y: number;
  readonly words: string;
  readonly colour: string;
}

const FONT = 14;
const HEIGHT = 19;
/** How wide a character is on average, as a part of the font's size. */
const CHARACTER = 0.56;
const PADDING = 5;
/** How many places above one another are tried before words are left out. */
const TRIES = 4;

/** Words on dark plates with a coloured edge, inside a picture of a size; where they would cover one another later ones rise or are left out. */
export function chipsSvg(
  chips: readonly Chip[],
  { width, height }: { readonly width: number; readonly height: number },
): string {
  const taken: Array<{ readonly left: number; readonly top: number; readonly right: number }> = [];
  return chips
    .map(({ x, y, words, colour }) => {
      const wide = Math.ceil(words.length * CHARACTER * FONT) + 2 * PADDING;
      const left = Math.max(0, Math.min(width - wide, x - wide / 2));
      for (let tried = 0; tried < TRIES; tried++) {
        const top = Math.min(height - HEIGHT, y - 4 - HEIGHT - tried * (HEIGHT + 1));
        if (top < 0) break;
        const free = taken.every(
          (other) => left >= other.right || left + wide <= other.left || Math.abs(top - other.top) >= HEIGHT,
        );
        if (!free) continue;
        taken.push({ left, top, right: left + wide });
        return chip({ left: Math.round(left), top: Math.round(top), wide, words, colour });
      }
      return '';
    })
    .join('');
}

function chip(options: { left: number; top: number; wide: number; words: string; colour: string }): string {
  const { left, top, wide, words, colour } = options;
  return `<rect x="${left}" y="${top}" width="${wide}" height="${HEIGHT}" rx="3" fill="#0a0c10" fill-opacity="0.78"/><rect x="${left}" y="${top}" width="3" height="${HEIGHT}" fill="${colour}"/><text x="${left + wide / 2 + 1}" y="${top + 14}" font-size="${FONT}" text-anchor="middle" fill="#fff">${plainText(words)}</text>`;
}

/** Words of a file without what an SVG would take for its own. */
export function plainText(words: string): string {
  return words.replaceAll(/[<>&"]/g, '');
}
