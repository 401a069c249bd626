import { type SampleSource, type SourceReference, sourceBeside } from '../../datasets/loader-source.ts';
import { type ComparedPictures, type MatchedPictures, matchPictures } from './match-boxes.ts';

/** What is matched with what; the arrays lie in memory that threads share. */
export interface MatchSourceOptions {
  readonly compared: ComparedPictures;
  readonly neighbours: number;
  readonly keep: number;
  /** Runs of pictures, each an item. */
  readonly blocks: ReadonlyArray<{ readonly first: number; readonly count: number }>;
}

/** The factory of these, for worker threads to import. */
export function matchSourceReference(options: MatchSourceOptions): SourceReference {
  return sourceBeside(import.meta.url, { name: 'match-source', export: 'matchSource', options });
}

/** Matches runs of pictures. Nothing is drawn at random. */
export function matchSource({
  compared,
  blocks,
  ...options
}: MatchSourceOptions): SampleSource<MatchedPictures> {
  return {
    length: blocks.length,
    sample: (index) => matchPictures(compared, { ...options, ...blocks[index] }),
  };
}
