import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, expect, it } from 'vitest';
import { readFrameFile } from '../../../src/datasets/read-frame-file.ts';
import { readKittiBin } from '../../../src/pointcloud/kitti-bin.ts';
import { describeWithRealData, realData } from '../../real-data.ts';
import { closeSessions, open, pointsOf } from './open-session.ts';

afterEach(closeSessions);

describeWithRealData('real object frames', 'kitti-object', (path) => {
  it('are shown whole', async () => {
    const session = await open({ path });
    const frames = (await session.info()).sequence!.frames;
    expect(frames).toHaveLength(8);
    for (const [frame, { id, notes }] of frames.entries()) {
      expect(notes).toEqual([]);
      const file = join(path, `training/velodyne/${id}.bin`);
      const points = readKittiBin(await readFrameFile(file), { file });
      const { header, passes } = await pointsOf(session, frame);
      expect([header.count, passes.length]).toEqual([points.length / 4, points.length / 4 > 65536 ? 2 : 1]);
      let worst = 0;
      for (const { indices, positions, fields } of passes) {
        indices.forEach((index, k) => {
          for (let c = 0; c < 3; c++)
            worst = Math.max(worst, Math.abs(positions[3 * k + c] - points[4 * index + c]));
          worst = Math.max(worst, Math.abs(fields.reflectance[k] - points[4 * index + 3]));
        });
      }
      expect(worst).toBeLessThan(0.00201);
      const { camera, labels, problems } = await session.scene(frame);
      expect(problems).toEqual({});
      const text = readFileSync(join(path, `training/label_2/${id}.txt`), 'utf8').trim();
      expect(labels.map(({ type }) => type)).toEqual(text.split('\n').map((line) => line.split(' ')[0]));
      const { width, height, bytes } = await session.picture(frame);
      expect([camera!.width, camera!.height]).toEqual([width, height]);
      expect(await sharp(bytes).metadata()).toMatchObject({ width, height, format: 'webp' });
    }
  });
});

describeWithRealData('a real drive', 'kitti-raw/2011_09_26', (date) => {
  const tracks = realData('kitti-tracking/training/label_02/0000.txt');

  it.each(['', '2011_09_26_drive_0005_sync'])(
    'is shown with its times, poses and tracks (%s)',
    async (drive) => {
      const session = await open({ path: join(date, drive), tracks });
      const { sequence, problem } = await session.info();
      expect([sequence!.kind, problem]).toEqual(['KITTI raw drive', undefined]);
      const { frames } = sequence!;
      expect(frames).toHaveLength(12);
      expect(frames[0]).toMatchObject({ id: '0000000000', timeS: 0 });
      expect(frames[11].timeS).toBeCloseTo(1.13, 1);
      expect(frames.every(({ worldFromLidar }) => worldFromLidar?.length === 16)).toBe(true);
      const { camera, labels, problems } = await session.scene(5);
      expect([camera!.name, problems]).toEqual(['image_02', {}]);
      if (tracks !== undefined) {
        expect(labels.length).toBeGreaterThan(2);
        expect(labels.some(({ trackId, box3 }) => trackId !== undefined && box3 !== undefined)).toBe(true);
      }
      expect((await pointsOf(session, 5)).header.count).toBeGreaterThan(100_000);
      expect((await session.picture(5)).width).toBe(camera!.width);
    },
  );
});
