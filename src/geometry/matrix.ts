/** A 3x4 matrix, row-major: an affine map, or a projection to homogeneous pixels. */
export type Matrix34 = Float64Array;

/** A 4x4 matrix, row-major. */
export type Matrix44 = Float64Array;
