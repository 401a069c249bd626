import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it.skipIf(process.platform !== 'linux')(
  "keeps ONNX Runtime's library in memory once its functions are known, whatever the garbage collector takes",
  async () => {
    const child = fileURLToPath(new URL('./library-child.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...['--import', 'tsx', '--expose-gc'],
      child,
    ]);
    expect(stdout).toBe('3\n');
  },
);
