import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { InputError, reasonOf } from '../../engine/input-error.ts';

/** Files that are read when data is opened, wherever they lie in it: lists of frames, clocks, records of motion, poses, calibrations, tracks. */
const readAtOnce =
  /(^|[\\/])(ImageSets|oxts|poses|label_02)([\\/]|$)|(^|[\\/])((timestamps|calib_)\w*|times|calib|calib[\\/]\d{4})\.txt$/;
/** Folders of files that are read one by one, each looked at before. */
const readLater = /(^|[\\/])(velodyne|image_\d|label_2|(velodyne_points|image_\d\d)[\\/]data)$/;
/** How deep data lies at most: a day's folder, a drive, a sensor, its files. */
const deepest = 4;

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

  /** One that lets files of these folders be read as well; throws InputError for one that does not exist. */
  async withFolders(paths: readonly string[]): Promise<FolderGuard> {
    return new FolderGuard([...this.roots, ...(await Promise.all(paths.map(resolved)))]);
  }

  /** One that lets single files be read as well, which may not be links. */
  async withFiles(files: readonly string[]): Promise<FolderGuard> {
    const places = files.map(async (file) => join(await realpath(dirname(resolve(file))), basename(file)));
    return new FolderGuard([...this.roots, ...(await Promise.all(places))]);
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

  /** As `check`, but a file that is not there is no fault. */
  async checkIfThere(path: string): Promise<void> {
    const there = await lstat(path).then(
      () => true,
      () => false,
    );
    if (there) await this.check(path);
  }

  /** Throws InputError where a file that is read as soon as the data is opened is a link that leads out of the folders. */
  async checkReadAtOnce(folder: string, depth = 0): Promise<void> {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const path = join(folder, entry.name);
      const isLink = entry.isSymbolicLink();
      const leadsToFolder = isLink && (await isFolder(path));
      // Behind a linked folder lies what is read at once as well as in it.
      if (isLink && (leadsToFolder || readAtOnce.test(path))) await this.check(path);
      if ((entry.isDirectory() || leadsToFolder) && depth < deepest && !readLater.test(path)) {
        await this.checkReadAtOnce(path, depth + 1);
      }
    }
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}

async function resolved(path: string): Promise<string> {
  return realpath(path).catch((error: NodeJS.ErrnoException) => {
    throw new InputError({ file: path, expected: 'a file or a folder', found: reasonOf(error) });
  });
}
