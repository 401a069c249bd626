import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openImageFolder } from '../../src/datasets/image-folder.ts';
import { sharePaths } from '../../src/datasets/shared-paths.ts';
import { InputError } from '../../src/engine/input-error.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder with these files; a name that ends with `/` is an empty folder. */
function folderWith(...names: readonly string[]): string {
  const root = mkdtempSync(join(tmpdir(), 'pictures-'));
  folders.push(root);
  for (const name of names) {
    mkdirSync(name.endsWith('/') ? join(root, name) : dirname(join(root, name)), { recursive: true });
    if (!name.endsWith('/')) writeFileSync(join(root, name), 'x');
  }
  return root;
}

async function faultOf(promise: Promise<unknown>) {
  const error = await promise.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).fault;
}

describe('openImageFolder', () => {
  it('sorts pictures into the classes of their first folders, at any depth, by code units', async () => {
    const root = folderWith(
      'b/2.png',
      'b/10.png',
      'a/x/y/z.JPG',
      'a/w.webp',
      'Z/é.gif',
      'a-b/1.tiff',
      'a/v.avif',
    );
    const { root: folder, ids, paths, classes, notes } = await openImageFolder(root);
    // - comes before /, capitals before small letters, 1 before 2.
    const sorted = ['Z/é.gif', 'a-b/1.tiff', 'a/v.avif', 'a/w.webp', 'a/x/y/z.JPG', 'b/10.png', 'b/2.png'];
    expect(ids).toEqual(sorted);
    expect([folder, paths]).toEqual([root, sorted]);
    expect(classes?.names).toEqual(['Z', 'a', 'a-b', 'b']);
    expect([...classes!.of]).toEqual([0, 2, 1, 1, 1, 3, 3]);
    expect(notes).toEqual([]);
  });

  it('has no classes where pictures lie flat', async () => {
    const { ids, classes, notes } = await openImageFolder(folderWith('b.png', 'a.jpeg', 'c.jpe'));
    expect([ids, classes, notes]).toEqual([['a.jpeg', 'b.png', 'c.jpe'], undefined, []]);
  });

  it('has no classes, and says why, where some pictures lie beside folders of pictures', async () => {
    const { ids, classes, notes } = await openImageFolder(folderWith('a.png', 'x/b.png', 'y/c.png'));
    expect([ids, classes]).toEqual([['a.png', 'x/b.png', 'y/c.png'], undefined]);
    expect(notes).toEqual([
      '1 picture lies beside 2 folders of pictures: all are taken, and folders are no classes',
    ]);
  });

  it('keeps two pictures whose names differ by their endings only', async () => {
    expect((await openImageFolder(folderWith('a/1.png', 'a/1.jpg'))).ids).toEqual(['a/1.jpg', 'a/1.png']);
  });

  it('counts what it leaves aside', async () => {
    const root = folderWith(
      ...['a/1.png', 'a/.DS_Store', '.git/config.png', 'a/Thumbs.db', 'a/list.txt', 'b/more.txt', 'b/2.png'],
      ...['b/README', 'b/3.bmp', 'b/4.BMP', 'b/5.heic'],
    );
    const { ids, classes, notes } = await openImageFolder(root);
    expect([ids, classes?.names]).toEqual([
      ['a/1.png', 'b/2.png'],
      ['a', 'b'],
    ]);
    expect(notes).toEqual([
      'pictures of formats that cannot be read were left aside: 2 .bmp, 1 .heic',
      'files that are no pictures were left aside: 2 .txt, 2 hidden, 1 .db, 1 without ending',
    ]);
  });

  it('leaves out a class without pictures with a note, or refuses it where it is strict', async () => {
    const root = folderWith('a/1.png', 'empty/', 'none/x.txt', 'b/1.png');
    const { classes, notes } = await openImageFolder(root);
    expect(classes?.names).toEqual(['a', 'b']);
    expect(notes[1]).toBe('folders without pictures were left out: empty, none');
    expect(await faultOf(openImageFolder(root, { strict: true }))).toEqual({
      file: join(root, 'empty'),
      expected: 'pictures of a class',
      found: 'none',
    });
  });

  it('says what is there instead of pictures', async () => {
    const root = folderWith('a/1.bmp', 'a/x.txt');
    expect(await faultOf(openImageFolder(root))).toMatchObject({
      file: root,
      found:
        'none (pictures of formats that cannot be read were left aside: 1 .bmp; files that are no pictures were left aside: 1 .txt)',
    });
  });

  it('opens one split of a folder of splits, never their names as classes', async () => {
    const root = folderWith('train/cat/1.png', 'train/dog/1.png', 'test/cat/1.png', 'labels/x.txt');
    const { ids, classes } = await openImageFolder(root, { imageSet: 'train' });
    expect([ids, classes?.names]).toEqual([
      ['cat/1.png', 'dog/1.png'],
      ['cat', 'dog'],
    ]);
    expect((await openImageFolder(join(root, 'test'))).ids).toEqual(['cat/1.png']);
    expect(await faultOf(openImageFolder(root))).toEqual({
      file: root,
      expected: 'one split: --image-set test or --image-set train, or such a folder itself',
      found: 'a folder of test, train',
    });
    expect(await faultOf(openImageFolder(root, { imageSet: 'val' }))).toEqual({
      file: root,
      expected: 'a folder val',
      found: 'labels, test, train',
    });
    const alone = folderWith('train2017/1.jpg', 'annotations/x.json');
    expect((await faultOf(openImageFolder(alone))).found).toBe('a folder of train2017');
    // A train among other things that are photographed is one of them.
    const things = await openImageFolder(folderWith('train/1.png', 'bus/1.png'));
    expect(things.classes?.names).toEqual(['bus', 'train']);
  });

  it('follows links, but not into the folders that they lie in', async () => {
    const [root, elsewhere] = [folderWith('a/1.png', 'a/deep/2.png'), folderWith('3.png')];
    symlinkSync(root, join(root, 'a/deep/loop'));
    symlinkSync(elsewhere, join(root, 'b'));
    symlinkSync(join(root, 'nowhere'), join(root, 'a/lost.png'));
    const { ids, classes, notes } = await openImageFolder(root);
    expect(ids).toEqual(['a/1.png', 'a/deep/2.png', 'a/lost.png', 'b/3.png']);
    expect(classes?.names).toEqual(['a', 'b']);
    expect(notes).toEqual(['links that lead back to a folder they lie in were not followed: a/deep/loop']);
  });

  it('sorts names that are not composed among the others, and keeps the files with them', async () => {
    const { ids, paths } = await openImageFolder(folderWith('z.png', 'e\u0301.png', 'f.png'));
    expect(ids).toEqual(['f.png', 'z.png', '\u00e9.png']);
    expect(paths).toEqual(['f.png', 'z.png', 'e\u0301.png']);
  });

  it('takes the paths that another thread has found, whatever came to the folder since', async () => {
    const root = folderWith('b/e\u0301.png', 'a/1.png', 'a/odd\nname.png');
    const first = await openImageFolder(root);
    writeFileSync(join(root, 'a', '0.png'), 'x');
    const listing = sharePaths(first.paths);
    expect(await openImageFolder(root, { listing })).toEqual(first);
    expect((await openImageFolder(root)).ids).toHaveLength(4);
  });

  it('has one name for both ways of writing an accent, and refuses two files of it', async () => {
    const [composed, apart] = ['a/\u00e9.png', 'a/e\u0301.png'];
    const root = folderWith(apart);
    const { ids, paths } = await openImageFolder(root);
    expect([ids, paths]).toEqual([[composed], [apart]]);
    expect(await faultOf(openImageFolder(folderWith(composed, apart)))).toMatchObject({
      place: composed,
      expected: 'one file',
    });
  });
});
