import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { beforeAll, describe, expect, it } from 'vitest';
import { repository, textOf } from '../architecture/source-files.ts';
import { pageBlocks, pages } from './example-blocks.ts';
import { shellCommands } from './shell-words.ts';

const scripts = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')).scripts as object;
const names = [...textOf('tools/cli.ts').matchAll(/import\('\.\/([\w-]+)\.ts'\)/g)].map(([, name]) => name);
/** Stands for what a sentence leaves open: `<what>`, or `…`. */
const ANYTHING = 'anything';
const tools = new Map<string, () => Command>();

beforeAll(async () => {
  for (const name of names) {
    const { command } = (await import(`../../tools/${name}.ts`)) as { readonly command: () => Command };
    tools.set(command().name(), command);
  }
}, 60_000);

/** The words behind `pointpair`, however it is started; undefined for other programs. */
function wordsOfPointpair(words: readonly string[]): readonly string[] | undefined {
  const starts = [
    'npx pointpair',
    'pointpair',
    'node dist/tools/cli.js',
    'npx tsx tools/cli.ts',
    'npm run demo',
  ];
  const start = starts.find((text) => words.slice(0, text.split(' ').length).join(' ') === text);
  if (start === undefined) return undefined;
  const rest = words.slice(start.split(' ').length);
  return start === 'npm run demo' ? ['demo', ...rest.filter((word) => word !== '--')] : rest;
}

/** What is wrong with a call of `pointpair`: commander reads it, and nothing is run. */
function faultOf(words: readonly string[], { whole }: { readonly whole: boolean }): string | undefined {
  const [name, ...rest] = words;
  const make = tools.get(name);
  if (make === undefined) return `no command '${name}'`;
  let command = make();
  let args = rest;
  if (command.commands.length > 0 && args.length > 0) {
    const inner = command.commands.find((candidate) => [candidate.name(), ANYTHING].includes(args[0]));
    if (inner === undefined) return `no command '${name} ${args[0]}'`;
    [command, args] = [inner, args.slice(1)];
  }
  if (args.includes('--help')) return undefined;
  command.exitOverride().configureOutput({ writeErr: () => {} });
  try {
    const { operands, unknown } = command.parseOptions([...args]);
    if (unknown.length > 0) return `no option '${unknown[0]}'`;
    const { registeredArguments: wanted } = command;
    const variadic = wanted.some((argument) => argument.variadic);
    if (operands.length > wanted.length && !variadic) return `'${operands.at(-1)}' is one argument too many`;
    if (!whole) return undefined;
    if (operands.length < wanted.filter(({ required }) => required).length) return 'an argument is missing';
    const missing = command.options.find(
      (option) => option.mandatory && command.getOptionValue(option.attributeName()) === undefined,
    );
    return missing && `${missing.flags} is missing`;
  } catch (error) {
    if (error instanceof CommanderError) return error.message;
    throw error;
  }
}

/** Programs that start another one, which begins with the word `pointpair`. */
const launchers = ['mpirun', 'srun', 'torchrun'];

/** The command that a launcher, or `pointpair ranks`, starts. */
function startedBy(words: readonly string[]): readonly string[] | undefined {
  const begin = launchers.includes(words[0]) ? words.indexOf('pointpair') : words.indexOf('--') + 1;
  return begin > 0 && (launchers.includes(words[0]) || words.includes('ranks'))
    ? words.slice(begin)
    : undefined;
}

/** What is wrong with a command of a block; other programs than ours are taken as they are. */
function faultOfCommand(words: readonly string[]): string | undefined {
  const started = startedBy(words);
  const fault = started === undefined ? undefined : faultOfCommand(started);
  if (fault !== undefined || launchers.includes(words[0])) return fault;
  const ours = wordsOfPointpair(words);
  if (ours !== undefined) return faultOf(ours, { whole: true });
  const [program, ...rest] = words;
  if (program === 'npm' && rest[0] === 'run' && !(rest[1] in scripts)) return `no script '${rest[1]}'`;
  const file =
    program === 'npx' && rest[0] === 'vitest' ? rest.find((word) => word.startsWith('test/')) : undefined;
  if (file !== undefined && !existsSync(join(repository, file))) return `no file ${file}`;
  return ['npm', 'npx', 'yarn', 'pnpm', 'ssh'].includes(program)
    ? undefined
    : `nothing here knows '${program}'`;
}

const blocks = pageBlocks().filter(({ language }) => language === 'sh');
const inBlocks = blocks.flatMap(({ page, code }) =>
  shellCommands(code).map((command) => ({ page, ...command })),
);
/** Commands in a sentence, which may leave out what does not matter there; `<what>` stands for a name. */
const inSentences = pages.flatMap((page) =>
  [...textOf(page).matchAll(/`((?:npx |node dist\/tools\/cli\.js|npm run |pointpair )[^`\n]+)`/g)].flatMap(
    ([, code]) =>
      shellCommands(code.replaceAll(/<[^>]*>|…/g, ANYTHING)).map((command) => ({ page, ...command })),
  ),
);

describe('commands in the pages', () => {
  it('are found', () => {
    expect(inBlocks.length).toBeGreaterThan(80);
    expect(inSentences.length).toBeGreaterThan(40);
  });

  it.each(pages)('are commands that there are, with options that they have: %s', (page) => {
    const wrong = [
      ...inBlocks
        .filter((command) => command.page === page)
        .map(({ line, words }) => ({ line, fault: faultOfCommand(words) })),
      ...inSentences
        .filter((command) => command.page === page)
        .map(({ line, words }) => {
          const ours = wordsOfPointpair(words);
          return {
            line,
            fault: ours === undefined ? faultOfCommand(words) : faultOf(ours, { whole: false }),
          };
        }),
    ];
    expect(wrong.filter(({ fault }) => fault !== undefined)).toEqual([]);
  });
});

describe('a command that is wrong', () => {
  it.each([
    ['npx pointpair inspekt data', "no command 'inspekt'"],
    ['npx pointpair inspect data --frames 3', "no option '--frames'"],
    ['npx pointpair inspect one two', "'two' is one argument too many"],
    ['npx pointpair inspect', 'an argument is missing'],
    ['npx pointpair finetune --detector pointless --data d --out o', /Allowed choices/],
    ['pointpair pretrain --steps many --out o', /--steps/],
    ['npm run nothing', "no script 'nothing'"],
    ['npx vitest run test/none.test.ts', 'no file test/none.test.ts'],
    ['pointpear view', "nothing here knows 'pointpear'"],
    ['mpirun -n 2 pointpair inspekt', "no command 'inspekt'"],
    ['pointpair ranks -n 2 -- mpirun -n 2 pointpair inspekt', "no command 'inspekt'"],
    ['pointpair ranks --often -- pointpair inspect data', "no option '--often'"],
  ])('%s', (line, fault) => {
    const [{ words }] = shellCommands(line);
    expect(faultOfCommand(words)).toMatch(fault);
  });

  it('is found in loops, behind variables, and on lines that go on', () => {
    const code =
      "for a in x y; do for b in 0 1; do\n  A=1 one --p $a-$b 'q \"r' > out # end\ndone; done\ntwo \\\n  --s && three";
    expect(shellCommands(code).map(({ words }) => words)).toEqual([
      ['one', '--p', 'x-0', 'q "r'],
      ['two', '--s'],
      ['three'],
    ]);
  });
});
