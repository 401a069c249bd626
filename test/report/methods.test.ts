import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { InputError } from '../../src/engine/input-error.ts';
import { systems } from '../../src/objectives/systems.ts';
import { allMethods, explainMethod, listMethods } from '../../src/report/methods.ts';
import { methodsPage, methodsPageCommand } from '../../src/report/methods-markdown.ts';
import { methodsTable, methodText } from '../../src/report/methods-text.ts';
import { presetNames, presetOf } from '../../src/training/presets.ts';
import { command } from '../../tools/methods.ts';
import { repository, textOf } from '../architecture/source-files.ts';

const page = await readFile(join(repository, 'docs', 'objectives.md'), 'utf8');

/** The options of a schema that are a number, a word, a truth, or such a one that may be absent or null. */
function plainOptions(schema: z.ZodType): string[] {
  const isPlain = (field: unknown): boolean => {
    if (field instanceof z.ZodOptional || field instanceof z.ZodNullable || field instanceof z.ZodDefault)
      return isPlain(field.unwrap());
    if (field instanceof z.ZodUnion) return field.options.every(isPlain);
    return [z.ZodNumber, z.ZodString, z.ZodBoolean, z.ZodEnum, z.ZodLiteral, z.ZodNull].some(
      (kind) => field instanceof kind,
    );
  };
  const { shape } = schema as z.ZodObject;
  return Object.keys(shape).filter((option) => isPlain(shape[option]));
}

describe('every system', () => {
  it('that a file declares is in the list, once', () => {
    const files = readdirSync(join(repository, 'src', 'objectives')).filter((file) => file.endsWith('.ts'));
    const declared = files.flatMap((file) => {
      const text = textOf(`src/objectives/${file}`);
      return [...text.matchAll(/= system\b[^{]*\(\{\s*name: '([^']+)'/g)].map(([, name]) => name);
    });
    expect(declared.length).toBeGreaterThan(1);
    expect(systems.map(({ name }) => name).sort()).toEqual(declared.sort());
  });

  it('has presets of its own names', () => {
    expect(new Set(presetNames).size).toBe(systems.flatMap(({ presets }) => Object.keys(presets)).length);
  });

  it.each(systems)('$name is cited, explained and documented', (system) => {
    const { name, citation, summary, gradient, options, schema, presets } = system;
    expect(citation).toMatch(/arXiv \d{4}\.\d{4,5}|, [A-Z][A-Za-z]+ (19|20)\d\d\b/);
    for (const text of [summary, gradient]) expect(text).toMatch(/\.$/);
    expect(Object.keys(options)).toEqual(expect.arrayContaining(plainOptions(schema)));
    for (const { means, paper } of Object.values(options)) expect([means, paper]).not.toContain('');
    expect(page).toContain(`\n## ${name}\n`);
    expect(Object.keys(presets).length).toBeGreaterThan(0);
    for (const [preset, { about }] of Object.entries(presets)) {
      expect(presetOf(preset)!.objectives[name]).toBeDefined();
      expect(about).toMatch(/\.$/);
    }
  });

  it.each(systems)('$name has options that are in its schema', ({ options, schema, name, presets }) => {
    for (const option of Object.keys(options)) {
      const [outer, ...inner] = option.split('.');
      expect(Object.keys((schema as unknown as z.ZodObject).shape), option).toContain(outer);
      if (inner.length === 0) continue;
      const own = presetOf(Object.keys(presets)[0])!.objectives[name] as { [option: string]: object };
      expect(own[outer], option).toHaveProperty(inner);
    }
  });

  it('is on the page as it declares itself', () => {
    const stale = `docs/objectives.md is not what src/objectives declares; run: ${methodsPageCommand}`;
    expect(methodsPage(allMethods()) === page, stale).toBe(true);
  });
});

describe('plain options', () => {
  it('are found, whether they may be absent or not', () => {
    const schema = z.strictObject({
      a: z.number().min(0).optional(),
      b: z.enum(['x']).nullable(),
      c: z.int().positive(),
      d: z.union([z.literal('tenth'), z.number()]),
      e: z.boolean(),
      f: z.strictObject({}).optional(),
      g: z.tuple([z.number()]),
    });
    expect(plainOptions(schema)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});

describe('explainMethod', () => {
  it('knows a system, a preset, and a preset without its data set', () => {
    expect(explainMethod('moco').presets).toEqual(['moco-v1-cifar', 'moco-v2-cifar', 'moco-v2-small']);
    expect(explainMethod('moco-v2-cifar').presets).toEqual(['moco-v2-cifar']);
    expect(explainMethod('moco-v1')).toEqual(explainMethod('moco-v1-cifar'));
    // The name of a system comes before that of a preset without its end.
    expect(explainMethod('simipu').presets).toEqual([
      'simipu-kitti',
      'simipu-small',
      'simipu-smoke',
      'temporal-small',
    ]);
  });

  it.each([
    [
      'moco-v4',
      /^methods: expected one of simipu, .*\(nearest: moco-v\d\), found the unknown name 'moco-v4'$/,
    ],
    ['mocco', /\(nearest: moco\)/],
    ['constructor', /unknown name 'constructor'/],
    ['', /unknown name ''/],
  ])('refuses %j', (name, message) => {
    expect(() => explainMethod(name)).toThrow(InputError);
    expect(() => explainMethod(name)).toThrow(message);
  });

  it('has each option beside its value, and what follows from a preset', () => {
    const { options, runs, needs } = explainMethod('moco');
    expect(needs).toEqual(['image']);
    expect(options.find(({ option }) => option === 'temperature')).toEqual({
      option: 'temperature',
      means: 'divides the similarities',
      paper: '0.07 (v1), 0.2 (v2)',
      values: { 'moco-v1-cifar': 0.1, 'moco-v2-cifar': 0.2, 'moco-v2-small': 0.2 },
    });
    const [{ nothingLearned, memory }] = runs;
    // The right key, and 1,024 in the queue.
    expect(nothingLearned.terms.contrast).toBeCloseTo(Math.log(1025), 10);
    expect(memory).toContainEqual({ branch: 'queue', dtype: 'float32', shape: [1024, 128] });
    expect(memory).toContainEqual({
      branch: 'key',
      tensors: expect.any(Number),
      values: expect.any(Number),
    });
  });

  it('reads options inside of options', () => {
    const { options } = explainMethod('simipu-smoke');
    const head = options.find(({ option }) => option === 'heads.crossImage');
    expect(head?.values).toEqual({ 'simipu-smoke': [64, 32] });
  });
});

describe('pointpair methods', () => {
  afterEach(() => vi.restoreAllMocks());

  /** What the command prints. */
  async function printed(...args: string[]): Promise<string> {
    const written: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    await command().parseAsync(args, { from: 'user' });
    return written.join('');
  }

  it('lists every system in a table that fits 100 columns', async () => {
    const table = await printed();
    expect(table).toBe(`${methodsTable(listMethods())}\n`);
    const lines = table.split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(100);
    expect(lines[0]).toMatch(/^ {2}system +needs +presets +citation$/);
    const first = lines.map((line) => /^ {2}(\S+) /.exec(line)?.[1]).filter((name) => name !== undefined);
    expect(first).toEqual(['system', ...systems.map(({ name }) => name)]);
    for (const preset of presetNames) expect(table).toContain(preset);
    expect(table).toMatch(/2112\.04680/);
  });

  it('lists them as JSON of four members each', async () => {
    const listed = JSON.parse(await printed('--json'));
    expect(listed).toEqual(
      systems.map(({ name, citation, presets, needs }) => ({
        name,
        citation,
        presets: Object.keys(presets),
        needs,
      })),
    );
  });

  it('explains one, in words and as JSON', async () => {
    const text = await printed('moco-v2');
    expect(text).toBe(`${methodText(explainMethod('moco-v2'))}\n`);
    expect(text).toMatch(/^moco, needs image\n/);
    expect(text).toMatch(/ {2}option +what it is +paper +its code +moco-v2-cifar +moco-v2-small\n/);
    expect(text).toMatch(/\n {2}queue +\S.* 65536 +1024 +256\n/);
    expect(text).toContain('chance level: 6.932 (contrast 6.932 = ln 1025)');
    expect(text).toContain('queue, float32 [1024, 128]');
    expect(text).toContain(
      'views query, key: a crop of 0.2 to 1 of the area on 24 x 24 pixels, mirrored 0.5',
    );
    expect(text).toContain('pointpair pretrain --preset moco-v2-cifar');
    expect(JSON.parse(await printed('moco-v2', '--json'))).toEqual(
      JSON.parse(JSON.stringify(explainMethod('moco-v2'))),
    );
  });

  it.each([
    [['--markdown', 'moco'], /--markdown alone, for all systems, found the name 'moco'/],
    [['--markdown', '--json'], /found --json as well/],
  ])('refuses %j', async (args, message) => {
    await expect(printed(...args)).rejects.toThrow(message);
  });
});
