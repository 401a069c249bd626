import { z } from 'zod';
import { InputError } from '../../engine/input-error.ts';
import { type ClipState, clipKeys } from '../clip.ts';
import { encodeTable } from '../table.ts';
import type { Session } from './session.ts';
import type { ShownPicture } from './shown-picture.ts';

/** What answers a request: JSON, or bytes of some type, whole or in pieces. */
export type Answer =
  | { readonly json: unknown }
  | { readonly type: string; readonly bytes: Uint8Array; readonly compress: boolean }
  | { readonly type: string; readonly pieces: Iterable<Uint8Array> };

type Query = { readonly [name: string]: string };
type Route = (session: Session, query: Query, signal: AbortSignal) => Promise<Answer>;

const whole = z
  .string('a whole number')
  .regex(/^\d{1,9}$/, 'a whole number')
  .transform(Number);
const model = z.union([z.literal('before'), whole], "'before' or the step of a checkpoint");

const table = (bytes: Uint8Array): Answer => ({ type: 'application/octet-stream', bytes, compress: true });
const picture = ({ type, bytes }: ShownPicture): Answer => ({ type, bytes, compress: false });

/** A route whose query is held against a schema first. */
function route<Shape extends z.ZodRawShape>(
  shape: Shape,
  answer: (session: Session, query: z.output<z.ZodObject<Shape>>, signal: AbortSignal) => Promise<Answer>,
): Route {
  const schema = z.strictObject(shape, `no more than ${Object.keys(shape).join(', ') || 'the address'}`);
  return (session, query, signal) => {
    const result = schema.safeParse(query);
    if (result.success) return answer(session, result.data, signal);
    const { path, message } = result.error.issues[0];
    throw new InputError({
      file: 'request',
      place: path.join('.') || undefined,
      expected: message,
      found: JSON.stringify(query),
    });
  };
}

const frame = { frame: whole };
/** The camera by its name; the sequence's first one without. */
const seen = { ...frame, camera: z.string().max(200, 'the name of a camera').optional() };
/** Asks what is shown beside instead. */
const which = { beside: z.literal('yes', "'yes', or nothing").optional() };
const chosen = (session: Session, { beside }: { readonly beside?: 'yes' | undefined }) =>
  beside === 'yes' ? session.second() : session;
/** As the answer before had it; it is no mere number of bytes. */
const offset = z
  .string()
  .regex(/^\d{1,16}$/, 'an offset of metrics')
  .transform(Number);

/** A number, as `String` writes it. */
const decimal = z
  .string('a number')
  .regex(/^-?\d{1,30}(\.\d{1,30})?(e[-+]?\d{1,3})?$/, 'a number')
  .transform(Number);
const limits = Object.fromEntries(clipKeys.map((key) => [key, decimal.optional()])) as {
  [Key in keyof ClipState]: z.ZodOptional<typeof decimal>;
};
/** The middle, the size and the yaw of a box. */
const box = z
  .string()
  .transform((text) => text.split(',').map(Number))
  .refine((values) => values.length === 7 && values.every(Number.isFinite), 'seven numbers of a box')
  .transform(([x, y, z, length, width, height, yaw]) => ({
    center: [x, y, z] as const,
    sizeM: [length, width, height] as const,
    yaw,
  }));

/** What can be asked, by address. Frames are numbers: no address has a path in it. */
export const routes: { readonly [address: string]: Route } = {
  '/api/session': route({}, async (session) => ({ json: await session.info() })),
  '/api/points': route({ ...frame, ...which }, async (session, query) => ({
    type: 'application/octet-stream',
    pieces: await chosen(session, query).points(query.frame),
  })),
  '/api/point': route({ ...frame, point: whole }, async (session, query) => ({
    json: await session.point(query.frame, query.point),
  })),
  '/api/save': route(
    {
      ...frame,
      ...limits,
      box: box.optional(),
      neighbours: whole.optional(),
      steady: z.enum(['yes', 'no']).optional(),
    },
    async (session, { frame, box, neighbours = 0, steady, ...given }) => {
      const limits = Object.fromEntries(clipKeys.map((key) => [key, given[key]])) as unknown as ClipState;
      const request = { limits, box, neighbours, steady: steady === 'yes' };
      const bytes = await session.savedPoints(frame, request);
      return { type: 'application/octet-stream', bytes, compress: false };
    },
  ),
  '/api/scene': route({ ...seen, ...which }, async (session, { frame, camera, beside }) => ({
    json: await chosen(session, { beside }).scene(frame, camera),
  })),
  '/api/picture': route(seen, async (session, { frame, camera }) =>
    picture(await session.picture(frame, camera)),
  ),
  '/api/objects': route(frame, async (session, query) =>
    table(encodeTable(await session.objects(query.frame))),
  ),
  '/api/pairs': route(
    { ...seen, seed: whole, model: model.optional() },
    async (session, { frame, ...options }, signal) =>
      table(encodeTable(await session.pairs(frame, options, signal))),
  ),
  '/api/places': route({ ...seen, ...which }, async (session, { frame, beside, ...options }, signal) =>
    table(encodeTable(await chosen(session, { beside }).places(frame, options, signal))),
  ),
  '/api/colours': route(
    { ...seen, ...which, model },
    async (session, { frame, beside, ...options }, signal) =>
      table(encodeTable(await chosen(session, { beside }).colours(frame, options, signal))),
  ),
  '/api/similarity': route(
    { ...seen, ...which, model, place: whole.optional(), cell: whole.optional() },
    async (session, { frame, camera, beside, model, place, cell }, signal) => {
      if ((place === undefined) === (cell === undefined)) {
        throw new InputError({ file: 'request', expected: 'either place or cell', found: 'both or neither' });
      }
      const query = place === undefined ? { cell: cell! } : { place };
      const from = chosen(session, { beside });
      return table(encodeTable(await from.similarity(frame, { camera, model, query }, signal)));
    },
  ),
  '/api/work': route({}, async (session) => ({ json: session.work })),
  '/api/run': route(which, async (session, query) => ({ json: await chosen(session, query).runInfo() })),
  '/api/metrics': route({ offset, ...which }, async (session, query) => ({
    json: await chosen(session, query).metrics(query.offset),
  })),
};
