#!/usr/bin/env node
import { createRequire } from 'node:module';
import { Command } from 'commander';
import { DivergedError } from '../src/training/pretrain.ts';
import { demoCommand } from './demo.ts';
import { exportCommand } from './export.ts';
import { inspectCommand } from './inspect.ts';
import { pretrainCommand } from './pretrain.ts';
import { reportCommand } from './report.ts';
import { scenesCommand } from './scenes.ts';

const { version } = createRequire(import.meta.url)('pointpair/package.json') as { version: string };

const program = new Command('pointpair')
  .description('Self-supervised pretraining for LiDAR and camera.')
  .version(version)
  .option('--debug', 'show the stack of an error')
  .showHelpAfterError('(pointpair <command> --help shows the options and an example)')
  .configureHelp({ showGlobalOptions: true });

for (const command of [
  scenesCommand,
  pretrainCommand,
  inspectCommand,
  exportCommand,
  reportCommand,
  demoCommand,
]) {
  program.addCommand(command());
}

/** Errors of the input are one line; anything else is a fault of ours, and says so. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const expected = error.name === 'InputError' || error instanceof DivergedError || 'code' in error;
  return expected ? error.message : `${error.name}: ${error.message} (--debug shows where)`;
}

try {
  await program.parseAsync();
} catch (error) {
  const debug = program.opts<{ debug?: boolean }>().debug === true;
  process.stderr.write(
    `pointpair: ${debug && error instanceof Error ? error.stack : explain(error).split('\n')[0]}\n`,
  );
  process.exitCode = 1;
}
