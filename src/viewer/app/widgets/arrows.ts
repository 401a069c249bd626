/** Lets the arrow keys move to the next button of a group and take it, as in tabs and in choices of one. */
export function moveByArrows(group: HTMLElement): void {
  group.addEventListener('keydown', (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const buttons = [...group.querySelectorAll('button')];
    const at = buttons.indexOf(event.target as HTMLButtonElement);
    if (by === undefined || at < 0) return;
    event.preventDefault();
    // Otherwise they would step through the frames as well.
    event.stopPropagation();
    const next = buttons[(at + by + buttons.length) % buttons.length];
    next.click();
    next.focus();
  });
}
