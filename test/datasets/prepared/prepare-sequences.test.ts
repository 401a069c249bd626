import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { openSequence } from '../../../src/datasets/open-sequence.ts';
import { type PrepareOptions, prepareSequences } from '../../../src/datasets/prepared/prepare-sequences.ts';
import { sourceOf } from '../../../src/datasets/prepared/prepare-source.ts';
import { openPrepared } from '../../../src/datasets/prepared/prepared-sequence.ts';
import { InputError } from '../../../src/engine/input-error.ts';
import { createScalars, type ScalarType } from '../../../src/pointcloud/scalar-type.ts';
import { describeWithRealData, realData } from '../../real-data.ts';
import {
  type MadeOptions,
  type MemoryMoment,
  madeSequences,
  memorySequence,
  pngLike,
  referenceTo,
  referenceToGrowing,
  referenceToMade,
} from './memory-sequences.ts';
import { expectSameSequence } from './same-sequence.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'prepared-'));
  folders.push(folder);
  return folder;
}

const described = { path: '/data/memory', options: {} };

async function faultOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => 'nothing was thrown',
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).fault;
}

/** All files of a folder by name, those that begin with a point too. */
function filesIn(folder: string): { [name: string]: string } {
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name)).toString('base64')]),
  );
}

/** Prepares made-up sequences in a new folder. */
async function prepareMade(
  made: MadeOptions,
  options: Partial<PrepareOptions> = {},
): Promise<{ readonly out: string; readonly report: Awaited<ReturnType<typeof prepareSequences>> }> {
  const out = options.out ?? newFolder();
  const source = referenceToMade(made);
  const report = await prepareSequences({
    source,
    described,
    out,
    workers: 0,
    momentsPerShard: 3,
    ...options,
  });
  return { out, report };
}

const scalarTypes: readonly ScalarType[] = [
  ...([
    'float32',
    'float64',
    'int8',
    'uint8',
    'int16',
    'uint16',
    'int32',
    'uint32',
    'int64',
    'uint64',
  ] as const),
];
const name = fc.stringMatching(/^[A-Za-z][\w.-]{0,12}$/);
const anyNumber = fc.double();
const matrix = (length: number) =>
  fc.array(anyNumber, { minLength: length, maxLength: length }).map((values) => Float64Array.from(values));
const tuple = (length: number) => fc.array(anyNumber, { minLength: length, maxLength: length });

const cloud = fc
  .record({
    width: fc.nat(7),
    height: fc.nat(3),
    layout: fc.uniqueArray(
      fc.record({ name, type: fc.constantFrom(...scalarTypes), count: fc.integer({ min: 1, max: 3 }) }),
      { minLength: 1, maxLength: 6, selector: (field) => field.name },
    ),
    viewpoint: fc.option(
      fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 7, maxLength: 7 }),
      { nil: undefined },
    ),
    notes: fc.option(fc.array(fc.string(), { minLength: 1, maxLength: 2 }), { nil: undefined }),
    bytes: fc.uint8Array({ minLength: 64, maxLength: 64 }),
  })
  .map(({ width, height, layout, viewpoint, notes, bytes }) => {
    const count = width * height;
    const fields = layout.map((field) => {
      const data = createScalars(field.type, count * field.count);
      const view = new Uint8Array(data.buffer);
      for (let i = 0; i < view.length; i++) view[i] = bytes[(i * 7) % bytes.length] ^ i;
      return { ...field, data };
    });
    return { count, width, height, fields, ...(viewpoint && { viewpoint }), ...(notes && { notes }) };
  });

const label = fc.record(
  {
    type: fc.string(),
    truncation: anyNumber,
    occlusion: anyNumber,
    alpha: anyNumber,
    box2: tuple(4),
    box3: fc.record({ center: tuple(3), sizeM: tuple(3), yaw: anyNumber }),
    score: anyNumber,
    trackId: fc.nat(),
  },
  { requiredKeys: ['type', 'truncation', 'occlusion', 'alpha', 'box2'] },
);

const lens = fc.record({ k1: anyNumber.filter(Number.isFinite), k2: anyNumber.filter(Number.isFinite) });

/** Moments whose parts are there or not, with two cameras. */
const moment = (id: string) =>
  fc.record(
    {
      head: fc.record(
        {
          id: fc.constant(id),
          notes: fc.array(fc.string(), { maxLength: 2 }),
          timeS: anyNumber,
          worldFromLidar: matrix(16),
          sets: fc.array(fc.string(), { maxLength: 2 }),
        },
        { requiredKeys: ['id', 'notes'] },
      ),
      cloud,
      pictures: fc.record(
        { 'front/left': fc.uint8Array().map(pngLike), 'front.left': fc.uint8Array().map(pngLike) },
        { requiredKeys: [] },
      ),
      cameras: fc
        .tuple(
          fc.record({ name, pixelFromCamera: matrix(12), cameraFromLidar: matrix(16) }),
          fc.record({ name, pixelFromCamera: matrix(12), cameraFromLidar: matrix(16), lens }),
        )
        .map(([left, right]) => ({ 'front/left': left, 'front.left': right })),
      labels: fc.array(label, { maxLength: 2 }),
    },
    { requiredKeys: ['head', 'pictures'] },
  );

describe('prepareSequences', () => {
  it('gives every part of every moment back to the bit', async () => {
    const ids = fc.uniqueArray(fc.string({ maxLength: 60 }), { minLength: 1, maxLength: 5 });
    const sequence = ids.chain((all) => fc.tuple(...all.map(moment)));
    await fc.assert(
      fc.asyncProperty(fc.array(sequence, { minLength: 1, maxLength: 2 }), async (all) => {
        const cameras = ['front/left', 'front.left'];
        const source = all.map((moments, place) =>
          memorySequence({ name: `${place}`, cameras, moments: moments as unknown as MemoryMoment[] }),
        );
        const out = newFolder();
        await prepareSequences({
          source: referenceTo(source),
          described,
          out,
          workers: 0,
          momentsPerShard: 2,
        });
        const prepared = await openPrepared(out);
        expect(prepared.map((each) => each.name)).toEqual(source.map((each) => each.name));
        for (const [place, each] of prepared.entries()) await expectSameSequence(each, source[place]);
      }),
      { numRuns: 60 },
    );
  });

  it('writes tar files that tar reads, a moment after the other', async () => {
    const { out, report } = await prepareMade({ seed: 1, lengths: [4, 2] });
    expect(report).toMatchObject({ sequences: 2, shards: 3, made: 6, kept: 0, leftOut: {}, examples: [] });
    expect(Object.keys(filesIn(out))).toEqual([
      'drive_0-00000.tar',
      'drive_0-00001.tar',
      'drive_1-00000.tar',
      'prepared.json',
    ]);
    const listed = execFileSync('tar', ['-tf', join(out, 'drive_0-00001.tar')], { encoding: 'utf8' });
    expect(listed).toBe('000003.points.pcd\n000003.left.png\n000003.right.png\n000003.json\n');
    execFileSync('tar', ['-xf', join(out, 'drive_0-00001.tar'), '-C', out]);
    const [sequence] = await madeSequences({ seed: 1, lengths: [4, 2] });
    const { bytes } = await sequence.picture(3, 'right');
    expect(Buffer.compare(readFileSync(join(out, '000003.right.png')), bytes)).toBe(0);
    const record = JSON.parse(readFileSync(join(out, '000003.json'), 'utf8'));
    const { name: _, ...model } = await sequence.camera(3, 'left');
    expect(record.cameras.left.pixelFromCamera).toEqual([...model.pixelFromCamera]);
    expect(record.moment.id).toBe('000003');
    const whole = await openSequence({ path: join(out, '000003.points.pcd') });
    expect((await whole.cloud(0)).fields).toEqual((await sequence.cloud(3)).fields);
  });

  it('gives the same bytes whatever the number of workers', async () => {
    const made = { seed: 2, lengths: [5, 4] };
    const [one, two] = [await prepareMade(made), await prepareMade(made, { workers: 2 })];
    expect(filesIn(two.out)).toEqual(filesIn(one.out));
  }, 30_000);

  it('goes on with the shards that are not there', async () => {
    const made = { seed: 3, lengths: [7] };
    const whole = await prepareMade(made);
    const out = newFolder();
    const controller = new AbortController();
    const [sequence] = await madeSequences(made);
    const stopping = {
      ...sequence,
      cloud: async (index: number) => {
        if (index === 5) controller.abort(new Error('enough'));
        return sequence.cloud(index);
      },
    };
    const stopped = prepareMade(made, { out, source: referenceTo([stopping]), signal: controller.signal });
    await expect(stopped).rejects.toThrow('enough');
    expect(Object.keys(filesIn(out))).toEqual([
      '.drive_0-00000.tar.json',
      'drive_0-00000.tar',
      'prepared.json',
    ]);
    expect(await faultOf(openPrepared(out))).toMatchObject({ found: expect.stringContaining('interrupted') });
    // Of a process that was killed: a file under another name, and a shard without its part of the index.
    writeFileSync(join(out, '.drive_0-00001.tar.7-1.tmp'), 'half');
    writeFileSync(join(out, 'drive_0-00001.tar'), 'another');
    const { report } = await prepareMade(made, { out });
    expect(report).toMatchObject({ made: 4, kept: 3 });
    expect(filesIn(out)).toEqual(filesIn(whole.out));
    expect((await prepareMade(made, { out })).report).toMatchObject({ made: 0, kept: 7 });
    rmSync(join(out, 'drive_0-00001.tar'));
    writeFileSync(join(out, 'drive_0-00002.tar'), 'cut off');
    expect((await prepareMade(made, { out })).report).toMatchObject({ made: 4, kept: 3 });
    expect(filesIn(out)).toEqual(filesIn(whole.out));
  });

  it('takes no folder that holds something else', async () => {
    const made = { seed: 4, lengths: [2, 1] };
    const { out } = await prepareMade(made);
    const again = (other: MadeOptions, options: Partial<PrepareOptions> = {}) =>
      faultOf(prepareMade(other, { out, ...options }));
    const file = join(out, 'prepared.json');
    expect(await again(made, { described: { ...described, path: '/data/other' } })).toEqual({
      file,
      place: 'source',
      expected: '/data/memory, which the folder was made with',
      found: '/data/other',
    });
    expect(await again(made, { described: { ...described, options: { columns: 5 } } })).toMatchObject({
      place: 'options',
      found: '{"columns":5}',
    });
    expect(await again(made, { momentsPerShard: 4 })).toMatchObject({ place: 'moments a shard', found: '4' });
    expect(await again({ ...made, lengths: [2] })).toMatchObject({ place: 'sequences' });
    expect(await again({ ...made, lengths: [3, 1] })).toMatchObject({
      place: 'number of moments of drive/0',
      expected: '2, which the folder was made with',
      found: '3',
    });
    // Another seed gives other poses.
    expect(await again({ ...made, seed: 5 })).toMatchObject({ place: 'moments of drive/0' });
    const other = newFolder();
    writeFileSync(join(other, 'notes.txt'), '');
    expect(await faultOf(prepareMade(made, { out: other }))).toEqual({
      file: other,
      expected: 'an empty folder, or one with prepared.json',
      found: 'notes.txt',
    });
    expect(await faultOf(prepareMade({ seed: 0, lengths: [] }))).toMatchObject({ expected: 'moments' });
  });

  it('leaves out what is damaged or missing, and says so; strict ends there', async () => {
    const [{ moments, cameras, ...rest }] = await madeSequences({ seed: 6, lengths: [3] });
    const parts = async (index: number): Promise<MemoryMoment> => ({
      head: { id: moments[index].id, notes: moments[index].notes },
      cloud: await rest.cloud(index),
      pictures: {
        left: (await rest.picture(index, 'left')).bytes,
        right: (await rest.picture(index, 'right')).bytes,
      },
      labels: await rest.labels(index),
    });
    const [first, second, third] = [await parts(0), await parts(1), await parts(2)];
    const damaged = [
      { ...first, cloud: 'half of it' },
      { ...second, pictures: { left: second.pictures.left }, labels: undefined },
      { ...third, pictures: { ...third.pictures, left: Buffer.from('no picture at all') } },
    ];
    const sequence = memorySequence({ name: 'one', cameras, moments: damaged });
    const out = newFolder();
    const options = { source: referenceTo([sequence]), described, out, workers: 0 };
    const report = await prepareSequences(options);
    expect(report.leftOut).toEqual({
      'sweep: damaged': 1,
      'picture of right: missing': 1,
      'labels: missing': 1,
      'picture of left: damaged': 1,
    });
    expect(report.examples[0]).toBe(
      'one-00000.tar, frame 000000: the first; sweep is left out: memory/sweep: expected a whole sweep, found half of it',
    );
    const [prepared] = await openPrepared(out);
    expect(prepared.moments.map(({ files }) => Object.keys(files))).toEqual([
      ['picture', 'labels'],
      ['sweep', 'picture'],
      ['sweep', 'labels'],
    ]);
    expect(prepared.moments[2].pictures).toEqual({ right: [join(out, 'one-00000.tar')] });
    expect(prepared.moments[2].notes).toEqual([
      'picture of left is left out: memory/picture: expected a picture (PNG, JPEG or the like), found other bytes',
    ]);
    expect(await faultOf(prepared.picture(2))).toMatchObject({
      place: 'frame 000002',
      found: expect.stringContaining('other bytes'),
    });
    expect(await faultOf(prepared.cloud(0))).toMatchObject({ expected: 'a sweep' });

    // What is missing is told at once, what is damaged when it is read, what was left out before when the folder is taken over.
    const strict = (moment: readonly MemoryMoment[], folder = newFolder()) =>
      faultOf(
        prepareSequences({
          ...options,
          source: referenceTo([memorySequence({ name: 'one', cameras, moments: moment })]),
          out: folder,
          strict: true,
        }),
      );
    expect(await strict(damaged)).toMatchObject({
      place: 'frame 000001',
      expected: 'picture of right, which other frames have',
    });
    expect(await strict([damaged[0], third])).toMatchObject({ file: 'memory/sweep', found: 'half of it' });
    const half = [damaged[0], third];
    const folder = newFolder();
    const source = referenceTo([memorySequence({ name: 'one', cameras, moments: half })]);
    await prepareSequences({ ...options, source, out: folder });
    expect(await strict(half, folder)).toMatchObject({
      place: 'one-00000.tar, frame 000000',
      found: 'sweep: damaged',
    });
  });

  it('tells a source that is another when a thread opens it', async () => {
    const source = referenceToGrowing({ seed: 8, lengths: [2] });
    const out = newFolder();
    expect(await faultOf(prepareSequences({ source, described, out, workers: 1 }))).toEqual({
      file: 'memory',
      expected: 'sequence drive/0 of 2 moments, as a moment ago',
      found: 'drive/0 of 3',
    });
  }, 30_000);

  it('passes on errors that are no fault of the input', async () => {
    const [sequence] = await madeSequences({ seed: 7, lengths: [2] });
    const broken = { ...sequence, cloud: async () => Promise.reject(new Error('a fault of ours')) };
    const out = newFolder();
    const options = { source: referenceTo([broken]), described, out, workers: 0 };
    await expect(prepareSequences(options)).rejects.toThrow('a fault of ours');
    expect(Object.keys(filesIn(out))).toEqual(['prepared.json']);
  });
});

describeWithRealData('prepared real sequences', 'kitti-raw/2011_09_26', (date) => {
  it.each([
    ['the drive', { path: date }],
    ['frames of the object data set', { path: realData('kitti-object') }],
    ['point clouds', { path: realData('pcd') && join(realData('pcd')!, '..', 'ply') }],
  ])('are the same: %s', async (_, { path }) => {
    if (path === undefined) return;
    const out = newFolder();
    await prepareSequences({ ...sourceOf({ path }), out, workers: 0, momentsPerShard: 5 });
    await expectSameSequence(await openSequence({ path: out }), await openSequence({ path }));
  });

  const tracks = realData('kitti-tracking/training/label_02/0000.txt');
  it.skipIf(tracks === undefined)('with tracks', async () => {
    const out = newFolder();
    await prepareSequences({ ...sourceOf({ path: date, tracks }), out, workers: 0 });
    const prepared = await openSequence({ path: out });
    await expectSameSequence(prepared, await openSequence({ path: date, tracks }));
    expect((await prepared.labels(3)).some(({ trackId }) => trackId !== undefined)).toBe(true);
  });
});
