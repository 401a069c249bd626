import { element } from './dom.ts';

/** A group of controls that opens at its heading. */
export function folded(
  title: string,
  ...children: ReadonlyArray<Node | string | undefined>
): HTMLDetailsElement {
  return element(
    'details',
    { class: 'group folded' },
    element('summary', {}, element('h2', {}, title)),
    ...children,
  );
}
