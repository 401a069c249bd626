import type { FieldLayout } from './packed-rows.ts';
import type { PointField } from './point-cloud.ts';
import { scalarText } from './scalar-type.ts';
import { TextFields } from './text-fields.ts';
import { missingEnd, quote, type TextLines } from './text-lines.ts';

const rowsPerChunk = 16384;
const comment = '#';

/**
 * Points from text, one a line, its values apart by spaces or tabs; words from `#` on are comments. Coordinates may become
 * wider than declared, as `TextFields` says. InputError with the line.
 */
export function readTextRows(
  lines: TextLines,
  layout: readonly FieldLayout[],
  points: number,
): ReturnType<TextFields['finish']> {
  const width = layout.reduce((sum, field) => sum + field.count, 0);
  const stored = new TextFields(layout, points);
  for (let point = 0; point < points; point++) {
    const words = lines.nextWords({ comment });
    if (words === undefined)
      throw lines.fault(`${points} points`, `the end of the file after ${point} points`);
    if (words.length !== width)
      throw lines.fault(
        `${width} values apart by spaces`,
        `${words.length}: ${quote(words.slice(0, 8).join(' '))}`,
      );
    let column = 0;
    layout.forEach(({ name, type, count }, field) => {
      for (let i = 0; i < count; i++) {
        const word = words[column++];
        if (!stored.store(field, point * count + i, word))
          throw lines.fault(`a value of type ${type} for ${name}`, quote(word));
      }
    });
  }
  lines.expectEnd({ comment });
  const { fields, notes } = stored.finish();
  return { fields, notes: lines.endIsMissing ? [...notes, missingEnd] : notes };
}

/** The fields as text, one point a line, every value so that it reads back to the same bits (NaN payloads aside). */
export function writeTextRows(fields: readonly PointField[], points: number): Uint8Array<ArrayBuffer>[] {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const encoder = new TextEncoder();
  for (let start = 0; start < points; start += rowsPerChunk) {
    let text = '';
    for (let point = start; point < Math.min(points, start + rowsPerChunk); point++) {
      let separator = '';
      for (const { count, data } of fields)
        for (let i = 0; i < count; i++) {
          text += separator + scalarText(data, point * count + i);
          separator = ' ';
        }
      text += '\n';
    }
    chunks.push(encoder.encode(text));
  }
  return chunks;
}
