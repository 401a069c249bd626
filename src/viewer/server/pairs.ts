import type { Frame } from '../../datasets/frame.ts';
import type { HostTensor } from '../../engine/host-tensor.ts';
import { Random } from '../../engine/random.ts';
import type { Tree } from '../../engine/tree.ts';
import { samePlaceM } from '../../evaluation/retrieval.ts';
import { inverseView, isMirrored, matrixOf, type ViewStep } from '../../geometry/view-transform.ts';
import { branchAt } from '../../nn/layer.ts';
import { gatherRows } from '../../pointcloud/point-rows.ts';
import { collatePointPairs } from '../../views/collate-point-pairs.ts';
import { drawPointPair, type PointPair, type PointPairView } from '../../views/point-pair.ts';
import type { PointView } from '../../views/point-view.ts';
import type { ModelName, PairsTable } from '../protocol.ts';
import type { Encoders } from './encoders.ts';
import { cosine, type Features } from './features.ts';
import { pixelsOf } from './pixels-of.ts';

/** Cosines closer than this are ties: features are rounded to float32. */
const tieMargin = 1e-5;

/** How a frame's pairs are drawn, and through which model they are looked at. */
export interface PairsOptions {
  readonly config: PointPairView;
  readonly drawnBy: string;
  readonly seed: number;
  readonly through?: { readonly model: ModelName; readonly encoders: Encoders };
}

/** A drawn pair of a frame as a table. Throws an InputError where the encoder's range has none of its points. */
export async function pairsOf(frame: Frame, options: PairsOptions): Promise<PairsTable> {
  const { config, drawnBy, seed, through } = options;
  const sample = drawPointPair(frame, Random.fromSeed(`pairs ${frame.id} ${seed}`), config);
  const { alpha, beta, view, partner, distanceM } = sample;
  const gateM = config.matchGateM ?? samePlaceM;
  const compared = through && (await compare(sample, { config, gateM, encoders: through.encoders }));
  return {
    info: {
      id: frame.id,
      seed,
      gateM,
      gateIsConfigured: config.matchGateM !== null,
      view: view.map(inWords),
      mirrored: isMirrored(view),
      lidarFromView: [...matrixOf(inverseView(view))],
      drawnBy,
      model: through?.model,
    },
    arrays: {
      alphaPoints: alpha.points.slice(),
      betaPoints: beta.points.slice(),
      alpha: placesIn(alpha),
      beta: placesIn(beta),
      betaInLidar: beta.centers.slice(),
      partner: partner.slice(),
      distanceM: distanceM.slice(),
      pixels: pixelsOf(alpha.centers, frame.cameras[0]),
      inside: Uint8Array.from(sample.inside),
      ...compared,
    },
  };
}

/** The last centres of a view (rows of x, y, z) in the view's own frame. */
function placesIn({ points, levels }: PointView): Float32Array<ArrayBuffer> {
  const rows = levels.reduce<Float32Array>((before, { centers }) => gatherRows(before, centers), points);
  return Float32Array.from(
    { length: (rows.length / 4) * 3 },
    (_, i) => rows[4 * Math.floor(i / 3) + (i % 3)],
  );
}

interface Comparison {
  readonly config: PointPairView;
  readonly gateM: number;
  readonly encoders: Encoders;
}

async function compare(sample: PointPair, { config, gateM, encoders }: Comparison) {
  const batch: Tree<HostTensor> = collatePointPairs([sample], config);
  const alpha = await encoders.placesOf(branchAt(batch, 'alpha'));
  const beta = await encoders.placesOf(branchAt(batch, 'beta'));
  const { pixels } = await encoders.pictureOf(batch);
  const { partner, distanceM, inside } = sample;
  const intra = ranking(alpha.within, beta.within, {
    right: (i) => partner[i],
    counts: (i) => distanceM[i] <= gateM,
  });
  const cross = ranking(pixels!, alpha.across, { right: (i) => i, counts: (i) => inside[i] === 1 });
  return {
    intraSimilarity: intra.similarity,
    intraRank: intra.rank,
    crossSimilarity: cross.similarity,
    crossRank: cross.rank,
  };
}

/**
 * Of each query the cosine with its right key, and how many other keys are at least as similar; -1 where the query does
 * not count.
 */
export function ranking(
  queries: Features,
  keys: Features,
  {
    right,
    counts,
  }: { readonly right: (query: number) => number; readonly counts: (query: number) => boolean },
): { readonly similarity: Float32Array<ArrayBuffer>; readonly rank: Int32Array<ArrayBuffer> } {
  const count = queries.rows.length / queries.width;
  const similarity = new Float32Array(count);
  const rank = new Int32Array(count).fill(-1);
  for (let i = 0; i < count; i++) {
    const own = cosine(queries, i, keys, right(i));
    similarity[i] = own;
    if (!counts(i)) continue;
    // The right key itself is among those that are counted, and makes up for the -1.
    for (let j = 0; j < keys.rows.length / keys.width; j++) {
      if (cosine(queries, i, keys, j) >= own - tieMargin) rank[i]++;
    }
  }
  return { similarity, rank };
}

/** A step of a view in words, such as `scaled by 0.91`. */
export function inWords(step: ViewStep): string {
  const short = (value: number) => `${Number(value.toFixed(2))}`;
  const vector = (values: readonly number[]) => `(${values.map(short).join(', ')})`;
  switch (step.kind) {
    case 'rotateZ':
      return `turned by ${Math.round((step.angle * 180) / Math.PI)} degrees about ${vector(step.pivot)}`;
    case 'scale':
      return `scaled by ${short(step.factor)}`;
    case 'flipY':
      return 'mirrored left to right';
    case 'translate':
      return `moved by ${vector(step.by)} m`;
  }
}
