import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repository } from '../architecture/source-files.ts';

const here = process.platform === 'linux' && process.arch === 'x64';
let project: string;
let natives: string;

/** A project with pointpair's install script and a runtime without its CUDA libraries. */
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'pointpair-install-'));
  const runtime = join(project, 'node_modules/onnxruntime-node');
  natives = join(runtime, 'bin/napi-v6/linux/x64');
  mkdirSync(natives, { recursive: true });
  writeFileSync(join(runtime, 'package.json'), '{ "name": "onnxruntime-node" }');
  writeFileSync(join(project, 'package.json'), '{ "dependencies": { "pointpair": "*" } }');
  const own = join(project, 'node_modules/pointpair/install');
  mkdirSync(own, { recursive: true });
  copyFileSync(join(repository, 'install/skip-cuda-download.mjs'), join(own, 'skip-cuda-download.mjs'));
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

function install(settings: { readonly [name: string]: string } = {}): void {
  const script = join(project, 'node_modules/pointpair/install/skip-cuda-download.mjs');
  const env = { PATH: process.env.PATH, npm_config_local_prefix: project, ...settings };
  const { status, stderr } = spawnSync(process.execPath, [script], { env, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
}

const cuda = () => join(natives, 'libonnxruntime_providers_cuda.so');

describe.skipIf(!here)(
  `before onnxruntime-node is installed${here ? '' : ' (skipped: not Linux x64)'}`,
  () => {
    it('puts a note in the place of each CUDA library that its install script looks for', () => {
      install();
      // The runtime's own list of them.
      const metadata = readFileSync(
        join(repository, 'node_modules/onnxruntime-node/script/install-metadata.js'),
        'utf8',
      );
      const wanted = [...metadata.matchAll(/'\.\/(lib\w+\.so)'/g)].map(([, name]) => name);
      expect(wanted.length).toBeGreaterThan(0);
      expect(readdirSync(natives).sort()).toEqual([...new Set(wanted)].sort());
      expect(readFileSync(cuda(), 'utf8')).toContain('Not a library: pointpair put this note here');
    });

    it('leaves a library alone that is there', () => {
      writeFileSync(cuda(), 'a library');
      install();
      expect(readFileSync(cuda(), 'utf8')).toBe('a library');
      expect(readdirSync(natives)).toHaveLength(3);
    });

    it('leaves the choice to a setting of the runtime', () => {
      install({ ONNXRUNTIME_NODE_INSTALL: 'true' });
      install({ npm_config_onnxruntime_node_install_cuda: 'v12' });
      expect(readdirSync(natives)).toEqual([]);
    });

    it('leaves the choice to a project that depends on the runtime itself', () => {
      writeFileSync(join(project, 'package.json'), '{ "dependencies": { "onnxruntime-node": "1.30.0" } }');
      install();
      expect(readdirSync(natives)).toEqual([]);
    });
  },
);
