import type { Sequence } from '../sequence.ts';

/** A sequence with a name that no other one of its source has. */
export type NamedSequence = Sequence & { readonly name: string };
