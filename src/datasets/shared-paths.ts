/** Paths as bytes that threads share without copies: UTF-8, a zero between two, which no path has in it. */
export function sharePaths(paths: readonly string[]): SharedArrayBuffer {
  const bytes = Buffer.from(paths.join('\0'));
  const shared = new SharedArrayBuffer(bytes.length);
  new Uint8Array(shared).set(bytes);
  return shared;
}

/** The paths of `sharePaths`, of which there is one at least. */
export function sharedPaths(shared: SharedArrayBuffer): string[] {
  return Buffer.from(shared).toString('utf8').split('\0');
}
