/** What a value is a number of. */
export type Unit = 'number' | 'share' | 'metres' | 'milliseconds';

/** What a number of a run is called, in lower case, and its unit. */
export interface TermName {
  readonly words: string;
  readonly unit: Unit;
}

/** Losses whose own names are too short to be understood. */
const losses: { readonly [name: string]: string } = {
  total: 'total loss',
  intra: 'intra-modal loss (view to view)',
  cross: 'cross-modal loss (points to picture)',
};

/** Metrics whose own names are too short to be understood; numbers and units at their ends are read by themselves. */
const metrics: { readonly [stem: string]: string } = {
  top: 'right one found',
  intraTop: 'found in the other view',
  crossTop: 'found from the picture',
  insideFraction: 'places seen in the picture',
  matchDistance: 'distance of matches',
  spread: 'spread of features (0 when collapsed)',
  returned: 'walks that return',
  moving: 'moving segments a sample',
  pairs: 'pairs a sample',
  segments: 'segments a sample',
  cells: 'cells a sample',
  negatives: 'negatives a query',
  found: 'order found',
  objects: 'objects a batch',
  positives: 'positive places a batch',
  centerError: 'error of centres',
  relativeDepthError: 'relative error of depth',
  headingAccuracy: 'headings right',
};
const shares = new Set(['insideFraction', 'returned', 'found', 'headingAccuracy', 'relativeDepthError']);

/** A loss by a name for people: `cross` is `cross-modal loss (points to picture)`; of several objectives theirs comes before it. */
export function lossName(name: string): string {
  const { objective, own } = parted(name);
  return objective + (Object.hasOwn(losses, own) ? losses[own] : `${spaced(own)} loss`);
}

/** A metric by a name for people: `intraTop5` is `found in the other view, top 5`, a share. */
export function metricName(name: string): TermName {
  const { objective, own } = parted(name);
  const [, stem, rank, ending] = /^(.*?)(\d+)?(Ms|M)?$/.exec(own)!;
  const isRank = rank !== undefined && /top$/i.test(stem);
  const known = isRank || rank === undefined ? stem : `${stem}${rank}`;
  const words = Object.hasOwn(metrics, known) ? metrics[known] : spaced(known);
  const isShare = isRank || shares.has(known) || /(fraction|share|accuracy)$/i.test(known);
  return {
    words: `${objective}${words}${isRank ? `, top ${rank}` : ''}`,
    unit: ending === 'Ms' ? 'milliseconds' : ending === 'M' ? 'metres' : isShare ? 'share' : 'number',
  };
}

/** A name of the program's as words: `noWayBack` is `no way back`. */
export function spaced(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=\d)|[_/-]/g, ' ').toLowerCase();
}

function parted(name: string): { readonly objective: string; readonly own: string } {
  const at = name.lastIndexOf('/');
  return { objective: at < 0 ? '' : `${name.slice(0, at)}: `, own: name.slice(at + 1) };
}
