/** A label that wants a place. */
export interface LabelCandidate {
  /** CSS pixels: the middle of its lower edge. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Lower ones are placed first: what is important or near. */
  readonly rank: number;
}

/** The part of the stage that labels may cover. */
export interface LabelArea {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const GAP_PX = 2;

/** Which candidates are shown, by index: those that cover none that was placed before them, in the order of rank. */
export function placeLabels(candidates: readonly LabelCandidate[], area: LabelArea): number[] {
  const order = candidates.map((_, k) => k).sort((a, b) => candidates[a].rank - candidates[b].rank || a - b);
  const placed: LabelCandidate[] = [];
  return order.filter((k) => {
    const label = candidates[k];
    const inside =
      label.x >= area.left && label.x <= area.right && label.y >= area.top && label.y <= area.bottom;
    if (!inside || placed.some((other) => overlap(label, other))) return false;
    placed.push(label);
    return true;
  });
}

function overlap(a: LabelCandidate, b: LabelCandidate): boolean {
  return (
    Math.abs(a.x - b.x) < (a.width + b.width) / 2 + GAP_PX &&
    a.y - a.height < b.y + GAP_PX &&
    b.y - b.height < a.y + GAP_PX
  );
}
