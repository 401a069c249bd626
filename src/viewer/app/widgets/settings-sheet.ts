import { button } from './controls.ts';
import { byId } from './dom.ts';

/** The button that opens the settings where the window is too narrow for them to stand beside the stage: then they are a sheet over it. */
export function settingsToggle(): HTMLButtonElement {
  const main = byId('main');
  const set = (isOpen: boolean) => {
    main.classList.toggle('with-sheet', isOpen);
    toggle.setAttribute('aria-expanded', String(isOpen));
  };
  const toggle = button('Settings', () => set(!main.classList.contains('with-sheet')), {
    icon: 'settings',
    class: 'bare sheet-toggle',
  });
  toggle.setAttribute('aria-controls', 'side');
  set(false);
  const close = button(
    'Close the settings',
    () => {
      set(false);
      toggle.focus();
    },
    { icon: 'close' },
  );
  byId('sheet-head').append(close);
  byId('side').addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !main.classList.contains('with-sheet')) return;
    event.stopPropagation();
    close.click();
  });
  return toggle;
}
