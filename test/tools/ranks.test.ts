import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const cli = fileURLToPath(new URL('../../dist/tools/cli.js', import.meta.url));

function ranks(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'ranks', ...args], {
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

describe('pointpair ranks', () => {
  it('starts this very program so often, without a shell or npx between', () => {
    const { code, stdout, stderr } = ranks('-n', '2', '--', 'pointpair', '--version');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^(\d+\.\d+\.\d+)\n\1\n$/);
  });

  it('gives the code of what it started, and starts it again after a loss', () => {
    const { code, stderr } = ranks(
      '--restart',
      '1',
      '--',
      'sh',
      '-c',
      'test "$1" = --resume || exit 75; exit 3',
      'sh',
    );
    expect(code).toBe(3);
    expect(stderr).toBe('pointpair: a rank was lost: starting again with --resume, 1 of 1\n');
  });

  it.each([
    [['-n', '2'], 'pointpair: arguments: expected <command>, found none'],
    [['-n', '0', '--', 'pointpair'], 'pointpair: --count: expected a positive integer'],
    [
      ['--', 'pointpair-no-such-program'],
      'pointpair: pointpair-no-such-program: expected a program that can be started',
    ],
  ])('%j is an error in one line', (args, message) => {
    const { code, stderr } = ranks(...args);
    expect(code).toBe(1);
    expect(stderr.startsWith(message), stderr).toBe(true);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});
