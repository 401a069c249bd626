import { choleskyFactor, solveCholesky } from '../../geometry/small-solve.ts';

/** Pairs of control points: the first 3 of 3, all 6 of 4. */
const PAIRS = [
  [0, 1],
  [0, 2],
  [1, 2],
  [0, 3],
  [1, 3],
  [2, 3],
] as const;

const GAUSS_NEWTON_STEPS = 8;

/**
 * The weights β of the null vectors for which the control points Σ β_k·v_k are as far from one another as those of the
 * object: one proposal each for the null space taken to have 1, 2, 3 and (linearised in β₀) all dimensions, every one
 * refined by Gauss-Newton over all of them. `vectors` holds `count` rows of `count` points; `squared[e]` is the squared
 * distance of pair e of (01, 02, 12, 03, 13, 23). Both signs of β solve it alike.
 * Lepetit, Moreno-Noguer and Fua, EPnP (IJCV 2009), sections 3.3 and 3.4.
 */
export function proposeBetas(vectors: Float64Array, squared: Float64Array, count: 3 | 4): Float64Array[] {
  const products = differenceProducts(vectors, count);
  const proposals = [oneDimension(products, squared, count)];
  const unknowns: ReadonlyArray<ReadonlyArray<readonly [k: number, l: number]>> = [
    [
      [0, 0],
      [0, 1],
      [1, 1],
    ],
    Array.from({ length: count }, (_, l) => [0, l] as const),
    [
      [0, 0],
      [0, 1],
      [1, 1],
      [0, 2],
      [1, 2],
      [2, 2],
    ],
  ];
  for (const pairs of unknowns) {
    const betas = pairs.length > squared.length ? undefined : linearised(products, squared, count, pairs);
    if (betas !== undefined) proposals.push(betas);
  }
  for (const betas of proposals) refine(betas, products, squared);
  return proposals;
}

/** (v_k^i - v_k^j)·(v_l^i - v_l^j) for each pair e = (i, j): [e][k][l]. */
function differenceProducts(vectors: Float64Array, count: number): Float64Array {
  const edges = count === 3 ? 3 : 6;
  const products = new Float64Array(edges * count * count);
  for (let e = 0; e < edges; e++) {
    const [i, j] = PAIRS[e];
    for (let k = 0; k < count; k++) {
      for (let l = 0; l < count; l++) {
        let sum = 0;
        for (let d = 0; d < 3; d++) {
          const ofK = vectors[k * 3 * count + 3 * i + d] - vectors[k * 3 * count + 3 * j + d];
          const ofL = vectors[l * 3 * count + 3 * i + d] - vectors[l * 3 * count + 3 * j + d];
          sum += ofK * ofL;
        }
        products[(e * count + k) * count + l] = sum;
      }
    }
  }
  return products;
}

function oneDimension(products: Float64Array, squared: Float64Array, count: number): Float64Array {
  let along = 0;
  let size = 0;
  for (let e = 0; e < squared.length; e++) {
    const length = products[e * count * count];
    along += Math.sqrt(length * squared[e]);
    size += length;
  }
  const betas = new Float64Array(count);
  betas[0] = size > 0 ? along / size : 0;
  return betas;
}

/** Least squares for the products β_k·β_l of some pairs, the others taken as 0, and the β that these stand for. */
function linearised(
  products: Float64Array,
  squared: Float64Array,
  count: number,
  pairs: ReadonlyArray<readonly [k: number, l: number]>,
): Float64Array | undefined {
  const width = pairs.length;
  const normal = new Float64Array(width * width);
  const right = new Float64Array(width);
  const row = new Float64Array(width);
  for (let e = 0; e < squared.length; e++) {
    pairs.forEach(([k, l], p) => {
      row[p] = products[(e * count + k) * count + l] * (k === l ? 1 : 2);
    });
    addOuter(normal, right, row, squared[e]);
  }
  const factor = choleskyFactor(normal, width);
  if (factor === undefined) return undefined;
  solveCholesky(factor, right);
  const betas = new Float64Array(count);
  // β₀² should be positive; where it is not, all products have the wrong sign.
  const sign = right[0] < 0 ? -1 : 1;
  betas[0] = Math.sqrt(sign * right[0]);
  const ownSquare = pairs.map(([k, l]) => k === l && k > 0);
  pairs.forEach(([k, l], p) => {
    if (k !== 0 || l === 0) return;
    const own = pairs.findIndex(([a], at) => ownSquare[at] && a === l);
    const cross = sign * right[p];
    betas[l] = own < 0 ? cross / betas[0] : Math.sign(cross) * Math.sqrt(Math.max(0, sign * right[own]));
  });
  return betas.every(Number.isFinite) ? betas : undefined;
}

/** Gauss-Newton, a little damped, on Σ_e (‖Σ β_k·(v_k^i - v_k^j)‖² - d_e²)². */
function refine(betas: Float64Array, products: Float64Array, squared: Float64Array): void {
  const count = betas.length;
  const normal = new Float64Array(count * count);
  const right = new Float64Array(count);
  const row = new Float64Array(count);
  for (let step = 0; step < GAUSS_NEWTON_STEPS; step++) {
    normal.fill(0);
    right.fill(0);
    for (let e = 0; e < squared.length; e++) {
      let distance = 0;
      for (let k = 0; k < count; k++) {
        let sum = 0;
        for (let l = 0; l < count; l++) sum += products[(e * count + k) * count + l] * betas[l];
        row[k] = 2 * sum;
        distance += sum * betas[k];
      }
      addOuter(normal, right, row, squared[e] - distance);
    }
    let most = 0;
    for (let k = 0; k < count; k++) most = Math.max(most, normal[k * count + k]);
    for (let k = 0; k < count; k++) normal[k * count + k] += 1e-9 * most;
    const factor = choleskyFactor(normal, count);
    if (factor === undefined) return;
    solveCholesky(factor, right);
    for (let k = 0; k < count; k++) betas[k] += right[k];
  }
}

function addOuter(normal: Float64Array, right: Float64Array, row: Float64Array, value: number): void {
  const width = row.length;
  for (let i = 0; i < width; i++) {
    right[i] += row[i] * value;
    for (let j = 0; j < width; j++) normal[i * width + j] += row[i] * row[j];
  }
}
