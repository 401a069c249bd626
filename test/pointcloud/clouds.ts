import fc from 'fast-check';

/** Points (N, 3) of many shapes: few and many, spread and crowded, repeated, on a line or a lattice, far from the origin. */
export function cloudOf(
  options: { readonly min?: number; readonly max?: number } = {},
): fc.Arbitrary<Float32Array> {
  const { min = 1, max = 200 } = options;
  const size = { minLength: min, maxLength: max };
  const unit = fc.double({ min: -1, max: 1, noNaN: true });
  const triple = fc.tuple(unit, unit, unit);
  const uniform = fc.array(triple, size);
  const lattice = fc.array(fc.tuple(fc.nat(3), fc.nat(3), fc.nat(2)), size);
  const repeated = fc
    .tuple(triple, fc.integer({ min, max }))
    .map(([p, n]) => Array.from({ length: n }, () => p));
  const line = fc.array(unit, size).map((places) => places.map((t) => [t, 2 * t, -t]));
  const clusters = fc
    .tuple(fc.array(triple, { minLength: 1, maxLength: 3 }), fc.array(fc.tuple(fc.nat(2), triple), size))
    .map(([centers, rows]) =>
      rows.map(([c, p]) => p.map((v, axis) => 50 * centers[c % centers.length][axis] + 0.05 * v)),
    );
  const outlier = uniform.map((rows) => rows.map((p, i) => (i === 0 ? p.map((v) => 1e9 * v) : p)));
  const placing = fc.constantFrom(
    { scale: 1, offset: [0, 0, 0] },
    { scale: 30, offset: [20, -10, 0] },
    // UTM: in float32 the points fall on a coarse raster and often on each other.
    { scale: 5, offset: [289814, 4320978, 170] },
    { scale: 1e-6, offset: [0, 0, 0] },
    { scale: 1e18, offset: [0, 0, 0] },
  );
  return fc
    .tuple(fc.oneof(uniform, lattice, repeated, line, clusters, outlier), placing)
    .map(([rows, { scale, offset }]) =>
      Float32Array.from(rows.flatMap((row) => [...row].map((v, axis) => scale * v + offset[axis]))),
    );
}

/** d² between row `i` of `a` and row `j` of `b`, rows of 3. */
export function squaredDistance(a: Float32Array, i: number, b: Float32Array, j: number): number {
  const [x, y, z] = [0, 1, 2].map((axis) => a[3 * i + axis] - b[3 * j + axis]);
  return x * x + y * y + z * z;
}

/** The same points with two more numbers after each. */
export function widened(points: Float32Array): Float32Array {
  const wide = new Float32Array((points.length / 3) * 5).fill(Number.NaN);
  for (let i = 0; i < points.length / 3; i++) wide.set(points.subarray(3 * i, 3 * i + 3), 5 * i);
  return wide;
}
