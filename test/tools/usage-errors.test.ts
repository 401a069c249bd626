import { Command, Option } from 'commander';
import { expect, it } from 'vitest';
import { command as evaluate } from '../../tools/evaluate.ts';
import { command as inspect } from '../../tools/inspect.ts';
import { command as pretrain } from '../../tools/pretrain.ts';
import { withUsageErrors } from '../../tools/usage-errors.ts';

/** What is said of a command line that cannot be right. */
async function told(line: string): Promise<string> {
  let text = '';
  const program = new Command('pointpair');
  const odd = new Command('odd').addOption(new Option('--one').conflicts('two')).option('--two');
  for (const each of [inspect(), evaluate(), pretrain(), odd]) program.addCommand(each);
  withUsageErrors(program);
  const quiet = (each: Command) => {
    each.exitOverride();
    each.configureOutput({
      writeErr: (words) => {
        text += words;
      },
    });
  };
  [program, ...program.commands].forEach(quiet);
  await expect(program.parseAsync(line.split(' '), { from: 'user' })).rejects.toThrow();
  return text;
}

it.each([
  ['inspect', 'arguments: expected <path>, found none (pointpair inspect --help shows what there is)'],
  ['inspect a b', 'arguments: expected 1 argument, found 2 (pointpair inspect --help'],
  [
    'inspect a --fram 3',
    '--fram: expected an option (nearest: --frame), found no such one (pointpair inspect',
  ],
  ['inspect a --zzz', '--zzz: expected an option, found no such one'],
  ['inspect a --frame', '--frame: expected <id>, found nothing'],
  ['inspect a --columns 2', "--columns: expected a whole number from 3 on, in decimal digits, found '2'"],
  ['inspekt', 'inspekt: expected a command (nearest: inspect), found no such one (pointpair --help'],
  ['evaluate --labels a', 'options: expected --detections <folder>, found none'],
  ['evaluate --labels a --detections b --missing x', "--missing: expected one of error, empty, found 'x'"],
  ['odd --one --two', 'options: expected --one or --two, found both'],
])('%s is told as every other error is', async (line, message) => {
  const text = await told(line);
  expect(text.startsWith(`pointpair: ${message}`), text).toBe(true);
  expect(text.split('\n')).toHaveLength(2);
});
