import type { Command } from 'commander';

type Match = readonly string[];

/** What commander says of a command line, and the same as every other error of ours says it. */
const forms: ReadonlyArray<readonly [form: RegExp, told: (match: Match) => string]> = [
  [
    /^option '(?:-\w, )?(--[\w-]+).*?' argument '(.*)' is invalid\. Allowed choices are (.*?)\.?$/,
    ([, name, value, choices]) => `${name}: expected one of ${choices}, found '${value}'`,
  ],
  [
    /^option '(?:-\w, )?(--[\w-]+).*?' argument '(.*)' is invalid\. (.*)$/,
    ([, name, value, expected]) => `${name}: ${expected}, found '${value}'`,
  ],
  [
    /^option '(?:-\w, )?(--[\w-]+) (.*)' argument missing$/,
    ([, name, what]) => `${name}: expected ${what}, found nothing`,
  ],
  [/^required option '(.*)' not specified$/, ([, flags]) => `options: expected ${flags}, found none`],
  [/^missing required argument '(.*)'$/, ([, name]) => `arguments: expected <${name}>, found none`],
  [
    /^option '(.*)' cannot be used with option '(.*)'$/,
    ([, one, other]) => `options: expected ${one} or ${other}, found both`,
  ],
  [
    /^unknown (option|command) '(.*?)'(?:\n\(Did you mean (?:one of )?(.*)\?\))?$/,
    ([, kind, name, nearest]) =>
      `${name}: expected ${kind === 'option' ? 'an option' : 'a command'}${nearest === undefined ? '' : ` (nearest: ${nearest})`}, found no such one`,
  ],
  [
    /^too many arguments.* Expected (\d+ arguments?) but got (\d+)\.$/,
    ([, expected, found]) => `arguments: expected ${expected}, found ${found}`,
  ],
];

/** An error of commander's in one line: `pointpair: --steps: expected …, found … (pointpair pretrain --help)`. */
export function usageError(text: string, command: string): string {
  const plain = text.trim().replace(/^error: /, '');
  for (const [form, told] of forms) {
    const match = form.exec(plain);
    if (match !== null) return `pointpair: ${told(match)} (${command} --help shows what there is)\n`;
  }
  return `pointpair: ${plain.replaceAll('\n', ' ')}\n`;
}

/** Lets a command, and those below it, tell its errors so. */
export function withUsageErrors(command: Command, above = 'pointpair'): Command {
  const path = command.name() === above ? above : `${above} ${command.name()}`;
  command.configureOutput({ outputError: (text, write) => write(usageError(text, path)) });
  for (const below of command.commands) withUsageErrors(below, path);
  return command;
}
