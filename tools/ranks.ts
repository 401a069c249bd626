import { Command } from 'commander';
import { wholeNumber } from './options.ts';

interface Options {
  readonly count?: number;
  readonly restart: number;
}

/** The command line of `pointpair ranks`. */
export function command(): Command {
  return new Command('ranks')
    .description('Start a command as several processes that train together, and again when one of them dies.')
    .argument('<command...>', 'what is started, behind --')
    .option('-n, --count <number>', 'processes on this machine, which talk over TCP', wholeNumber(1))
    .option(
      '--restart <number>',
      'start it again with --resume, so often, after a process was killed or lost',
      wholeNumber(0),
      0,
    )
    .addHelpText(
      'after',
      `
Without --count the command is started once: give an mpirun or srun to start again.

Examples:
  pointpair ranks -n 2 --restart 3 -- pointpair pretrain --preset simipu-small --data data/kitti --out runs/a
  pointpair ranks --restart 3 -- mpirun -n 2 pointpair pretrain --preset simipu-small --data data/kitti --out runs/a`,
    )
    .action(async (words: readonly string[], { count, restart }: Options) => {
      const { startRanks } = await import('../src/engine/ranks/start-ranks.ts');
      const [program, ...args] = words;
      // Without a shell or npx between, a signal reaches the process that trains.
      const ourselves = [process.execPath, ...process.execArgv, process.argv[1]];
      process.exitCode = await startRanks({
        command: program === 'pointpair' ? [...ourselves, ...args] : words,
        count,
        restarts: restart,
        say: (line) => process.stderr.write(`pointpair: ${line}\n`),
      });
    });
}
