import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CommandFolder } from './command-folder.ts';

const cli = new CommandFolder();

describe('evaluate', () => {
  const label = 'Car 0 0 0.5 100 100 200 180 1.5 1.6 4 0 1.6 20 0.3';

  async function folders(labels: string, results: string): Promise<string[]> {
    const root = await mkdtemp(join(cli.path, 'evaluate-'));
    for (const [part, text] of Object.entries({ labels, results })) {
      await mkdir(join(root, part));
      await writeFile(join(root, part, '000000.txt'), text);
    }
    return ['--labels', join(root, 'labels'), '--detections', join(root, 'results')];
  }

  it('says why nothing counts where no box in the image was written, also beside JSON', async () => {
    const given = await folders(label, `${label.replace('100 100 200 180', '-1 -1 -1 -1')} 0.9`);
    const table = await cli.run('evaluate', ...given);
    expect(table.stdout).toMatch(/Car +bbox +0\.70 +- +- +- +- +- +-\n/);
    expect(table.stdout).toMatch(/Car +3d +0\.70 +0\.00/);
    expect(table.stdout).toContain('1 of 1 Car detections have boxes in the image lower than 25 pixels');
    const json = await cli.run('evaluate', ...given, '--json');
    expect(JSON.parse(json.stdout).Car).toMatchObject({
      bbox: { easy: null, moderate: null, hard: null },
      aos: { easy: null, moderate: null, hard: null },
      bev: { easy: { R40: 0, R11: 0 } },
    });
    expect(json.stderr).toContain('1 of 1 Car detections');
  });

  it('says what numbers lie between over draws of the frames', async () => {
    const given = await folders(label, `${label} 0.9`);
    const table = await cli.run('evaluate', ...given, '--bootstrap', '100');
    // A single frame is the same in every draw.
    expect(table.stdout).toContain('Car 3d R40 moderate: 0.00 to 0.00 in 95 of 100 draws of the frames');
    const json = await cli.run('evaluate', ...given, '--bootstrap', '100', '--json');
    const { moderate, easy } = JSON.parse(json.stdout).Car['3d'];
    expect(moderate).toEqual({ R40: 0, R11: 100 / 11, interval95: { low: 0, high: 0 } });
    expect(easy).not.toHaveProperty('interval95');
    expect((await cli.run('evaluate', ...given, '--bootstrap', '7')).stderr).toContain(
      'a whole number from 100 on',
    );
  });

  it('tells each type that KITTI does not know once with its count, and ends there when strict', async () => {
    const bus = label.replace('Car', 'Bus');
    const given = await folders(`${label}\n${bus}\n${bus}\n`, `${label} 0.9\n${bus} 0.5\n`);
    const told = await cli.run('evaluate', ...given);
    expect([told.code, told.stderr.match(/Bus/g)]).toEqual([0, ['Bus']]);
    expect(told.stderr).toContain('2 in labels, 1 in results');
    const strict = await cli.run('evaluate', ...given, '--strict');
    expect([strict.code, strict.stdout]).toEqual([1, '']);
    expect(strict.stderr).toMatch(
      /000000\.txt: line 2, column 1 \(type\): expected one of Car, .*found "Bus"/,
    );
  });
});
