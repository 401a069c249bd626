import type { Method, MethodRun } from './methods.ts';
import { chanceText, memoryText, valueText, viewTexts } from './methods-text.ts';

/** The command that writes the page of all systems. */
export const methodsPageCommand = 'npx tsx tools/cli.ts methods --markdown > docs/objectives.md';

/** The page of all systems: a table, and a section each. */
export function methodsPage(methods: readonly Method[]): string {
  const rows = methods.map(({ name, needs, presets, summary }) => [
    `[${name}](#${name})`,
    needs.join(', '),
    presets.map(code).join(', '),
    summary,
  ]);
  return `${[
    '# Objectives',
    [
      'The self-supervised systems that there are, as they declare themselves in `src/objectives/`. This page is made from these',
      `declarations by \`${methodsPageCommand}\`;`,
      '`pointpair methods` prints the same, and [writing-an-objective.md](writing-an-objective.md) says how one is written.',
    ].join('\n'),
    markdownTable(['system', 'needs', 'presets', 'what it does'], rows),
    [
      'One system is trained by its preset; a second one joins it on the same encoders as soon as one of its options is set, with the',
      'options of its first preset otherwise. The loss is then the sum of weight times loss, and terms are called `moco/contrast`:',
    ].join('\n'),
    '```sh\npointpair pretrain --preset moco-v2-cifar --data data/pictures --out runs/moco\npointpair pretrain --preset simipu-small --set objectives.moco.weight=0.5 --data data/kitti --out runs/both\n```',
    [
      'Below, *paper* is the value that a paper gives, *its code* that of its authors where it is another one or the paper gives none,',
      '`?` what is not known here, `-` an option that is absent. *Chance level* is the loss of a network that tells nothing apart:',
      'where a run ends there, it says so; where it depends on the size of the data set, it is that of 1,000 frames.',
      '`[frames, …]` grows with the data set.',
    ].join('\n'),
    ...methods.map(section),
  ].join('\n\n')}\n`;
}

function section({ name, citation, summary, needs, gradient, options, runs }: Method): string {
  const presets = runs.map(({ preset }) => preset);
  const rows = options.map(({ option, means, paper, code: its = '', values }) => [
    code(option),
    means,
    paper,
    its,
    ...presets.map((preset) => valueText(values[preset])),
  ]);
  return [
    `## ${name}`,
    `${citation}.`,
    `${summary} ${gradient} Needs: ${needs.join(', ')}.`,
    markdownTable(['option', 'what it is', 'paper', 'its code', ...presets.map(code)], rows),
    runs.map(runItem).join('\n'),
  ].join('\n\n');
}

function runItem(run: MethodRun): string {
  const memory = run.memory.length === 0 ? 'nothing' : run.memory.map(memoryText).join('; ');
  return [
    `- ${code(run.preset)}: ${run.about}`,
    `  - chance level: ${chanceText(run)}`,
    `  - remembers: ${memory}`,
    ...viewTexts(run).map(({ names, words }) => `  - ${names.map(code).join(', ')}: ${words}`),
  ].join('\n');
}

function markdownTable(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function code(text: string): string {
  return `\`${text}\``;
}
