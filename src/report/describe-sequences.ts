import type { Sequence } from '../datasets/sequence.ts';
import { gapsOf, periodOf } from '../datasets/windows.ts';
import { alignedTable } from './aligned-table.ts';

/** So many notes are told, unless all are wanted. */
const NOTES = 20;

/** Sequences in words: how many frames each has, when they were taken, which cameras and labels there are, and the notes of their moments (`mostNotes` at most). */
export async function describeSequences(
  sequences: readonly Sequence[],
  options: { readonly notes?: readonly string[]; readonly mostNotes?: number } = {},
): Promise<string> {
  const { mostNotes = NOTES } = options;
  const frames = sequences.reduce((sum, { moments }) => sum + moments.length, 0);
  const many = sequences.length === 1 ? '' : `${sequences.length} sequences, `;
  const rows: string[][] = [];
  for (const sequence of sequences) rows.push(await rowOf(sequence));
  const head = [
    'sequence',
    'frames',
    'first',
    'last',
    'sweeps',
    'pictures',
    'seconds',
    'every (s)',
    'gaps',
    'poses',
    'labels',
  ];
  const notes = [
    ...(options.notes ?? []),
    ...sequences.flatMap((sequence) => notesOf(sequence, sequences.length > 1)),
  ];
  const more = notes.length - mostNotes;
  return [
    `${sequences[0].kind}: ${many}${frames} ${frames === 1 ? 'frame' : 'frames'}`,
    alignedTable(head, rows),
    ...notes.slice(0, mostNotes),
    ...(more > 0 ? [`and ${more} more notes (--all tells every one)`] : []),
  ].join('\n');
}

async function rowOf(sequence: Sequence): Promise<string[]> {
  const { name, moments, cameras } = sequence;
  const times = moments.flatMap(({ timeS }) => timeS ?? []);
  const lengthS = times.length < 2 ? undefined : Math.max(...times) - Math.min(...times);
  const having = (has: (moment: Sequence['moments'][number]) => boolean) => moments.filter(has).length;
  const pictures = cameras.map(
    (camera) => `${camera} ${having((moment) => moment.pictures[camera] !== undefined)}`,
  );
  return [
    name,
    String(moments.length),
    moments[0].id,
    moments.at(-1)!.id,
    String(having(({ files }) => files.sweep !== undefined)),
    pictures.join(', ') || '-',
    lengthS?.toFixed(1) ?? '-',
    periodOf(moments)?.toFixed(3) ?? '-',
    times.length < 2 ? '-' : String(gapsOf(moments).length),
    String(having(({ worldFromLidar }) => worldFromLidar !== undefined)),
    await labelsOf(sequence),
  ];
}

/** How many frames have labels; where one text has all of them, how many tracks there are. */
async function labelsOf(sequence: Sequence): Promise<string> {
  const labelled = sequence.moments.flatMap(({ files }, index) =>
    files.labels === undefined ? [] : [index],
  );
  const files = new Set(labelled.map((index) => sequence.moments[index].files.labels![0]));
  const [file] = files;
  if (files.size !== 1 || labelled.length === 1 || !file.endsWith('.txt')) return String(labelled.length);
  const tracks = new Set<number>();
  try {
    for (const index of labelled)
      for (const { trackId } of await sequence.labels(index)) if (trackId !== undefined) tracks.add(trackId);
  } catch {
    // What is wrong with the file is told where a frame's labels are read.
    return `${labelled.length} (damaged)`;
  }
  return `${labelled.length} (${tracks.size} ${tracks.size === 1 ? 'track' : 'tracks'})`;
}

/** The gaps of a sequence and what its moments note, each with where it is. */
function notesOf(sequence: Sequence, isOneOfMany: boolean): string[] {
  const { name, moments } = sequence;
  const place = (id: string) => (isOneOfMany ? `${name}/${id}` : id);
  const gaps = gapsOf(moments).map(
    ({ before, after, lengthS }) =>
      `${place(moments[before].id)}: ${lengthS.toFixed(3)} s until the next frame with a time, ${moments[after].id}`,
  );
  // What is noted of many frames is told once.
  const idsOf = new Map<string, string[]>();
  for (const { id, notes } of moments)
    for (const note of notes) idsOf.set(note, [...(idsOf.get(note) ?? []), id]);
  const told = [...idsOf].map(([note, ids]) => {
    const last = ids.length === 1 ? '' : ` to ${ids.at(-1)} (${ids.length} frames)`;
    return `${place(ids[0])}${last}: ${note}`;
  });
  return [...gaps, ...told];
}
