import { Command } from 'commander';
import { InputError } from '../src/engine/input-error.ts';

interface Options {
  readonly json?: boolean;
  readonly markdown?: boolean;
}

/** The command line of `pointpair methods`. */
export function command(): Command {
  return new Command('methods')
    .description('List the self-supervised systems, or explain one of them.')
    .argument('[name]', 'a system, or a preset with or without its data set')
    .option('--json', 'as JSON')
    .option('--markdown', 'all systems as the page docs/objectives.md')
    .addHelpText(
      'after',
      `
Examples:
  pointpair methods
  pointpair methods moco-v2
  pointpair methods --json`,
    )
    .action(async (name: string | undefined, options: Options) => {
      process.stdout.write(`${(await describe(name, options)).trimEnd()}\n`);
    });
}

async function describe(name: string | undefined, { json, markdown }: Options): Promise<string> {
  const { methodsTable, methodText } = await import('../src/report/methods-text.ts');
  const { methodsPage } = await import('../src/report/methods-markdown.ts');
  const { allMethods, explainMethod, listMethods } = await import('../src/report/methods.ts');
  if (markdown) {
    if (name === undefined && !json) return methodsPage(allMethods());
    const found = json ? '--json as well' : `the name '${name}'`;
    throw new InputError({ file: 'options', expected: '--markdown alone, for all systems', found });
  }
  if (name === undefined) return json ? asJson(listMethods()) : methodsTable(listMethods());
  return json ? asJson(explainMethod(name)) : methodText(explainMethod(name));
}

function asJson(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
