type Child = Node | string | undefined | false;

interface Attributes {
  readonly [name: string]: string | number | boolean | undefined | ((event: Event) => void);
}

/** An element with attributes (functions are listeners, `true` is an attribute without a value) and children. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') made.addEventListener(key, value);
    else made.setAttribute(key, value === true ? '' : String(value));
  }
  made.append(...children.filter((child) => child !== undefined && child !== false));
  return made;
}

/** The element with that id, which the page's own markup has. */
export function byId<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  return document.getElementById(id) as Kind;
}

/** An icon of the page's sprite. */
export function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Calls a function at most once in each picture of the screen, with the newest arguments. */
export function eachFrame<Arguments extends readonly unknown[]>(
  run: (...given: Arguments) => void,
): (...given: Arguments) => void {
  let newest: Arguments | undefined;
  return (...given) => {
    const waits = newest !== undefined;
    newest = given;
    if (waits) return;
    requestAnimationFrame(() => {
      const arguments_ = newest!;
      newest = undefined;
      run(...arguments_);
    });
  };
}

/** A number for a person, in so many digits: `6.356`, `0.0012`, `3.2e−5`. */
export function shown(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const isPlain = value === 0 || (size >= 1e-3 && size < 1e6);
  const text = isPlain
    ? String(Number(value.toPrecision(digits)))
    : // Without trailing zeros.
      value.toExponential(Math.min(2, digits - 1)).replace(/\.?0*e\+?/, 'e');
  return text.replaceAll('-', '−');
}
