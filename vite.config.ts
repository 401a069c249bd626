import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** The page of `pointpair view`, built into the package. */
export default defineConfig({
  root: fileURLToPath(new URL('src/viewer/app/', import.meta.url)),
  // Wherever it is served from: proxies put pages below paths of their own.
  base: './',
  build: {
    outDir: fileURLToPath(new URL('dist/viewer/', import.meta.url)),
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 1500,
  },
  worker: { format: 'es' },
});
