import { api, messageOf } from '../api.ts';
import { button } from './controls.ts';
import { byId, element, shown } from './dom.ts';

/** What is known of the selected point: the exact numbers of its file, and where it is seen. */
export class PointCard {
  private readonly root = byId('card');
  private readonly onClose: () => void;
  private loading = new AbortController();

  constructor(options: { readonly onClose: () => void }) {
    this.onClose = options.onClose;
  }

  /** Shows a point of a frame; `facts` stand above the numbers of the file. */
  async show(
    frame: number,
    point: number,
    facts: ReadonlyArray<readonly [name: string, value: string]>,
  ): Promise<void> {
    this.loading.abort();
    this.loading = new AbortController();
    const { signal } = this.loading;
    const rows = element('dl', {}, ...pairs(facts));
    this.root.replaceChildren(
      element(
        'h3',
        {},
        `Point ${point}`,
        button('Close', () => this.onClose(), { icon: 'close' }),
      ),
      rows,
    );
    this.root.hidden = false;
    try {
      const { fields } = await api.point(frame, point, signal);
      if (signal.aborted) return;
      rows.append(
        ...pairs(
          fields.map(
            ({ name, values }) =>
              [
                name,
                values.length > 4
                  ? `${values.slice(0, 4).join(', ')}, … (${values.length})`
                  : values.join(', '),
              ] as const,
          ),
        ),
      );
    } catch (error) {
      const message = messageOf(error);
      if (message !== undefined && !signal.aborted) rows.append(element('dd', {}, message));
    }
  }

  clear(): void {
    this.loading.abort();
    this.root.hidden = true;
  }
}

/** Metres for a person. */
export function metres(value: number): string {
  return lengthText(value, 'm');
}

/** A length for a person, whose unit may not be known. */
export function lengthText(value: number, unit: string): string {
  return `${shown(value, 4)} ${unit}`.trimEnd();
}

function pairs(facts: ReadonlyArray<readonly [name: string, value: string]>): HTMLElement[] {
  return facts.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]);
}
