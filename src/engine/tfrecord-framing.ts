/** Tables for eight bytes at once; the first is that of the plain bytewise algorithm. */
const tables = crcTables();

function crcTables(): readonly Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    return crc;
  });
  const all = [first];
  for (let k = 1; k < 8; k++) {
    all.push(all[k - 1].map((crc) => (crc >>> 8) ^ first[crc & 0xff]));
  }
  return all;
}

/** The CRC-32C (Castagnoli) of some bytes, as an unsigned 32-bit number (RFC 3720, appendix B.4). */
export function crc32c(bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables;
  let crc = -1;
  let i = 0;
  for (const end = bytes.length - 7; i < end; i += 8) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    crc =
      t7[crc & 0xff] ^
      t6[(crc >>> 8) & 0xff] ^
      t5[(crc >>> 16) & 0xff] ^
      t4[crc >>> 24] ^
      t3[bytes[i + 4]] ^
      t2[bytes[i + 5]] ^
      t1[bytes[i + 6]] ^
      t0[bytes[i + 7]];
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[i]) & 0xff];
  return ~crc >>> 0;
}

/** The CRC-32C as TFRecord stores it: rotated and shifted, so that records within records do not hold their own. */
export function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Bytes before the data of a record: its length and the masked CRC of that. */
export const RECORD_HEAD_BYTES = 12;
/** Bytes after the data of a record: its masked CRC. */
export const RECORD_TAIL_BYTES = 4;

/** A record in TFRecord framing: u64 length, u32 masked CRC of the length, data, u32 masked CRC of the data, little-endian. */
export function frameTfRecord(data: Uint8Array): Uint8Array {
  const framed = new Uint8Array(RECORD_HEAD_BYTES + data.length + RECORD_TAIL_BYTES);
  const view = new DataView(framed.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(framed.subarray(0, 8)), true);
  framed.set(data, RECORD_HEAD_BYTES);
  view.setUint32(RECORD_HEAD_BYTES + data.length, maskedCrc(data), true);
  return framed;
}
