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

function ended(program: string, args: readonly string[], cwd?: string): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** Runs the built command with these words as a process of its own, in a folder, or where the tests run. */
export function pointpair(args: readonly string[], cwd?: string): Promise<Ended> {
  return ended(process.execPath, [cli, ...args], cwd);
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
    return pointpair(args, this.path);
  }

  /** Runs a command line as somebody would who copied it. */
  inShell(line: string): Promise<Ended> {
    const command = line.replace(/^(npx )?pointpair/, `'${process.execPath}' '${cli}'`);
    return ended('sh', ['-c', command], this.path);
  }
}
