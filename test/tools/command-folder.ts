import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import { smallScenes } from '../datasets/scenes/small-scenes.ts';

const cli = fileURLToPath(new URL('../../dist/tools/cli.js', import.meta.url));

/** What a process left: its exit code, and what it wrote. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder of a test file, with generated scenes, in which it runs the built command as processes of their own. */
export class CommandFolder {
  /** The folder, which is there while tests run. */
  path = '';

  constructor() {
    beforeAll(async () => {
      this.path = await mkdtemp(join(tmpdir(), 'pointpair-cli-'));
      await smallScenes(this.data, { count: 6 });
    }, 120_000);
    afterAll(() => rm(this.path, { recursive: true, force: true }));
  }

  /** Six frames in KITTI's layout, four to train on and two held out. */
  get data(): string {
    return join(this.path, 'scenes');
  }

  /** Runs `pointpair` with these words. */
  run(...args: string[]): Promise<Ended> {
    return this.process(process.execPath, [cli, ...args]);
  }

  /** Runs a command line as somebody would who copied it. */
  inShell(line: string): Promise<Ended> {
    const command = line.replace(/^(npx )?pointpair/, `'${process.execPath}' '${cli}'`);
    return this.process('sh', ['-c', command]);
  }

  private process(program: string, args: readonly string[]): Promise<Ended> {
    return new Promise((resolve) => {
      execFile(program, args, { cwd: this.path }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  }
}
