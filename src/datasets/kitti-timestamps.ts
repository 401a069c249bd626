import { InputError } from '../engine/input-error.ts';

const LINE = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)\.(\d{9})$/;
const DATE_LENGTH = '2011-09-26T13:04:32'.length;

/**
 * The times of a KITTI raw `timestamps.txt`, one `YYYY-MM-DD HH:MM:SS.nnnnnnnnn` a line: nanoseconds since 1970 by the
 * sequence's own clock, line k (from 0) for frame k. An empty line is an unknown time; empty lines at the end are left
 * away. Throws InputError with the line for anything else.
 */
export function parseKittiTimestamps(
  text: string,
  options: { readonly file?: string } = {},
): ReadonlyArray<bigint | undefined> {
  const { file = 'KITTI timestamps' } = options;
  const times = text.split('\n').map((line, index) => {
    const content = line.trim();
    return content === '' ? undefined : nanosecondsOf(content, `line ${index + 1}`, file);
  });
  return times.slice(0, times.findLastIndex((time) => time !== undefined) + 1);
}

/** A time in nanoseconds since 1970 as a line of a KITTI raw `timestamps.txt`, without the line's end; undoes `parseKittiTimestamps`. */
export function formatKittiTimestamp(nanoseconds: bigint): string {
  const iso = new Date(Number(nanoseconds / 1_000_000n)).toISOString();
  const fraction = String(nanoseconds % 1_000_000_000n).padStart(9, '0');
  return `${iso.slice(0, 10)} ${iso.slice(11, DATE_LENGTH)}.${fraction}`;
}

/** Seconds from one time to another; exact to the nanosecond for the length of a drive. */
export function secondsBetween(from: bigint, to: bigint): number {
  return Number(to - from) / 1e9;
}

function nanosecondsOf(content: string, place: string, file: string): bigint {
  const [, date, time, fraction] = LINE.exec(content) ?? [];
  const iso = `${date}T${time}`;
  const milliseconds = Date.parse(`${iso}Z`);
  // A date that does not exist, such as the 31st of February, may come back as another.
  const exists =
    !Number.isNaN(milliseconds) && new Date(milliseconds).toISOString().slice(0, DATE_LENGTH) === iso;
  if (!exists) {
    throw new InputError({
      file,
      place,
      expected: 'a time such as 2011-09-26 13:04:32.335337762',
      found: JSON.stringify(content.length > 40 ? `${content.slice(0, 40)}…` : content),
    });
  }
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction);
}
