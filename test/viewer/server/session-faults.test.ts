import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { writeKittiBin } from '../../../src/pointcloud/kitti-bin.ts';
import { Session } from '../../../src/viewer/server/session.ts';
import { closeSessions, faultOf, open, shownOf, whole } from './open-session.ts';
import { CALIBRATION, LABELS, POINTS, temporaryFolder, write, writeTinyKitti } from './tiny-data.ts';

afterEach(closeSessions);

describe('what is missing or damaged', () => {
  const broken = async (part: string, content: string | Uint8Array | undefined) => {
    const root = await writeTinyKitti(temporaryFolder(), 2);
    const path = join(root, 'training', part);
    rmSync(path);
    if (content !== undefined) write(path, content);
    const session = await open({ path: root });
    // The other frame is whole whatever becomes of this one.
    expect(await shownOf(session, 1)).toEqual(whole);
    return { shown: await shownOf(session, 0), notes: (await session.info()).sequence!.frames[0].notes };
  };

  it('leaves the others: no picture', async () => {
    const { shown, notes } = await broken('image_2/000000.png', undefined);
    expect(notes).toEqual(['image_2/000000.png is missing']);
    const message = expect.stringContaining('frame 000000: expected a picture, found none');
    expect(shown).toEqual({
      ...whole,
      picture: message,
      camera: [undefined, undefined],
      problems: { picture: message },
    });
  });

  it('leaves the others: no calibration', async () => {
    const { shown, notes } = await broken('calib/000000.txt', undefined);
    expect(notes).toEqual(['calib/000000.txt is missing']);
    const message = expect.stringContaining('expected a calibration, found none');
    expect(shown).toEqual({
      ...whole,
      camera: undefined,
      labels: [],
      problems: { calibration: message, labels: message },
    });
  });

  it('leaves the others: no labels', async () => {
    const { shown, notes } = await broken('label_2/000000.txt', undefined);
    expect(notes).toEqual(['label_2/000000.txt is missing']);
    expect(shown).toEqual({ ...whole, labels: [] });
  });

  it('leaves the others: no sweep', async () => {
    const { shown } = await broken('velodyne/000000.bin', undefined);
    expect(shown).toEqual({ ...whole, points: expect.stringContaining('expected a sweep, found none') });
  });

  it('leaves the others: a sweep that ends within a point', async () => {
    const { shown } = await broken('velodyne/000000.bin', writeKittiBin(POINTS).subarray(0, 45));
    expect(shown).toEqual({
      ...whole,
      points: expect.stringMatching(/000000\.bin: byte 32, point 2: expected/),
    });
  });

  it('leaves the others: a picture that is none, and one that is cut', async () => {
    const text = await broken('image_2/000000.png', 'no picture');
    const message = expect.stringContaining('image_2/000000.png');
    expect(text.shown).toEqual({
      ...whole,
      picture: message,
      camera: [undefined, undefined],
      problems: { picture: message },
    });
    const root = await writeTinyKitti(temporaryFolder(), 1);
    const png = readFileSync(join(root, 'training/image_2/000000.png'));
    // Its size can still be read, so that the camera is known.
    const cut = await broken('image_2/000000.png', png.subarray(0, png.length / 2));
    expect(cut.shown).toEqual({ ...whole, picture: message });
  });

  it('leaves the others: damaged calibration and labels', async () => {
    const calibration = await broken('calib/000000.txt', CALIBRATION.slice(0, 60));
    expect(calibration.shown).toMatchObject({
      points: 3,
      picture: 'image/webp',
      camera: undefined,
      labels: [],
    });
    expect(calibration.shown.problems.calibration).toContain('calib/000000.txt');
    const labels = await broken('label_2/000000.txt', `${LABELS}Car 0 0\n`);
    expect(labels.shown).toEqual({
      ...whole,
      labels: [],
      problems: { labels: expect.stringMatching(/label_2\/000000\.txt: line 2/) },
    });
    const bytes = await broken('label_2/000000.txt', new Uint8Array(40).fill(255));
    expect(bytes.shown).toMatchObject({
      ...whole,
      labels: [],
      problems: { labels: expect.stringContaining('UTF-8') },
    });
  });

  it('is read anew once it is mended', async () => {
    const root = await writeTinyKitti(temporaryFolder(), 1);
    const paths = ['velodyne/000000.bin', 'image_2/000000.png'].map((name) => join(root, 'training', name));
    const sound = paths.map((path) => readFileSync(path));
    for (const path of paths) write(path, 'xyz');
    const session = await open({ path: root });
    const shown = await shownOf(session, 0);
    expect(shown.points).toContain('000000.bin');
    expect(shown.picture).toContain('000000.png');
    paths.forEach((path, i) => {
      write(path, sound[i]);
    });
    expect(await shownOf(session, 0)).toEqual(whole);
  });

  it('is told of a folder without frames, and of what does not exist', async () => {
    const folder = temporaryFolder();
    write(join(folder, 'notes.txt'), 'x');
    expect((await faultOf(Session.open({ path: folder }))).found).toBe('notes.txt');
    expect(await faultOf(Session.open({ path: join(folder, 'notes.txt') }))).toMatchObject({
      expected: expect.stringMatching(/^a KITTI object data set, .*\(\.bin, \.pcd, \.ply\) or a run$/),
      found: 'another file',
    });
    // A run has more to show than its data.
    write(join(folder, 'run/config.json'), '{}');
    const session = await open({ path: join(folder, 'run') });
    const { sequence, problem } = await session.info();
    expect(sequence).toBeUndefined();
    expect(problem!.message).toMatch(/config\.json: .*expected/);
    for (const asked of [
      session.scene(0),
      session.points(0),
      session.picture(0),
      session.places(0, {}, new AbortController().signal),
    ]) {
      expect((await faultOf(asked)).expected).toBe('frames');
    }
    expect(await faultOf(Session.open({ path: join(folder, 'none') }))).toMatchObject({ found: 'nothing' });
    const also = [join(folder, 'none')];
    expect(await faultOf(Session.open({ path: folder, also }))).toMatchObject({
      file: also[0],
      found: 'nothing',
    });
  });
});
