/** The size of a block of a tar file, bytes: heads are one block, data are filled up with zeros to whole ones. */
export const TAR_BLOCK = 512;

/** What a tar file ends with: two blocks of zeros. */
export const tarEnd: Uint8Array = new Uint8Array(2 * TAR_BLOCK);

/** The longest name that a head has room for, without the field for a folder, in bytes. */
export const TAR_NAME_BYTES = 100;

/** The largest member that eleven octal digits can tell, bytes. */
const LARGEST = 8 ** 11 - 1;

/**
 * The head of a regular file in a POSIX tar (ustar, IEEE 1003.1): 512 bytes. Owner and time are 0, so that the same members
 * give the same bytes. Throws RangeError for a name that is empty, not ASCII or over 100 bytes, and for 8 GiB or more.
 */
export function tarHead({ name, bytes }: { readonly name: string; readonly bytes: number }): Uint8Array {
  if (!/^[\x21-\x7e]+$/.test(name) || name.length > TAR_NAME_BYTES) {
    throw new RangeError(`tar: a name of 1 to ${TAR_NAME_BYTES} ASCII characters is needed, not '${name}'`);
  }
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > LARGEST) {
    throw new RangeError(`tar: a size of 0 to ${LARGEST} bytes is needed, not ${bytes}`);
  }
  const head = Buffer.alloc(TAR_BLOCK);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
  head.write(name, 0, 'latin1');
  head.write(`${octal(0o644, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100, 'latin1');
  head.write(`${octal(bytes, 11)}\0${octal(0, 11)}\0`, 124, 'latin1');
  head.write('0', 156, 'latin1');
  head.write('ustar\x0000', 257, 'latin1');
  head.write(`${octal(0, 7)}\0${octal(0, 7)}\0`, 329, 'latin1');
  // The sum is taken with blanks in its own place.
  head.fill(' ', 148, 156);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${octal(sum, 6)}\0 `, 148, 'latin1');
  return head;
}

/** The zeros that fill data of this size up to whole blocks. */
export function tarPadding(bytes: number): Uint8Array {
  return tarEnd.subarray(0, (TAR_BLOCK - (bytes % TAR_BLOCK)) % TAR_BLOCK);
}
