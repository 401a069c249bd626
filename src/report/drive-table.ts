import type { AssociationScore } from '../evaluation/association.ts';
import type { OrderScores } from '../evaluation/clip-orders.ts';
import type { FoundShare } from '../evaluation/frame-order-measures.ts';
import type { DriveMeasures, DriveReport, EncoderMeasures } from '../training/time/measure-drives.ts';
import type { OrderReport } from '../training/time/measure-order.ts';
import { alignedTable } from './aligned-table.ts';

/** What a run's encoders know of time, as tables: percent right and metres, the deviation of random encoders behind ±. */
export function driveTable({
  data,
  drives,
  moments,
  gapS,
  points,
  image,
  rules,
  order,
}: DriveReport): string {
  const encoders = [
    ...(points === null ? [] : [['points', points] as const]),
    ...(image === null ? [] : [['image', image] as const]),
  ];
  const head = ['most alike is right, %', 'encoder', 'chance', 'random weights', 'raw numbers', 'trained'];
  const found = encoders.flatMap(([name, measures]) => [
    foundRow(`frame ${gapS} s away`, name, measures, (each) => each.adjacentFrames),
    ...(measures.trained.sameTrack === null
      ? []
      : [foundRow('same object', name, measures, (each) => each.sameTrack)]),
  ]);
  const places = placesTable(points, rules);
  return [
    `${moments} moments of ${drives} drives of ${data}, ${gapS} s apart`,
    alignedTable(head, found),
    ...(places === undefined ? missingPlaces(points) : [places]),
    ...(order === null ? [] : [orderTable(order)]),
  ].join('\n\n');
}

/** Why nothing is said of where points go; a run without a point encoder lacks nothing. */
function missingPlaces(points: EncoderMeasures | null): string[] {
  return points === null ? [] : ['no labelled tracks: where points go is not measured'];
}

function foundRow(
  what: string,
  encoder: string,
  { trained, random, raw }: EncoderMeasures,
  of: (measures: DriveMeasures) => FoundShare | null,
): string[] {
  const percent = (share: number | null | undefined) => (share == null ? '-' : (100 * share).toFixed(1));
  const shares = random.flatMap((each) => of(each)?.found ?? []);
  return [
    what,
    encoder,
    percent(of(trained)?.chance),
    shares.length === 0 ? '-' : meanAndDeviation(shares.map((share) => 100 * share)),
    raw === null ? '-' : percent(of(raw)?.found),
    percent(of(trained)?.found),
  ];
}

type Associated = 'association' | 'associationWithDistance';

/** Where points have gone: the median error and how many are within half a metre, of what stands and of what moves. */
function placesTable(points: EncoderMeasures | null, rules: DriveReport['rules']): string | undefined {
  const association = points?.trained.association;
  if (rules === null || association == null) return undefined;
  const cells = ({ medianM, recall }: AssociationScore) => [
    medianM === null ? '-' : medianM.toFixed(2),
    recall === null ? '-' : (100 * recall).toFixed(1),
  ];
  const ofRandom = (which: 'standing' | 'moving', of: Associated) => {
    const random = points!.random.flatMap((each) => each[of] ?? []);
    const medians = random.flatMap((each) => each[which].medianM ?? []);
    const recalls = random.flatMap((each) => each[which].recall ?? []);
    return [
      medians.length === 0 ? '-' : meanAndDeviation(medians, 2),
      recalls.length === 0 ? '-' : meanAndDeviation(recalls.map((recall) => 100 * recall)),
    ];
  };
  const rows = [
    ...Object.entries(rules).map(([rule, { standing, moving }]) => [
      rule,
      ...cells(standing),
      ...cells(moving),
    ]),
    ...(['association', 'associationWithDistance'] as const).flatMap((of) => {
      const by = of === 'association' ? 'by features' : 'by features and distance';
      const { standing, moving } = points!.trained[of]!;
      return [
        ...(points!.random.length === 0
          ? []
          : [[`${by}, random weights`, ...ofRandom('standing', of), ...ofRandom('moving', of)]]),
        [`${by}, trained`, ...cells(standing), ...cells(moving)],
      ];
    }),
  ];
  const { standing, moving } = association;
  const head = ['where points have gone', 'standing, m', 'within 0.5 m, %', 'moving, m', 'within 0.5 m, %'];
  return `${alignedTable(head, rows)}\n${standing.points} points of objects that stand, ${moving.points} of objects that move; medians`;
}

/** The order of shuffled clips: the next frame, the whole order, Kendall's tau. */
function orderTable({ clips, frames, gapS, direction, trained, random, chance }: OrderReport): string {
  const either = direction === 'either';
  const row = (what: string, of: (scores: OrderScores) => number, digits: number) => [
    what,
    of(chance).toFixed(digits),
    random.length === 0 ? '-' : meanAndDeviation(random.map(of), digits),
    of(trained).toFixed(digits),
  ];
  const head = [`order of ${frames} frames ${gapS} s apart`, 'chance', 'random weights', 'trained'];
  const rows = [
    row(either ? 'a neighbour in time, %' : 'the next frame, %', ({ next }) => 100 * next, 1),
    row(`the whole order${either ? ', either way' : ''}, %`, ({ exact }) => 100 * exact, 1),
    row(`Kendall's tau${either ? ', either way' : ''}`, ({ kendallTau }) => kendallTau, 2),
  ];
  return `${alignedTable(head, rows)}\n${clips} shuffled clips, drawn as in training; chance is what guessing gives`;
}

function meanAndDeviation(values: readonly number[], digits = 1): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return mean.toFixed(digits);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return `${mean.toFixed(digits)} ± ${Math.sqrt(squares / (values.length - 1)).toFixed(digits)}`;
}
