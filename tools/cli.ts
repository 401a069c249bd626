#!/usr/bin/env node
import { createRequire } from 'node:module';
import { Command } from 'commander';
import { InputError, reasonOf } from '../src/engine/input-error.ts';
import { finalPath } from '../src/training/run/atomic-file.ts';
import { withUsageErrors } from './usage-errors.ts';

const commands: { readonly [name: string]: () => Promise<{ readonly command: () => Command }> } = {
  scenes: () => import('./scenes.ts'),
  prepare: () => import('./prepare.ts'),
  methods: () => import('./methods.ts'),
  pretrain: () => import('./pretrain.ts'),
  correspond: () => import('./correspond.ts'),
  'pseudo-label': () => import('./pseudo-label.ts'),
  finetune: () => import('./finetune.ts'),
  detect: () => import('./detect.ts'),
  evaluate: () => import('./evaluate.ts'),
  experiment: () => import('./experiment.ts'),
  inspect: () => import('./inspect.ts'),
  probe: () => import('./probe.ts'),
  retrieval: () => import('./retrieval.ts'),
  export: () => import('./export.ts'),
  report: () => import('./report.ts'),
  view: () => import('./view.ts'),
  demo: () => import('./demo.ts'),
  ranks: () => import('./ranks.ts'),
  bench: () => import('./bench.ts'),
};

const { version } = createRequire(import.meta.url)('pointpair/package.json') as { version: string };

const program = new Command('pointpair')
  .description('Self-supervised pretraining for LiDAR and camera.')
  .version(version)
  .option('--debug', 'show the stack of an error')
  .configureHelp({ showGlobalOptions: true });

// Only the command that is named is loaded: some carry large libraries.
const named = process.argv.slice(2).find((word) => Object.hasOwn(commands, word));
for (const name of named === undefined ? Object.keys(commands) : [named]) {
  program.addCommand((await commands[name]()).command());
}
withUsageErrors(program);

/** Errors of the input are one line; anything else is a fault of ours, and says so. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (['InputError', 'DivergedError', 'Interrupted', 'RankError'].includes(error.name)) return error.message;
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === undefined) return `${error.name}: ${error.message} (--debug shows where)`;
  return path === undefined ? error.message : refusalAt(finalPath(path), error);
}

/** Codes of errors after which the same command may succeed; `src/engine/ranks/start-ranks.ts` reads that of a lost rank. */
const exitCodes: { readonly [error: string]: number } = { Interrupted: 130, RankError: 75 };

/** What the system refused, as an InputError says it. */
function refusalAt(file: string, error: Error): string {
  const expected = 'a file or folder that can be read and written';
  return new InputError({ file, expected, found: reasonOf(error) }).message;
}

try {
  await program.parseAsync();
} catch (error) {
  const debug = program.opts<{ debug?: boolean }>().debug === true;
  process.stderr.write(
    `pointpair: ${debug && error instanceof Error ? error.stack : explain(error).split('\n')[0]}\n`,
  );
  process.exitCode = exitCodes[error instanceof Error ? error.name : ''] ?? 1;
}
