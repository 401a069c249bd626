import { Random } from '../../engine/random.ts';
import { type Accuracy, accuracyOf, largestColumns } from './accuracy.ts';
import { designOf, type FitAt, type LinearFit, type Scaling, scalingOf, scoresOf } from './design.ts';
import {
  checkLabelled,
  checkSameWidth,
  type Features,
  type LabelledFeatures,
  selectRows,
} from './features.ts';
import { partsOf } from './folds.ts';
import { ridgeRegression } from './ridge-regression.ts';
import { softmaxRegression } from './softmax-regression.ts';

export type LinearClassifier = 'logistic' | 'ridge';

export interface LinearProbeOptions {
  /** `logistic` by default. */
  readonly classifier?: LinearClassifier;
  /** The penalties to choose from; with one there is no choice to make. Eleven from 1e-5 to 10 by default. */
  readonly penalties?: readonly number[];
  /** Of the choice of rows that are held out; 0 by default. */
  readonly seed?: number;
}

/** What a linear classifier of frozen features reaches. */
export interface LinearProbe extends Accuracy {
  readonly classifier: LinearClassifier;
  readonly penalty: number;
  /** The accuracy on held-out training rows that each penalty reached, falling penalties; empty where there was no choice. */
  readonly tried: ReadonlyArray<{ readonly penalty: number; readonly accuracy: number }>;
  readonly trainAccuracy: number;
  /** Whether the weights are the best ones, to the tolerance of the search. */
  readonly converged: boolean;
  /** The class of each test row. */
  readonly predictions: Int32Array;
}

const defaultPenalties = [10, 3, 1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 1e-4, 1e-5];
const PARTS = 5;
/** With fewer rows than these a fifth of them says too little, and each fifth is held out in turn. */
const FEW = 1000;

/**
 * The accuracy on test rows of a linear classifier of the training rows, both scaled by the training rows' mean and deviation.
 * The penalty is the one with the best accuracy on a fifth of the training rows, held out while the rest is fitted (the strongest
 * of equal ones; of fewer than 1,000 rows each fifth in turn); with it all of them are fitted anew. Test rows choose nothing.
 *
 * `logistic`, the default, is what the literature's linear probes train by SGD: softmax and cross-entropy; but it is solved to the
 * minimum, so that there is no learning rate, whose best value lies anywhere from 0.001 to 30 in published probes, to choose.
 * `ridge` fits the classes as numbers by least squares, in closed form: a fifth of the time, and mostly within a standard error; with
 * few columns and many classes it loses those that lie between others.
 * Training rows of classes that do not occur are no fault; test rows of theirs are wrong answers.
 * Throws as `checkLabelled` does, and RangeError for no penalties or one that is not above 0.
 */
export function linearProbe(
  train: LabelledFeatures,
  test: LabelledFeatures,
  options: LinearProbeOptions = {},
): LinearProbe {
  checkLabelled(train, 'training features');
  checkLabelled(test, 'test features');
  checkSameWidth(train, test);
  const { classifier = 'logistic', seed = 0 } = options;
  const penalties = [...(options.penalties ?? defaultPenalties)].sort((a, b) => b - a);
  if (penalties.length === 0 || !penalties.every((penalty) => penalty > 0 && Number.isFinite(penalty))) {
    throw new RangeError(`penalties are numbers above 0, found [${penalties.join(', ')}]`);
  }
  const tried = penalties.length === 1 ? [] : tryPenalties(train, { classifier, penalties, seed });
  const best = tried.reduce((kept, each) => (each.accuracy > kept.accuracy ? each : kept), {
    penalty: penalties[0],
    accuracy: Number.NEGATIVE_INFINITY,
  });
  const learner = learnerOf(train, classifier, 1e-6);
  const fit = learner.fitAt(best.penalty);
  const predictions = learner.predict(fit, test);
  return {
    classifier,
    penalty: best.penalty,
    tried,
    trainAccuracy: accuracyOf(learner.predict(fit, train), train.labels).accuracy,
    converged: fit.converged,
    ...accuracyOf(predictions, test.labels),
    predictions,
  };
}

function tryPenalties(
  train: LabelledFeatures,
  options: {
    readonly classifier: LinearClassifier;
    readonly penalties: readonly number[];
    readonly seed: number;
  },
): Array<{ penalty: number; accuracy: number }> {
  const { classifier, penalties, seed } = options;
  const { count, classes, labels } = train;
  if (count < 2) return [];
  const random = Random.fromSeed(seed).fork('held-out rows');
  const parts = partsOf(labels, { classes, parts: Math.min(PARTS, count), random });
  const rounds = count < FEW ? Math.min(PARTS, count) : 1;
  const right = penalties.map(() => 0);
  let answers = 0;
  for (let round = 0; round < rounds; round++) {
    const rows = [...parts.keys()];
    const heldOut = selectRows(
      train,
      rows.filter((i) => parts[i] === round),
    );
    const learner = learnerOf(
      selectRows(
        train,
        rows.filter((i) => parts[i] !== round),
      ),
      classifier,
      1e-4,
    );
    let fit: LinearFit | undefined;
    for (const [at, penalty] of penalties.entries()) {
      fit = learner.fitAt(penalty, fit);
      right[at] += accuracyOf(learner.predict(fit, heldOut), heldOut.labels).accuracy * heldOut.count;
    }
    answers += heldOut.count;
  }
  return penalties.map((penalty, at) => ({ penalty, accuracy: right[at] / answers }));
}

/** Fits a classifier of some rows, and asks it for the classes of others. */
interface Learner {
  readonly fitAt: FitAt;
  predict(fit: LinearFit, features: Features): Int32Array;
}

function learnerOf(train: LabelledFeatures, classifier: LinearClassifier, tolerance: number): Learner {
  const scaling: Scaling = scalingOf(train);
  // Only the classes that occur: the intercept of another would go to minus infinity.
  const present = [...new Set(train.labels)].sort((a, b) => a - b);
  const placeOf = new Map(present.map((label, place) => [label, place]));
  const data = {
    design: designOf(train, scaling),
    labels: train.labels.map((label) => placeOf.get(label)!),
    classes: present.length,
  };
  return {
    fitAt: classifier === 'ridge' ? ridgeRegression(data) : softmaxRegression(data, { tolerance }),
    predict: (fit, features) =>
      largestColumns(scoresOf(designOf(features, scaling), fit), present.length).map(
        (place) => present[place],
      ),
  };
}
