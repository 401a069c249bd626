import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import sharp from 'sharp';
import { z } from 'zod';
import { InputError, reasonOf } from '../engine/input-error.ts';
import type { RetrievalResult, RetrievalRow } from '../evaluation/retrieval-result.ts';
import { retrievalResultSchema } from '../evaluation/retrieval-result.ts';
import type { RgbImage } from '../image/rgb-image.ts';
import { writeFileAtomically } from '../training/run/atomic-file.ts';
import { endInWords, endOf, endsAtChance } from '../training/run/chance.ts';
import { listCheckpoints } from '../training/run/checkpoint.ts';
import { clockTime } from '../training/run/progress.ts';
import type { Metrics, MetricsLine } from '../training/run/run-folder.ts';
import { readMetrics } from '../training/run/run-folder.ts';
import { reportStyle } from './report-style.ts';
import { lossName, metricName } from './term-names.ts';
import { barChartSvg, lineChartSvg, smoothedLines, thinned } from './vega-svg.ts';

/** A picture of a report, carried in the page itself. */
export interface ReportPicture {
  readonly mediaType: 'image/png' | 'image/jpeg';
  readonly base64: string;
  readonly caption: string;
}

/** A section that whoever makes the report adds to it. */
export interface ReportSection {
  readonly title: string;
  readonly text?: string;
  /** Whether it stands before the losses: what was reached. */
  readonly isResult?: boolean;
  readonly pictures?: readonly ReportPicture[];
  readonly table?: { readonly head: readonly string[]; readonly rows: ReadonlyArray<readonly string[]> };
  /** Charts, side by side. */
  readonly figures?: readonly ReportFigure[];
  /** Drawings as wide as the page, with what their colours mean. */
  readonly drawings?: readonly ReportFigure[];
  readonly legend?: ReadonlyArray<{
    readonly colour: string;
    readonly dashed: boolean;
    readonly words: string;
  }>;
}

/** A drawing with its title and a note. */
export interface ReportFigure {
  readonly title: string;
  readonly note?: string;
  readonly svg: string;
}

/** An image as a picture of a report (JPEG). */
export async function pictureOf({ width, height, data }: RgbImage, caption: string): Promise<ReportPicture> {
  const jpeg = await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 88 })
    .toBuffer();
  return { mediaType: 'image/jpeg', base64: jpeg.toString('base64'), caption };
}

/**
 * Writes `report.html` in a run's folder, a page that stands alone (no script, nothing fetched), and gives its path: what
 * was learned against chance, the losses against their values when nothing is learned, speed, checkpoints, configuration,
 * environment. Throws an InputError where a file of the run is missing or cannot be right.
 */
export async function writeReport(
  runFolder: string,
  { sections = [] }: { readonly sections?: readonly ReportSection[] } = {},
): Promise<string> {
  const config = await readRecord(join(runFolder, 'config.json'), z.record(z.string(), z.json()));
  const environment = await readRecord(join(runFolder, 'env.json'), environmentSchema);
  const metrics = await readMetrics(runFolder);
  const retrieval = await readRecord(join(runFolder, 'evaluation.json'), retrievalResultSchema, null);
  const chance = metrics.header?.chance ?? chanceSchema.parse(config).chance;
  const { resumed: _, ...machine } = environment;
  const name = basename(resolve(runFolder));
  const parts = [
    summary({ name, metrics, environment }),
    warnings([...lossWarnings(metrics, chance), ...retrievalWarnings(retrieval)]),
    ...(retrieval === null ? [] : [await retrievalSection(retrieval)]),
    ...sections.filter(({ isResult }) => isResult).map(addedSection),
    await lossSection(metrics, chance),
    await curveSection(metrics),
    ...sections.filter(({ isResult }) => !isResult).map(addedSection),
    await checkpointSection(runFolder),
    html`<section><h2>Configuration</h2>${table(['key', 'value'], leafRows(config))}</section>`,
    html`<section><h2>Environment</h2>${table(['', ''], leafRows(machine))}</section>`,
  ];
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name}: run report</title><style>${new Markup(reportStyle)}</style></head>
<body><main>${parts}</main></body></html>
`;
  const path = join(runFolder, 'report.html');
  await writeFileAtomically(path, page.text);
  return path;
}

const environmentSchema = z.looseObject({
  started: z.string(),
  command: z.string(),
  cpu: z.string(),
  cores: z.number(),
  resumed: z.array(z.looseObject({ step: z.number() })).default([]),
});
const chanceSchema = z.looseObject({ chance: z.record(z.string(), z.number()).catch({}).default({}) });

/** Text that is HTML already; all other values are escaped when they are put into a template. */
class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Content = Markup | string | number | readonly Content[];

function html(strings: TemplateStringsArray, ...contents: Content[]): Markup {
  return new Markup(strings.reduce((text, string, i) => text + escaped(contents[i - 1]) + string));
}

function escaped(content: Content): string {
  if (content instanceof Markup) return content.text;
  if (typeof content === 'object') return content.map(escaped).join('');
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return String(content).replaceAll(/[&<>"']/g, (character) => entities[character]);
}

function summary({
  name,
  metrics,
  environment,
}: {
  name: string;
  metrics: Metrics;
  environment: z.infer<typeof environmentSchema>;
}): Markup {
  const last = metrics.lines.at(-1);
  const speeds = metrics.lines
    .flatMap(({ samplesPerSecond }) => samplesPerSecond ?? [])
    .sort((a, b) => a - b);
  const facts: Array<[string, string]> = [['steps', String(last?.step ?? 0)]];
  if (last?.epoch !== undefined) facts.push(['epochs', shown(last.epoch)]);
  if (last?.time !== undefined) facts.push(['time', clockTime(last.time * 1000)]);
  if (speeds.length > 0) facts.push(['samples/s, median', shown(speeds[speeds.length >> 1])]);
  facts.push(['processor', `${environment.cpu}, ${environment.cores} cores`]);
  facts.push(['started', environment.started.slice(0, 16).replace('T', ' ')]);
  if (environment.resumed.length > 0) {
    facts.push(['resumed after step', environment.resumed.map(({ step }) => step).join(', ')]);
  }
  return html`<header><h1>${name}</h1><pre>${environment.command}</pre>
<dl>${facts.map(([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`)}</dl></header>`;
}

function warnings(texts: readonly string[]): Markup {
  return html`${texts.map((text) => html`<p class="warning" role="note"><strong>Warning.</strong> ${text}</p>`)}`;
}

function lossWarnings({ lines }: Metrics, chance: Readonly<Record<string, number>>): string[] {
  return termsOf(lines, 'loss').flatMap((term) => {
    const broken = lines.find(({ loss }) => loss[term] === null);
    const values = lines.flatMap(({ loss }) => loss[term] ?? []);
    const texts =
      broken === undefined ? [] : [`The ${lossName(term)} was not a finite number at step ${broken.step}.`];
    if (chance[term] !== undefined && endsAtChance(values, chance[term])) {
      const [end, level] = [shown(endOf(values)), shown(chance[term])];
      const where = `The ${lossName(term)} ends at ${end}, ${endInWords(values)}.`;
      texts.push(`${where} Its chance level is ${level}: this run shows no learning by this loss.`);
    }
    return texts;
  });
}

function retrievalWarnings(retrieval: RetrievalResult | null): string[] {
  const beaten = ({ after, chance, random }: RetrievalRow) =>
    after > Math.max(chance, random.mean + 2 * random.std);
  return (retrieval?.rows ?? [])
    .filter((row) => !beaten(row))
    .map(({ task, metric, after, random, chance }) => {
      const weights = `${percent(random.mean)} ± ${percent(random.std)} (${random.seeds} seeds)`;
      return `After training, ${task} ${metric} retrieval is ${percent(after)}. That is no clear gain: chance is ${percent(chance)}, and networks with random weights reach ${weights}.`;
    });
}

async function retrievalSection(retrieval: RetrievalResult): Promise<Markup> {
  const { rows, split, frames, pool } = retrieval;
  const tasks = [...new Set(rows.map(({ task }) => task))];
  const figures = await Promise.all(
    tasks.map(async (task) => {
      const own = rows.filter((row) => row.task === task);
      // Each task has a scale of its own: the one is hard where the other is easy.
      const top = Math.max(
        ...own.flatMap(({ random, before, after }) => [random.mean + random.std, before ?? 0, after]),
      );
      const groups = own.map(({ metric, chance, random, before, after }) => ({
        name: metric,
        level: chance,
        bars: [
          { name: 'random weights', value: random.mean, std: random.std },
          ...(before === null ? [] : [{ name: 'before training', value: before }]),
          { name: 'after training', value: after },
        ],
      }));
      const svg = await barChartSvg({ groups, highest: Math.min(1, top * 1.1) || 1 });
      return figure(task, svg);
    }),
  );
  const cells = rows.map(({ task, metric, chance, random, before, after }) => [
    task,
    metric,
    percent(chance),
    `${percent(random.mean)} ± ${percent(random.std)} (${random.seeds} seeds)`,
    before === null ? 'not measured' : percent(before),
    percent(after),
  ]);
  const head = ['task', 'metric', 'chance', 'random weights', 'before training', 'after training'];
  return html`<section><h2>Retrieval on held-out frames</h2>
<p>${frames} frames of the ${split} split. Each query is compared with ${pool} candidates, its own partner among them; a value is the share of queries whose partner is among the nearest 1, 5 and so on. Intra-modal: between two views of the points. Cross-modal: between points and image. The two scales differ. The line across the bars is chance; the thin strokes are one standard deviation over seeds.</p>
<div class="figures">${figures}</div>${table(head, cells)}</section>`;
}

async function lossSection(
  { lines, header }: Metrics,
  chance: Readonly<Record<string, number>>,
): Promise<Markup> {
  if (lines.length === 0) return html`<section><h2>Losses</h2><p>No step was finished.</p></section>`;
  const window = Math.max(1, Math.round(lines.length / 30));
  const figures = await Promise.all(
    termsOf(lines, 'loss').map(async (term) => {
      const raw = lines.map(({ step, loss }) => [step, loss[term] ?? null] as const);
      const level = chance[term];
      const known =
        level === undefined ? undefined : { value: level, label: `chance level: ${shown(level)}` };
      const chart = { x: 'step', lines: smoothedLines(term, raw, window), level: known };
      const meaning = typeof header?.terms[term] === 'string' ? header.terms[term] : '';
      const finite = raw.flatMap(([, value]) => value ?? []);
      const course =
        finite.length === 0
          ? 'no finite value'
          : `from ${shown(finite[0])} at the first step to ${shown(endOf(finite))}, ${endInWords(finite)}`;
      return figure(lossName(term), await lineChartSvg(chart), [meaning, course].filter(Boolean).join('; '));
    }),
  );
  const smooth =
    window > 1
      ? ` The strong lines are averages of ${window} steps; the pale lines are the steps themselves.`
      : '';
  const levels =
    Object.keys(chance).length > 0
      ? 'A dashed line stands at the chance level of a loss, its value when nothing is learned.'
      : '';
  return html`<section><h2>Losses</h2><p>${levels}${smooth} A loss ends at the mean of the last tenth of its steps.</p>
<div class="figures">${figures}</div></section>`;
}

/** A metric by its name, with its unit where the values are not plain numbers. */
function metricTitle(term: string): string {
  const { words, unit } = metricName(term);
  const suffix = { number: '', share: ' (share)', metres: ' (m)', milliseconds: ' (ms)' }[unit];
  return `${words}${suffix}`;
}

async function curveSection({ lines }: Metrics): Promise<Markup> {
  const window = Math.max(1, Math.round(lines.length / 30));
  const curve = async (title: string, value: (line: MetricsLine) => number | null | undefined) => {
    const raw = lines.map((line) => [line.step, value(line) ?? null] as const).filter(([, y]) => y !== null);
    if (raw.length === 0) return [];
    return [figure(title, await lineChartSvg({ x: 'step', lines: smoothedLines(title, raw, window) }))];
  };
  const metrics = await Promise.all(
    termsOf(lines, 'metric').map((term) => curve(metricTitle(term), ({ metric }) => metric?.[term])),
  );
  const figures = [
    ...metrics.flat(),
    ...(await learningRateFigure(lines)),
    ...(await curve('samples per second', ({ samplesPerSecond }) => samplesPerSecond)),
  ];
  if (figures.length === 0) return html``;
  return html`<section><h2>Metrics, learning rate, speed</h2><div class="figures">${figures}</div></section>`;
}

/** Parameter groups that have the same learning rate throughout share a line. */
async function learningRateFigure(lines: readonly MetricsLine[]): Promise<Markup[]> {
  const namesOf = new Map<string, { names: string[]; points: Array<readonly [number, number | null]> }>();
  for (const term of termsOf(lines, 'learningRate')) {
    const points = lines.map(({ step, learningRate }) => [step, learningRate?.[term] ?? null] as const);
    const key = JSON.stringify(points);
    const same = namesOf.get(key) ?? { names: [], points };
    namesOf.set(key, { ...same, names: [...same.names, term] });
  }
  if (namesOf.size === 0) return [];
  const rates = [...namesOf.values()].flatMap(({ points }) => points.flatMap(([, y]) => y ?? []));
  const [lowest, highest] = rates.reduce(
    ([low, high], y) => [Math.min(low, y), Math.max(high, y)],
    [Infinity, -Infinity],
  );
  const chart = {
    x: 'step',
    lines: [...namesOf.values()].map(({ names, points }) => ({
      name: names.join(', '),
      points: thinned(points),
    })),
    logarithmic: lowest > 0 && highest > 10 * lowest,
  };
  const groups = [...namesOf.values()].map(({ names }) => names.join(', ')).join('; ');
  return [figure('learning rate', await lineChartSvg(chart), `parameter groups: ${groups}`)];
}

async function checkpointSection(runFolder: string): Promise<Markup> {
  const rows = await Promise.all(
    (await listCheckpoints(runFolder)).map(async ({ step, folder }) => {
      const meta = await readRecord(join(folder, 'state.json'), z.looseObject({ time: z.string() })).catch(
        () => undefined,
      );
      return [String(step), `checkpoints/${basename(folder)}`, meta?.time ?? 'state.json cannot be read'];
    }),
  );
  const content =
    rows.length === 0 ? html`<p>None were written.</p>` : table(['step', 'folder', 'written'], rows);
  return html`<section><h2>Checkpoints</h2>${content}</section>`;
}

function addedSection(section: ReportSection): Markup {
  const { title, text, pictures = [], figures = [], drawings = [], legend = [] } = section;
  const images = pictures.map(
    ({ mediaType, base64, caption }) =>
      html`<figure class="picture"><img alt="${caption}" src="data:${mediaType};base64,${base64}"><figcaption>${caption}</figcaption></figure>`,
  );
  const charts = figures.map((each) => figure(each.title, each.svg, each.note));
  const drawn = drawings.map(
    (each) =>
      html`<figure class="picture" role="img" aria-label="${each.title}">${new Markup(each.svg)}<figcaption><b>${each.title}</b> ${each.note ?? ''}</figcaption></figure>`,
  );
  const colours = legend.map(({ colour, dashed, words }) => {
    const line = `border-top: 3px ${dashed ? 'dashed' : 'solid'} ${colour}`;
    return html`<span><i style="${line}"></i>${words}</span>`;
  });
  const parts = [
    text === undefined ? '' : html`<p>${text}</p>`,
    section.table === undefined ? '' : table(section.table.head, section.table.rows),
    charts.length === 0 ? '' : html`<div class="figures">${charts}</div>`,
    colours.length === 0 ? '' : html`<div class="legend">${colours}</div>`,
    ...images,
    ...drawn,
  ];
  return html`<section><h2>${title}</h2>${parts}</section>`;
}

function figure(title: string, svg: string, note = ''): Markup {
  return html`<figure role="img" aria-label="${title}"><figcaption><b>${title}</b> ${note}</figcaption>${new Markup(svg)}</figure>`;
}

function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): Markup {
  const cells = (row: readonly string[]) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`;
  const titles = head.some(Boolean)
    ? html`<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>`
    : '';
  return html`<div class="table"><table>${titles}<tbody>${rows.map(cells)}</tbody></table></div>`;
}

/** The leaves of a JSON value by key path; lists of plain values stay in one piece. */
function leafRows(value: unknown, key = ''): string[][] {
  const branch = typeof value === 'object' && value !== null;
  if (!branch) return [[key, typeof value === 'string' ? value : JSON.stringify(value)]];
  const entries = Object.entries(value);
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object'))
    return [[key, value.join(', ') || 'none']];
  return entries.flatMap(([inner, item]) => leafRows(item, key === '' ? inner : `${key}.${inner}`));
}

function termsOf(lines: readonly MetricsLine[], kind: 'loss' | 'metric' | 'learningRate'): string[] {
  return [...new Set(lines.flatMap((line) => Object.keys(line[kind] ?? {})))];
}

/** A number with about three digits. */
function shown(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}

function percent(value: number): string {
  return `${(100 * value).toFixed(value < 0.01 ? 2 : 1)}%`;
}

async function readRecord<Value>(file: string, schema: z.ZodType<Value>): Promise<Value>;
async function readRecord<Value>(file: string, schema: z.ZodType<Value>, absent: null): Promise<Value | null>;
async function readRecord<Value>(
  file: string,
  schema: z.ZodType<Value>,
  absent?: null,
): Promise<Value | null> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    const fault = error as NodeJS.ErrnoException;
    if (fault.code === 'ENOENT' && absent === null) return null;
    throw new InputError(
      { file, expected: 'a JSON file of a run', found: reasonOf(fault) },
      { cause: error },
    );
  }
  const { data, error } = schema.safeParse(json);
  if (data !== undefined) return data;
  const { path, message } = error!.issues[0];
  throw new InputError({ file, place: path.join('.'), expected: 'what a run writes there', found: message });
}
