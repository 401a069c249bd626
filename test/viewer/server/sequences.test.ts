import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { InputError } from '../../../src/engine/input-error.ts';
import { decodeImage } from '../../../src/image/decode-image.ts';
import type { SessionOptions } from '../../../src/viewer/server/open-parts.ts';
import { Session } from '../../../src/viewer/server/session.ts';
import {
  removeFolders,
  temporaryFolder,
  write,
  writeOdometry,
  writeTracking,
} from '../../datasets/tiny-sequences.ts';
import { tinyRun } from '../../objectives/tiny-simipu.ts';

const sessions: Session[] = [];

async function open(options: SessionOptions): Promise<Session> {
  const session = await Session.open(options);
  sessions.push(session);
  return session;
}

afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
  removeFolders();
});

async function faultOf(promise: Promise<unknown>) {
  const error = await promise.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).fault;
}

async function greyOf(session: Session, frame: number): Promise<number> {
  const { bytes } = await session.picture(frame);
  return (await decodeImage(bytes, { file: 'picture' })).data[0];
}

describe('a data set of several sequences', () => {
  it('is shown by its first one, which is said, or by the one that is named', async () => {
    const root = temporaryFolder();
    for (const [number, frames] of [
      ['0000', [0, 1]],
      ['0004', [0, 1, 2]],
    ] as const)
      await writeTracking(join(root, 'training'), number, frames);
    const first = await open({ path: root });
    expect(first.notes).toEqual(['showing 0000 of 2 sequences; --sequence shows another: 0004']);
    const { sequence } = await first.info();
    expect(sequence).toMatchObject({ kind: 'KITTI tracking sequence', name: '0000' });
    expect(sequence!.frames.map(({ timeS }) => timeS)).toEqual([0, 0.1]);
    const { camera, labels, problems } = await first.scene(1);
    expect([camera!.name, camera!.width, labels.map(({ trackId }) => trackId), problems]).toEqual([
      'image_02',
      40,
      [7],
      {},
    ]);
    const other = await open({ path: root, sequence: '0004' });
    expect([other.notes, (await other.info()).sequence!.frames.length]).toEqual([[], 3]);
    expect(await faultOf(Session.open({ path: root, sequence: '0007' }))).toMatchObject({
      place: 'sequence 0007',
      expected: 'one of 0000, 0004',
    });
  });

  it('is seen by the camera that is named', async () => {
    const root = temporaryFolder();
    await writeOdometry(root, '00', [0, 1]);
    const session = await open({ path: root, camera: 'image_1' });
    const { camera } = await session.scene(1);
    expect([camera!.name, camera!.pixelFromLidar[3]]).toEqual(['image_1', 20 * -0.3 - 15]);
    // Lossy pictures for the page are off by some steps of grey.
    expect(Math.abs((await greyOf(session, 1)) - 51)).toBeLessThan(4);
    expect(Math.abs((await greyOf(await open({ path: root }), 1)) - 101)).toBeLessThan(4);
    expect(await faultOf(Session.open({ path: root, camera: 'image_02' }))).toMatchObject({
      place: 'camera image_02',
      expected: 'a camera of image_2, image_3, image_0, image_1',
    });
  });

  it("is a run's: its camera and the first of its sequences", async () => {
    const root = temporaryFolder();
    for (const number of ['0000', '0001']) await writeTracking(join(root, 'training'), number, [0]);
    const run = join(temporaryFolder(), 'run');
    const data = { root, camera: 'image_03', sequences: ['0001'], frames: 1 };
    write(join(run, 'config.json'), JSON.stringify({ ...tinyRun(), data }));
    const session = await open({ path: run });
    expect(session.notes).toEqual(['showing 0001 of 2 sequences; --sequence shows another: 0000']);
    expect((await session.info()).problem).toBeUndefined();
    expect((await session.scene(0)).camera!.name).toBe('image_03');
    const own = await open({ path: run, sequence: '0000', camera: 'image_02' });
    expect([(await own.info()).sequence!.name, (await own.scene(0)).camera!.name]).toEqual([
      '0000',
      'image_02',
    ]);
  });
});

describe('links that lead out of a data set', () => {
  it('are refused where they are read at once: poses, times, records of motion', async () => {
    for (const name of ['poses/00.txt', 'sequences/00/times.txt', 'sequences/00/calib.txt']) {
      const [root, elsewhere] = [temporaryFolder(), temporaryFolder()];
      await writeOdometry(root, '00', [0]);
      rmSync(join(root, name));
      write(join(elsewhere, 'other.txt'), 'x');
      symlinkSync(join(elsewhere, 'other.txt'), join(root, name));
      expect((await faultOf(Session.open({ path: root }))).found, name).toContain('--also');
    }
    // Poses lie beside the folder of a single sequence.
    const [root, elsewhere] = [temporaryFolder(), temporaryFolder()];
    await writeOdometry(root, '00', [0]);
    expect(
      (await (await open({ path: join(root, 'sequences/00') })).info()).sequence!.frames[0].worldFromLidar,
    ).toBeDefined();
    rmSync(join(root, 'poses'), { recursive: true });
    mkdirSync(join(root, 'poses'));
    write(join(elsewhere, 'other.txt'), 'x');
    symlinkSync(join(elsewhere, 'other.txt'), join(root, 'poses/00.txt'));
    expect((await faultOf(Session.open({ path: join(root, 'sequences/00') }))).found).toContain('--also');
    const split = join(temporaryFolder(), 'training');
    await writeTracking(split, '0000', [0]);
    rmSync(join(split, 'calib/0000.txt'));
    symlinkSync(join(elsewhere, 'other.txt'), join(split, 'calib/0000.txt'));
    expect((await faultOf(Session.open({ path: split }))).found).toContain('--also');
  });
});
