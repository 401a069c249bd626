/**
 * Runs before the install script of onnxruntime-node, which on Linux x64 fetches CUDA libraries of several hundred
 * megabytes from a host outside of the npm registry unless they are there. Puts a note in the place of each, so that
 * nothing is fetched. Leaves the choice to whoever has made one: where onnxruntime-node's own setting is given, or
 * where the project itself depends on onnxruntime-node, nothing is put there.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const libraries = ['cuda', 'shared', 'tensorrt'].map((part) => `libonnxruntime_providers_${part}.so`);
const settings = ['ONNXRUNTIME_NODE_INSTALL', 'ONNXRUNTIME_NODE_INSTALL_CUDA'].flatMap((name) => [
  name,
  `npm_config_${name.toLowerCase()}`,
]);
const note =
  'Not a library: pointpair put this note here so that onnxruntime-node fetches no CUDA libraries when it is installed.\n' +
  'ONNXRUNTIME_NODE_INSTALL=true npm rebuild onnxruntime-node --ignore-scripts=false fetches them.\n';

/** Whether the project that pointpair is installed in has onnxruntime-node among its own dependencies. */
function projectHasRuntime() {
  const project = process.env.npm_config_local_prefix ?? process.env.INIT_CWD;
  const manifest = project === undefined ? undefined : join(project, 'package.json');
  if (manifest === undefined || !existsSync(manifest)) return false;
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(readFileSync(manifest, 'utf8'));
  return 'onnxruntime-node' in { ...dependencies, ...devDependencies, ...optionalDependencies };
}

if (process.platform === 'linux' && process.arch === 'x64' && !settings.some((name) => process.env[name])) {
  try {
    const runtime = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
    const folder = join(runtime, 'bin/napi-v6/linux/x64');
    if (existsSync(folder) && !projectHasRuntime()) {
      for (const library of libraries) {
        const path = join(folder, library);
        if (!existsSync(path)) writeFileSync(path, note);
      }
    }
  } catch (error) {
    console.warn(`pointpair: CUDA libraries may be fetched by onnxruntime-node: ${error.message}`);
  }
}
