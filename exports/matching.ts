/**
 * Optimal assignment, soft and hard, and the correspondence of two point sets:
 * `import { linearSumAssignment } from 'pointpair/matching'`.
 */

// Assignment of rows to columns at the least cost.
export {
  type Assignment,
  AssignmentSolver,
  linearSumAssignment,
} from '../src/matching/linear-sum-assignment.ts';

// Pairs of two point sets.
export {
  matchPoints,
  PointMatcher,
  type PointMatches,
  type PointMatchingOptions,
} from '../src/matching/point-matching.ts';

// Entropic optimal transport.
export { sinkhorn, type TransportPlan } from '../src/matching/sinkhorn.ts';
export type { SinkhornOptions } from '../src/matching/transport-checks.ts';
