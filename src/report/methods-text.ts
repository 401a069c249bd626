import type { Memory, Method, MethodEntry, MethodRun } from './methods.ts';
import { wrappedTable, wrapWords } from './wrapped-table.ts';

const width = 100;

/** All systems as a table: name, needs, presets, citation. */
export function methodsTable(methods: readonly MethodEntry[]): string {
  const rows = methods.map(({ name, needs, presets, citation }) => [
    name,
    needs.join(' '),
    presets.join('\n'),
    citation,
  ]);
  return wrappedTable(['system', 'needs', 'presets', 'citation'], rows, { width });
}

/** One system in words. */
export function methodText({ name, needs, citation, summary, gradient, options, runs }: Method): string {
  const presets = runs.map(({ preset }) => preset);
  const rows = options.map(({ option, means, paper, code, values }) => [
    option,
    means,
    paper,
    code ?? '',
    ...presets.map((preset) => valueText(values[preset])),
  ]);
  return [
    `${name}, needs ${needs.join(' and ')}`,
    ...[citation, summary, gradient].map((text) => indented(text)),
    wrappedTable(['option', 'what it is', 'paper', 'its code', ...presets], rows, { width }),
    ...runs.map((run) => runText(run, needs)),
  ].join('\n\n');
}

function runText(run: MethodRun, needs: Method['needs']): string {
  const facts = [
    `chance level: ${chanceText(run)}`,
    `remembers: ${run.memory.length === 0 ? 'nothing' : run.memory.map(memoryText).join('; ')}`,
    ...viewTexts(run).map(
      ({ names, words }) => `${names.length > 1 ? 'views' : 'view'} ${names.join(', ')}: ${words}`,
    ),
  ];
  // Pictures are everywhere; sweeps with pictures are in data sets of drives.
  const data = needs.includes('points') ? 'data/kitti' : 'data/pictures';
  return [
    indented(`${run.preset}: ${run.about}`),
    ...facts.map((fact) => indented(fact, 4)),
    `    pointpair pretrain --preset ${run.preset} --data ${data} --out runs/${run.preset}`,
  ].join('\n');
}

/** A value of a preset. */
export function valueText(value: unknown): string {
  if (value === undefined) return '-';
  if (value === null) return 'none';
  return Array.isArray(value)
    ? value.join(' ')
    : typeof value === 'object'
      ? JSON.stringify(value)
      : `${value}`;
}

/** The loss that is had without learning: the total, its terms, and which logarithms they are. */
export function chanceText({ nothingLearned: { total, terms } }: Pick<MethodRun, 'nothingLearned'>): string {
  const parts = Object.entries(terms).map(([term, value]) => `${term} ${number(value)}${logarithm(value)}`);
  const known = parts.length > 0 ? ` (${parts.join(', ')})` : '';
  return `${total === null ? 'not known beforehand' : number(total)}${known}`;
}

/** A branch of the memory, and its form. */
export function memoryText(memory: Memory): string {
  const { branch } = memory;
  if ('shape' in memory) return `${branch}, ${memory.dtype} [${memory.shape.join(', ')}]`;
  return `${branch}, ${memory.tensors} tensors of ${memory.values.toLocaleString('en')} numbers`;
}

/** Views in words; names that are drawn alike come together. */
export function viewTexts({
  views,
}: Pick<MethodRun, 'views'>): Array<{ readonly names: string[]; readonly words: string }> {
  return [...new Set(Object.values(views))].map((words) => ({
    names: Object.keys(views).filter((name) => views[name] === words),
    words,
  }));
}

function number(value: number): string {
  return value
    .toFixed(3)
    .replace(/\.?0+$/, '')
    .replace(/^-0$/, '0');
}

/** ` = ln n` for the logarithm of a whole number: the cross-entropy of n answers that are all alike. */
function logarithm(value: number): string {
  const answers = Math.round(Math.exp(value));
  return answers > 1 && Math.abs(Math.log(answers) - value) < 1e-12 * value ? ` = ln ${answers}` : '';
}

/** Lines from so many letters in, those that go on two letters farther. */
function indented(text: string, by = 2): string {
  const [first, ...others] = wrapWords(text, width - by - 2);
  return [`${' '.repeat(by)}${first}`, ...others.map((line) => `${' '.repeat(by + 2)}${line}`)].join('\n');
}
