import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { InputError } from '../../../src/engine/input-error.ts';
import { writeKittiBin } from '../../../src/pointcloud/kitti-bin.ts';
import { FolderGuard } from '../../../src/viewer/server/folder-guard.ts';
import { Session } from '../../../src/viewer/server/session.ts';
import { POINTS, removeFolders, temporaryFolder, write, writeTinyKitti } from './tiny-data.ts';

afterEach(removeFolders);

const leadsOut = /expected a file inside of the folders that were opened, found a link that leads out/;

/** A text that nobody is to see, in a folder that nobody opens. */
function secret(): string {
  const file = join(temporaryFolder(), 'secret.txt');
  write(file, 'hunter2 hunter2\n');
  return file;
}

/** A drive with one sweep, in the folder of its day. */
function writeDrive(): { readonly day: string; readonly drive: string } {
  const day = join(temporaryFolder(), '2011_09_26');
  const drive = join(day, '2011_09_26_drive_0005_sync');
  write(join(drive, 'velodyne_points/data/0000000000.bin'), writeKittiBin(POINTS));
  return { day, drive };
}

async function problemOf(path: string): Promise<string | undefined> {
  const session = await Session.open({ path }).catch((error: unknown) => error);
  if (session instanceof InputError) return session.message;
  await (session as Session).close();
  return undefined;
}

describe('a link out of the folder, in place of a file that is read when the data is opened', () => {
  it('is not followed as a list of frames', async () => {
    const root = await writeTinyKitti(temporaryFolder(), 1);
    expect(await problemOf(root)).toBeUndefined();
    write(join(root, 'ImageSets/val.txt'), '000000\n');
    symlinkSync(secret(), join(root, 'ImageSets/train.txt'));
    expect(await problemOf(root)).toMatch(leadsOut);
  });

  it.each(['velodyne_points/timestamps.txt', 'oxts/timestamps.txt', 'oxts/data/0000000000.txt'])(
    "is not followed as a drive's %s",
    async (name) => {
      const { day, drive } = writeDrive();
      expect(await problemOf(drive)).toBeUndefined();
      write(join(drive, 'oxts/data/0000000001.txt'), '');
      symlinkSync(secret(), join(drive, name));
      for (const path of [drive, day]) expect(await problemOf(path)).toMatch(leadsOut);
    },
  );

  it.each(['velodyne_points', 'oxts'])("is not followed as a drive's folder %s", async (name) => {
    const { day, drive } = writeDrive();
    const elsewhere = temporaryFolder();
    write(join(elsewhere, 'timestamps.txt'), 'hunter2 hunter2\n');
    write(join(drive, 'image_02/data/0000000000.png'), 'no picture');
    rmSync(join(drive, name), { recursive: true, force: true });
    symlinkSync(elsewhere, join(drive, name));
    for (const path of [drive, day]) expect(await problemOf(path)).toMatch(leadsOut);
  });

  it('is not followed as the calibration beside a drive', async () => {
    const { day, drive } = writeDrive();
    symlinkSync(secret(), join(day, 'calib_cam_to_cam.txt'));
    for (const path of [drive, day]) expect(await problemOf(path)).toMatch(leadsOut);
  });

  it.each(['config.json', 'metrics.jsonl', 'checkpoints'])("is not followed as a run's %s", async (name) => {
    const run = join(temporaryFolder(), 'run');
    write(join(run, name === 'config.json' ? 'metrics.jsonl' : 'config.json'), '{}');
    symlinkSync(secret(), join(run, name));
    await expect(Session.open({ path: run })).rejects.toThrow(leadsOut);
  });

  it('is not followed when it takes the place of a file later', async () => {
    const run = join(temporaryFolder(), 'run');
    write(join(run, 'config.json'), '{}');
    const session = await Session.open({ path: run });
    expect((await session.metrics(0)).lines).toEqual([]);
    symlinkSync(secret(), join(run, 'metrics.jsonl'));
    await expect(session.metrics(0)).rejects.toThrow(leadsOut);
    await session.close();
  });
});

describe('FolderGuard', () => {
  it('tells a folder from another one whose name begins alike', async () => {
    const above = temporaryFolder();
    write(join(above, 'data/a.txt'), '');
    write(join(above, 'data-2/b.txt'), '');
    const guard = await FolderGuard.over([join(above, 'data')]);
    await guard.check(join(above, 'data/a.txt'));
    await expect(guard.check(join(above, 'data-2/b.txt'))).rejects.toThrow(leadsOut);
    await expect(guard.check(join(above, 'data/../data-2/b.txt'))).rejects.toThrow(leadsOut);
    await (await guard.withFolders([join(above, 'data-2')])).check(join(above, 'data-2/b.txt'));
  });
});
