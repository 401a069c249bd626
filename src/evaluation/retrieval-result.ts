import { z } from 'zod';

const share = z.number().min(0).max(1);

/**
 * The schema of `evaluation.json`: how often, over held-out frames, the partner of a feature is among its nearest in a pool
 * of candidates, by an encoder before and after training.
 */
export const retrievalResultSchema = z.strictObject({
  /** The split whose frames were used. */
  split: z.string(),
  frames: z.number().int().positive(),
  /** The number of candidates that each query is compared with, its partner among them. */
  pool: z.number().int().positive(),
  rows: z.array(
    z.strictObject({
      task: z.enum(['intra-modal', 'cross-modal']),
      /** `top-1`, `top-5`: the share of queries whose partner is among that many nearest. */
      metric: z.string().min(1),
      /** What guessing gives. */
      chance: share,
      /** What networks with random weights give, over several seeds. */
      random: z.strictObject({ mean: share, std: z.number().min(0), seeds: z.number().int().positive() }),
      /** The network of the run before its first step; null where it was not measured. */
      before: share.nullable(),
      after: share,
    }),
  ),
});

/** Retrieval on held-out frames, as `evaluation.json` has it. */
export type RetrievalResult = z.infer<typeof retrievalResultSchema>;
/** One task and metric of it. */
export type RetrievalRow = RetrievalResult['rows'][number];
