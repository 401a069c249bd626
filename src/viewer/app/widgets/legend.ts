import { type Category, categoryColour } from '../sweep/categories.ts';
import { cssGradient } from '../sweep/colour-maps.ts';
import type { ValueRange } from '../sweep/colouring.ts';
import { endOfScale } from '../sweep/scale-ends.ts';
import { byId, element } from './dom.ts';

/** More kinds are counted alone. */
const mostCategories = 12;

/** What the colours of the points mean, in the corner of the stage. */
export class Legend {
  private readonly root = byId('legend');

  /** A scale from low to high. */
  scale(name: string, range: ValueRange, map: string, unit = ''): void {
    const bar = element('div', { class: 'bar' });
    bar.style.background = cssGradient(map);
    const end = (value: number) => {
      const text = String(endOfScale(value, range)).replaceAll('-', '−');
      return element('span', {}, unit === '' ? text : `${text} ${unit}`);
    };
    this.fill(
      element('div', {}, name),
      bar,
      element('div', { class: 'ends' }, end(range.low), end(range.high)),
    );
  }

  /** Kinds with their colours: those that most points have, by their number. */
  categories(name: string, categories: readonly Category[]): void {
    const common = [...categories].sort((a, b) => b.count - a.count).slice(0, mostCategories);
    const rows = common
      .sort((a, b) => a.value - b.value)
      .map(({ value, count }) => {
        const swatch = element('i', {});
        swatch.style.background = `rgb(${categoryColour(value).join(' ')})`;
        return element(
          'li',
          {},
          swatch,
          element('span', {}, String(value)),
          element('b', {}, count.toLocaleString('en')),
        );
      });
    const more = categories.length - common.length;
    this.fill(
      element('div', {}, name),
      element('ul', {}, ...rows),
      ...(more > 0 ? [element('div', { class: 'ends' }, `and ${more} more`)] : []),
    );
  }

  /** A sentence. */
  words(text: string): void {
    this.fill(element('div', {}, text));
  }

  clear(): void {
    this.root.hidden = true;
  }

  private fill(...children: readonly HTMLElement[]): void {
    this.root.replaceChildren(...children);
    this.root.hidden = false;
  }
}
