import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { InputError } from '../../engine/input-error.ts';

/** Lets files be read only where they really lie, links followed, in the folders (or are the files) that were given. */
export class FolderGuard {
  private readonly roots: readonly string[];

  private constructor(roots: readonly string[]) {
    this.roots = roots;
  }

  /** For folders and files that exist; throws InputError for one that does not. */
  static async over(paths: readonly string[]): Promise<FolderGuard> {
    return new FolderGuard(await Promise.all(paths.map(resolved)));
  }

  /** Throws InputError for a file that is missing, and for one that a link leads out of the folders. */
  async check(path: string): Promise<void> {
    const place = await resolved(path);
    if (this.roots.some((root) => place === root || place.startsWith(root.endsWith(sep) ? root : root + sep)))
      return;
    throw new InputError({
      file: path,
      expected: 'a file inside of the folders that were opened',
      found: `a link that leads out of them; --also ${place} lets it be read`,
    });
  }
}

async function resolved(path: string): Promise<string> {
  return realpath(path).catch((error: NodeJS.ErrnoException) => {
    throw new InputError({ file: path, expected: 'a file or a folder', found: error.code ?? error.message });
  });
}
