import type {
  ColoursTable,
  MetricsTail,
  ModelName,
  ObjectsTable,
  PairsTable,
  PlacesTable,
  PointInfo,
  RunInfo,
  SceneInfo,
  SessionInfo,
  SimilarityQuery,
  SimilarityTable,
  WorkInfo,
} from '../protocol.ts';
import { decodeTable } from '../table.ts';
import { persistently } from './persistently.ts';

/** Something that the server could not give, in the words that it has for it. */
export class Refused extends Error {
  override readonly name: string = 'Refused';
}

/** The server was asked several times and did not answer. */
export class Unreachable extends Refused {
  override readonly name = 'Unreachable';
}

/** A frame by its number, and a camera that sees it; the first one where none is named. */
export interface Seen {
  readonly frame: number;
  readonly camera?: string;
}

type Query = { readonly [name: string]: string | number | undefined };

/** What the page asks the server; every method rejects with `Refused`, or with an AbortError. */
export const api = {
  session: () => json<SessionInfo>('session'),
  scene: (frame: Seen, signal?: AbortSignal) => json<SceneInfo>('scene', { ...frame }, signal),
  /** The same frame's, with the detections of the run that is shown beside. */
  sceneBeside: (frame: Seen, signal?: AbortSignal) =>
    json<SceneInfo>('scene', { ...frame, beside: 'yes' }, signal),
  point: (frame: number, point: number, signal?: AbortSignal) =>
    json<PointInfo>('point', { frame, point }, signal),
  work: () => json<WorkInfo>('work'),
  picture: async (frame: Seen, signal?: AbortSignal): Promise<ImageBitmap> => {
    const response = await ask('picture', { ...frame }, signal);
    return createImageBitmap(await response.blob());
  },
  /** The shown points of a frame as a PCD file. */
  savedPoints: async (frame: number, choice: Query, signal?: AbortSignal): Promise<Blob> =>
    (await ask('save', { frame, ...choice }, signal)).blob(),
  pairs: (frame: Seen, options: { seed: number; model?: ModelName }, signal?: AbortSignal) =>
    table<PairsTable>('pairs', { ...frame, ...options }, signal),
  objects: (frame: number, signal?: AbortSignal) => table<ObjectsTable>('objects', { frame }, signal),
} as const;

/** What the page asks about a run. */
export interface RunApi {
  readonly run: () => Promise<RunInfo>;
  readonly metrics: (offset: number) => Promise<MetricsTail>;
  readonly places: (frame: Seen, signal?: AbortSignal) => Promise<PlacesTable>;
  readonly colours: (frame: Seen, model: ModelName, signal?: AbortSignal) => Promise<ColoursTable>;
  readonly similarity: (
    frame: Seen,
    model: ModelName,
    query: SimilarityQuery,
    signal?: AbortSignal,
  ) => Promise<SimilarityTable>;
}

function runApiOf(which: { readonly beside?: 'yes' }): RunApi {
  return {
    run: () => json('run', which),
    metrics: (offset) => json('metrics', { offset, ...which }),
    places: (frame, signal) => table('places', { ...frame, ...which }, signal),
    colours: (frame, model, signal) => table('colours', { ...frame, ...which, model }, signal),
    similarity: (frame, model, query, signal) =>
      table('similarity', { ...frame, ...which, model, ...query }, signal),
  };
}

/** The run that was opened, and the one that is shown beside it. */
export const runApi = { own: runApiOf({}), beside: runApiOf({ beside: 'yes' }) } as const;

/** The address of a request, from the page's own. */
export function addressOf(name: string, query: Query = {}): string {
  const words = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${encodeURIComponent(value)}`],
  );
  return `api/${name}${words.length > 0 ? `?${words.join('&')}` : ''}`;
}

/** Hears `lost` when the server did not answer at all. */
export const connection = new EventTarget();

/** The response to a request that went well; who does not answer is asked again for some seconds. */
export async function fetched(address: string, signal?: AbortSignal): Promise<Response> {
  const response = await persistently(() => fetch(address, { signal }), signal).catch((error: Error) => {
    if (error.name === 'AbortError') throw error;
    connection.dispatchEvent(new Event('lost'));
    throw new Unreachable('The viewer does not answer: is pointpair view still running?');
  });
  if (response.ok) return response;
  const { message } = (await response.json().catch(() => ({}))) as { message?: string };
  throw new Refused(message ?? `The viewer answered ${response.status}`);
}

/** What an error says to the person at the screen; undefined for requests that were given up. */
export function messageOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return String(error);
  return error.name === 'AbortError' ? undefined : error.message;
}

function ask(name: string, query?: Query, signal?: AbortSignal): Promise<Response> {
  return fetched(addressOf(name, query), signal);
}

async function json<Value>(name: string, query?: Query, signal?: AbortSignal): Promise<Value> {
  return (await ask(name, query, signal)).json() as Promise<Value>;
}

async function table<Made>(name: string, query: Query, signal?: AbortSignal): Promise<Made> {
  const response = await ask(name, query, signal);
  return decodeTable(new Uint8Array(await response.arrayBuffer())) as unknown as Made;
}
