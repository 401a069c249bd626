import { type Accuracy, accuracyOf, largestColumns } from './accuracy.ts';
import {
  checkFeatures,
  checkLabelled,
  checkSameWidth,
  type Features,
  type LabelledFeatures,
} from './features.ts';
import { type Metric, type NeighbourLists, nearestOtherRows, nearestRows } from './neighbour-lists.ts';

/** How neighbours vote. */
export interface KnnVoting {
  /** T in the weight exp(similarity / T), 0.07 by default; not used by `euclidean`. */
  readonly temperature?: number;
  /** `cosine` by default. */
  readonly metric?: Metric;
}

export interface KnnOptions extends KnnVoting {
  /** Numbers of neighbours, each with a result of its own from one pass over the similarities; 20 by default. */
  readonly k?: readonly number[];
}

/** The accuracy with k neighbours, and all that it depends on. */
export interface KnnAccuracy extends Accuracy {
  readonly k: number;
  readonly temperature: number;
  readonly metric: Metric;
  /** The class that was voted for each row. */
  readonly predictions: Int32Array;
}

/** Added to a distance before it divides, so that an equal row has a weight too. */
const LEAST_DISTANCE = 1e-5;

const votingDefaults = { temperature: 0.07, metric: 'cosine' } as const;

/**
 * How many test rows the weighted vote of their k nearest training rows puts in the right class, one result for each k: rows
 * at length one, similarity s = cosine, weight exp(s / T), summed for each class (Wu et al. 2018, Unsupervised Feature
 * Learning via Non-Parametric Instance Discrimination, section 3.4; DINO's evaluation is the same).
 * It is defined to the last tie: of equally near rows the one of the lower number is the neighbour, of classes with equal sums
 * the lower one wins. A row of zeros has similarity 0 with all. Where there are fewer than k training rows all of them vote.
 *
 * Other programs differ, and their numbers with them: lightly has T = 0.1 and k = 200; solo-learn's training loop votes with
 * `euclidean` distances d of rows as they are, weights 1 / (d + 1e-5); VISSL takes products of rows as they are, `dot`, with
 * T = 0.1. Two multiplications for each training row, test row and column: 5,000 by 5,000 rows of 256 take some 4 s.
 * Throws as `checkFeatures` and `checkLabelled` do, and RangeError for k or a temperature that are not above 0.
 */
export function knnAccuracy(
  train: LabelledFeatures,
  test: LabelledFeatures,
  options: KnnOptions = {},
): KnnAccuracy[] {
  checkLabelled(train, 'training features');
  checkLabelled(test, 'test features');
  checkSameWidth(train, test);
  return accuracies(train, test.labels, options, (nearest) => nearestRows(train, test, nearest));
}

/**
 * The same with every row of one set as the test of all others: no row votes for itself. It costs half as much as the set
 * against another of its size. Throws RangeError where there is one row only.
 */
export function knnLeaveOneOut(train: LabelledFeatures, options: KnnOptions = {}): KnnAccuracy[] {
  checkLabelled(train, 'features');
  if (train.count < 2) throw new RangeError('leaving one out needs two rows, found 1');
  return accuracies(train, train.labels, options, (nearest) => nearestOtherRows(train, nearest));
}

/**
 * The votes themselves, [queries.count · classes]: for each query the sum of its neighbours' weights in every class, in units of
 * the nearest one's weight, which keeps exp(s / T) from overflowing where T is small.
 */
export function knnVotes(
  train: LabelledFeatures,
  queries: Features,
  options: KnnVoting & { readonly k: number },
): Float64Array {
  checkLabelled(train, 'training features');
  checkFeatures(queries, 'queries');
  checkSameWidth(train, queries);
  const { k, ...voting } = { ...votingDefaults, ...options };
  checkOptions([k], voting.temperature);
  return votesOf(nearestRows(train, queries, { most: k, metric: voting.metric }), train, { k, ...voting });
}

function accuracies(
  train: LabelledFeatures,
  labels: Int32Array,
  options: KnnOptions,
  nearest: (options: { readonly most: number; readonly metric: Metric }) => NeighbourLists,
): KnnAccuracy[] {
  const { k: numbers, temperature, metric } = { k: [20], ...votingDefaults, ...options };
  checkOptions(numbers, temperature);
  const lists = nearest({ most: Math.max(...numbers), metric });
  return numbers.map((k) => {
    const votes = votesOf(lists, train, { k, temperature, metric });
    const predictions = largestColumns(votes, train.classes);
    return { k, temperature, metric, ...accuracyOf(predictions, labels), predictions };
  });
}

function votesOf(
  { count, length, indices, nearness }: NeighbourLists,
  { labels, classes }: LabelledFeatures,
  { k, temperature, metric }: Required<KnnVoting> & { readonly k: number },
): Float64Array {
  const votes = new Float64Array(count * classes);
  for (let i = 0; i < count; i++) {
    const begin = i * length;
    const nearest = nearness[begin];
    for (let at = begin; at < begin + Math.min(k, length); at++) {
      const weight =
        metric === 'euclidean'
          ? (LEAST_DISTANCE - nearest) / (LEAST_DISTANCE - nearness[at])
          : Math.exp((nearness[at] - nearest) / temperature);
      votes[i * classes + labels[indices[at]]] += weight;
    }
  }
  return votes;
}

function checkOptions(numbers: readonly number[], temperature: number): void {
  const wrong = numbers.find((k) => !Number.isInteger(k) || k < 1);
  if (wrong !== undefined || numbers.length === 0) {
    throw new RangeError(`k is a whole number above 0, found ${wrong ?? 'none'}`);
  }
  if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`a temperature is a number above 0, found ${temperature}`);
  }
}
