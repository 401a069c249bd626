import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../../engine/input-error.ts';

const types: { readonly [ending: string]: string } = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** A file of the page. */
export interface AppFile {
  readonly type: string;
  readonly bytes: Buffer;
  /** Whether its name changes with its content, so that browsers may keep it. */
  readonly immutable: boolean;
}

/** The page's own files by their address, read once: nothing else is ever served by name. Throws InputError where the page was not built. */
export async function readAppFiles(): Promise<ReadonlyMap<string, AppFile>> {
  const fromSource = import.meta.url.endsWith('.ts');
  const folder = fileURLToPath(new URL(`../../../${fromSource ? 'dist/' : ''}viewer/`, import.meta.url));
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = new Map<string, AppFile>();
  for (const entry of entries) {
    const type = types[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    const address = `/${relative(folder, path).split(sep).join('/')}`;
    files.set(address, { type, bytes: await readFile(path), immutable: address.startsWith('/assets/') });
  }
  const index = files.get('/index.html');
  if (index === undefined) {
    throw new InputError({ file: folder, expected: 'the built page (npm run build)', found: 'none' });
  }
  return files.set('/', index);
}
