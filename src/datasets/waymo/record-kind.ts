import { type MessageField, type MessageFields, WIRE } from './message-fields.ts';

/** What the first record of a file is; `frame` is what is read here. */
export type RecordKind =
  | 'frame'
  | 'scenario'
  | 'end-to-end frame'
  | 'example'
  | 'another message'
  | 'no message';

/** How errors call what is not read. */
export const recordKindNames: { readonly [kind in Exclude<RecordKind, 'frame'>]: string } = {
  scenario: "a Scenario of Waymo's motion data set (its lidar has another form, and it has no pictures)",
  'end-to-end frame': "a frame of Waymo's end-to-end driving data set, which has no lidar",
  example: 'a tf.Example',
  'another message': 'another message',
  'no message': 'bytes that are no protobuf message',
};

/**
 * Tells what a message is by the numbers and wire types of its fields: a `Frame` has a context that begins with a text, and a
 * number as its time; an end-to-end frame has a `Frame` in the place of the context; a `Scenario` has times as doubles or tracks
 * as messages; a `tf.Example` has nothing but a list of named features.
 */
export async function recordKindOf(
  message: MessageFields,
  span: Pick<MessageField, 'start' | 'end'>,
): Promise<RecordKind> {
  try {
    const types = new Map<number, number>();
    let context: MessageField | undefined;
    for await (const field of message.fields(span.start, span.end)) {
      types.set(field.number, field.wire);
      if (field.number === 1 && field.wire === WIRE.bytes) context ??= field;
    }
    const hasTracks = types.get(2) === WIRE.bytes;
    if (types.get(1) === WIRE.fixed64 || (hasTracks && types.has(5))) return 'scenario';
    const inner = context && (await innerKind(message, context));
    if (inner !== undefined) return inner;
    const isFrame = types.get(2) === WIRE.varint || types.get(3) === WIRE.bytes;
    return isFrame ? 'frame' : 'another message';
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw error;
    return 'no message';
  }
}

/** What it is that has a message, and no text, at the beginning of its first field. */
async function innerKind(message: MessageFields, context: MessageField): Promise<RecordKind | undefined> {
  const first = await message.first(1, context);
  if (first === undefined || first.wire !== WIRE.bytes || first.end === first.start) return undefined;
  // A text would have to begin with a line feed to look like the head of a field 1.
  const [byte] = await message.bytes(first.start, first.start + 1);
  if (byte !== ((1 << 3) | WIRE.bytes)) return undefined;
  for await (const { number } of message.fields(context.start, context.end)) {
    if (number !== 1) return 'end-to-end frame';
  }
  return 'example';
}
