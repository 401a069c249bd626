import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf } from '../../src/engine/tree.ts';
import { groupOfEach } from '../../src/nn/parameter-groups.ts';
import { applySettings, parameterGroups, parseRunConfig, type RunConfig } from '../../src/training/config.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { presetNames, presetOf } from '../../src/training/presets.ts';
import { initialState, totalSteps } from '../../src/training/pretrain.ts';
import { bothEncoders, simipuOf, tinyRun } from '../objectives/tiny-simipu.ts';

const smoke = presetOf('simipu-smoke')!;

/** The preset as JSON, whose parts a test may spoil. */
function copy() {
  const json = JSON.parse(JSON.stringify(smoke)) as { [key: string]: Json };
  return json as typeof json & { encoders: { image: Json; points: Json }; objectives: { simipu: Json } };
}
type Json = Record<string, unknown>;

/** The message of the InputError that is thrown. */
function faultOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).message;
  }
  throw new Error('nothing was thrown');
}

describe('presets', () => {
  it.each(presetNames)('%s holds against the schema, and survives JSON', (name) => {
    const config = presetOf(name)!;
    expect(parseRunConfig(JSON.parse(JSON.stringify(config)), { file: name })).toEqual(config);
  });

  it('are the released, the small and the quick one', () => {
    const ofSimipu = presetNames.filter((name) => presetOf(name)!.objectives.simipu !== undefined);
    expect(ofSimipu).toEqual(['simipu-kitti', 'simipu-small', 'simipu-smoke', 'temporal-small']);
    expect(presetOf('simipu')).toBeUndefined();
    expect(presetOf('constructor')).toBeUndefined();
    const kitti = presetOf('simipu-kitti')!;
    const { encoders, optimizers, schedule, epochs, batchSize } = kitti;
    const simipu = simipuOf(kitti);
    expect(encoders).toMatchObject({
      image: { depth: 50, batchNorm: { eps: 1e-3, momentum: 0.01 } },
      points: {
        input: { count: 16384, range: { min: [0, -40, -3], max: [70.4, 40, 1] } },
        useXyz: false,
        dilated: true,
        bias: true,
        batchNorm: { eps: 1e-3, momentum: 0.1 },
      },
    });
    expect(simipu).toMatchObject({
      view: { pivot: [35.2, 0, -1], scale: [0.75, 1.25], flipProbability: 0.5 },
      temperature: 0.07,
      stopGradient: 'point-output',
      matchGateM: null,
      validityMask: false,
      crossFactor: 1,
    });
    expect(simipu.view.maxRotation).toBeCloseTo(Math.PI / 2, 12);
    expect(optimizers.points).toEqual({
      kind: 'adamw',
      beta1: 0.95,
      beta2: 0.99,
      learningRate: 1e-3,
      weightDecay: 0.01,
    });
    for (const sgd of [optimizers.image, optimizers.heads]) {
      expect(sgd).toEqual({ kind: 'sgd', momentum: 0.9, learningRate: 0.03, weightDecay: 1e-4 });
    }
    expect([schedule, epochs, batchSize]).toEqual([
      { kind: 'exponential', gamma: 0.99, per: 'epoch' },
      50,
      32,
    ]);
  });

  it('say how long a run is, in steps or in epochs', () => {
    expect(totalSteps(smoke, 1000)).toBe(20);
    expect(totalSteps({ ...smoke, steps: null, epochs: 3, batchSize: 4 }, 10)).toBe(8);
    expect(totalSteps({ ...smoke, steps: null, epochs: 0.001 }, 4)).toBe(1);
  });
});

describe('parseRunConfig', () => {
  const parse = (value: unknown) => parseRunConfig(value, { file: 'my.json' });

  it('takes a run without epochs that has steps, and a schedule that counts none', () => {
    const stream = { ...copy(), epochs: null, steps: 7 };
    expect(faultOf(() => parse(stream))).toBe(
      "my.json: schedule.per: expected 'step' or 'run', as there are no epochs, found \"epoch\"",
    );
    const steps = { ...stream, schedule: { kind: 'constant', per: 'step' } };
    expect(totalSteps(parse(steps), 1000)).toBe(7);
    expect(faultOf(() => parse({ ...steps, steps: null }))).toBe(
      'my.json: steps: expected steps, or epochs, found null',
    );
  });

  it('refuses an unknown key, with the nearest known one', () => {
    expect(faultOf(() => parse({ ...copy(), batchsize: 4 }))).toMatch(
      /^my\.json: batchsize: .*\(nearest: batchSize\).* unknown key 'batchsize'/,
    );
    const inner = copy();
    inner.objectives.simipu.temprature = 0.1;
    expect(faultOf(() => parse(inner))).toMatch(
      /^my\.json: objectives\.simipu\.temprature: .*\(nearest: temperature\)/,
    );
  });

  it('names a misspelt key rather than the one that lacks for it', () => {
    const { batchSize, ...rest } = copy();
    const message = faultOf(() => parse({ ...rest, batchSise: batchSize }));
    expect(message).toMatch(/^my\.json: batchSise: .*\(nearest: batchSize\)/);
    const value = copy();
    const points = (value.optimizers as { points: Record<string, unknown> }).points;
    points.learning_rate = points.learningRate;
    delete points.learningRate;
    expect(faultOf(() => parse(value))).toMatch(
      /optimizers\.points\.learning_rate: .*\(nearest: learningRate\)/,
    );
    const levels = (value.encoders.points as { levels: Array<Record<string, unknown>> }).levels;
    points.learningRate = 1;
    delete points.learning_rate;
    levels[1].neighbours = levels[1].neighbors;
    delete levels[1].neighbors;
    expect(faultOf(() => parse(value))).toMatch(
      /encoders\.points\.levels\.1\.neighbours: .*\(nearest: neighbors\)/,
    );
  });

  it.each<[string, (value: ReturnType<typeof copy>) => void, RegExp]>([
    ['a missing key', (value) => delete value.seed, /: seed: expected number, found nothing/],
    [
      'another type',
      (value) => Object.assign(value, { batchSize: 'four' }),
      /: batchSize: expected number, found "four"/,
    ],
    [
      'a fraction',
      (value) => Object.assign(value, { batchSize: 2.5 }),
      /: batchSize: expected int, found 2\.5/,
    ],
    [
      'a negative value',
      (value) => Object.assign(value.objectives.simipu, { temperature: -1 }),
      /: objectives\.simipu\.temperature: expected number to be >0, found -1/,
    ],
    [
      'another word',
      (value) => Object.assign(value.objectives.simipu, { stopGradient: 'point' }),
      /: objectives\.simipu\.stopGradient: expected one of "point-output"\|"point-feature"\|"none", found "point"/,
    ],
    [
      'another depth',
      (value) => Object.assign(value.encoders.image, { depth: 101 }),
      /: encoders\.image\.depth: expected one of 18\|34\|50, found 101/,
    ],
    [
      'another optimizer',
      (value) => Object.assign(value.optimizers.image as object, { kind: 'adam' }),
      /: optimizers\.image\.kind: expected 'sgd' \| 'adamw' \| 'lars', found "adam"/,
    ],
    [
      'a canvas that a ResNet does not divide',
      (value) => Object.assign(value.encoders.image.input as object, { width: 100 }),
      /: encoders\.image\.input\.width: expected .*multiple of 32, found 100/,
    ],
    [
      'scales that do not fit together',
      (value) => Object.assign((value.encoders.points as { levels: object[] }).levels[0], { radii: [1] }),
      /levels\.0: expected radii, neighbors and widths/,
    ],
    [
      'more points in a level than before it',
      (value) => Object.assign((value.encoders.points as { levels: object[] }).levels[0], { points: 513 }),
      /levels\.0\.points: expected at most the 512 points of the level before, found 513/,
    ],
    [
      'dilated balls that do not grow',
      (value) => Object.assign((value.encoders.points as { levels: object[] }).levels[1], { radii: [4, 4] }),
      /levels\.1\.radii: expected increasing radii/,
    ],
    [
      'embeddings of two widths',
      (value) => Object.assign(value.objectives.simipu.heads as object, { crossPoints: [64, 16] }),
      /heads\.crossPoints: expected to end at the width of crossImage, 32, found \[64,16\]/,
    ],
  ])('refuses %s', (_, change, message) => {
    const value = copy();
    change(value);
    expect(faultOf(() => parse(value))).toMatch(message);
  });

  it.each([null, undefined, 7, 'simipu-smoke', []])('refuses %o', (value) => {
    expect(faultOf(() => parse(value))).toMatch(/^my\.json: expected object, found/);
  });
});

describe('applySettings', () => {
  const set = (...settings: string[]) => applySettings(smoke, settings);

  it('sets numbers, words, truths, null and lists, each as what it is', () => {
    const config = set(
      'batchSize=8',
      'objectives.simipu.temperature=1e-1',
      'objectives.simipu.stopGradient=none',
      'objectives.simipu.validityMask=true',
      'steps=null',
      'objectives.simipu.matchGateM=0.5',
      'objectives.simipu.heads.intraPoints=[32,16]',
      'encoders.points.levels.0.points=64',
      'encoders.points.input.range.max.0=50',
      'schedule={"kind":"cosine","length":5}',
    );
    expect(config).toMatchObject({ batchSize: 8, steps: null, schedule: { kind: 'cosine', length: 5 } });
    expect(simipuOf(config)).toMatchObject({
      temperature: 0.1,
      stopGradient: 'none',
      validityMask: true,
      matchGateM: 0.5,
    });
    expect(simipuOf(config).heads.intraPoints).toEqual([32, 16]);
    expect(bothEncoders(config).points.levels.map(({ points }) => points)).toEqual([64, 32]);
    expect(bothEncoders(config).points.input.range.max).toEqual([50, 40, 1]);
  });

  it('sets optional keys, and those inside of them', () => {
    const config = set(
      'schedule.warmUp.length=2',
      'optimizers.points.eps=1e-6',
      'optimizers.image.nesterov=true',
    );
    expect(config.schedule.warmUp).toEqual({ length: 2 });
    expect(config.optimizers.points).toMatchObject({ eps: 1e-6 });
    expect(config.optimizers.image).toMatchObject({ nesterov: true });
  });

  it('leaves the given configuration as it is, and takes the last of two settings', () => {
    const before = JSON.stringify(smoke);
    expect(set('seed=1', 'seed=2').seed).toBe(2);
    expect(JSON.stringify(smoke)).toBe(before);
    expect(set()).toEqual(smoke);
  });

  it.each([
    [
      'optimzers.points.learningRate=1',
      /^--set: optimzers: expected one of .*nearest: optimizers\), found the unknown key 'optimzers'/,
    ],
    ['optimizers.point.learningRate=1', /: optimizers\.point: .*nearest: points\)/],
    ['optimizers.points.momentum=0.9', /: optimizers\.points\.momentum: expected one of kind, beta1/],
    ['objectives.simipu.heads.crosspoints=[1]', /nearest: crossPoints\)/],
    ['encoders.points.levels.2.points=1', /: encoders\.points\.levels\.2: expected one of 0, 1/],
    ['seed.x=1', /: seed\.x: expected no key here/],
    ['__proto__.polluted=1', /unknown key '__proto__'/],
    ['objectives.simipu.__proto__={}', /unknown key '__proto__'/],
    ['seed', /expected key\.path=value, found 'seed'/],
    ['=1', /expected key\.path=value/],
    ['seed=', /: seed: expected number, found ""/],
    ['seed=one', /: seed: expected number, found "one"/],
    ['encoders.image.input.width=33', /multiple of 32/],
  ])('refuses %s', (setting, message) => {
    expect(faultOf(() => set(setting))).toMatch(message);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('parameterGroups', () => {
  it('take every parameter once, the head of the image branch with the image encoder', () => {
    const config: RunConfig = tinyRun();
    const pretraining = createPretraining(config, config.batchSize);
    const { params } = pretraining.initialize(Random.fromSeed(0), { frames: 0 });
    const paths = leavesOf(params).map(([path]) => path);
    const groups = parameterGroups(config, pretraining.groups);
    const groupOf = groupOfEach(groups, paths);
    for (const path of paths) {
      const expected = path.startsWith('pointEncoder/')
        ? 'points'
        : /^(imageEncoder|simipu\/crossImage)\//.test(path)
          ? 'image'
          : 'heads';
      expect(groupOf.get(path)?.name, path).toBe(expected);
    }
    expect(
      groups.map(({ name, optimizer, learningRate, weightDecay }) => [
        name,
        optimizer.kind,
        learningRate,
        weightDecay,
      ]),
    ).toEqual([
      ['points', 'adamw', 1e-3, 0.01],
      ['image', 'sgd', 0.03, 1e-4],
      ['heads', 'sgd', 0.03, 1e-4],
    ]);
    expect(groups[0].optimizer).toEqual({ kind: 'adamw', beta1: 0.95, beta2: 0.99 });
    // In the state, moments of every parameter stand under its group.
    const optimizer = leavesOf(initialState(config, { frames: 0 })).map(([path]) => path);
    for (const path of paths) {
      const group = groupOf.get(path)!.name;
      const moments = group === 'points' ? ['mean', 'variance'] : ['momentum'];
      for (const moment of moments) expect(optimizer).toContain(`optimizer/${group}/${moment}/${path}`);
    }
  });

  it('join what a rule gives to an encoder, and give what has a rate or a time of its own a group', () => {
    const config: RunConfig = tinyRun();
    const groups = parameterGroups(config, [
      { match: ['one/bank'], as: 'points' },
      { match: ['one/prototypes', 'one/extra'], as: 'heads', frozenUntil: 0.25 },
      { match: ['one/predictor'], as: 'image', rate: 10, constantRate: true },
    ]);
    const { points, image, heads } = config.optimizers;
    expect(groups.map(({ name, match }) => [name, match])).toEqual([
      ['points', ['pointEncoder', 'one/bank']],
      ['image', ['imageEncoder']],
      ['one-prototypes', ['one/prototypes', 'one/extra']],
      ['one-predictor', ['one/predictor']],
      ['heads', ['']],
    ]);
    const [, , prototypes, predictor] = groups;
    expect(prototypes).toMatchObject({
      optimizer: { kind: heads.kind },
      learningRate: heads.learningRate,
      frozenUntil: 0.25,
    });
    expect(predictor).toMatchObject({
      optimizer: { kind: image!.kind },
      learningRate: 10 * image!.learningRate,
      weightDecay: image!.weightDecay,
      constantRate: true,
    });
    expect(groups[0].learningRate).toBe(points!.learningRate);
    const paths = [
      'one/bank/0',
      'one/prototypes/weight',
      'one/predictor/0/weight',
      'one/other',
      'pointEncoder/a',
    ];
    expect([...groupOfEach(groups, paths)].map(([, { name }]) => name)).toEqual([
      ...['points', 'one-prototypes', 'one-predictor', 'heads', 'points'],
    ]);
  });

  it('have none of an encoder that the run does not have', () => {
    const { optimizers, ...rest } = tinyRun();
    const config: RunConfig = { ...rest, optimizers: { heads: optimizers.heads } };
    expect(parameterGroups(config, []).map(({ name }) => name)).toEqual(['heads']);
    // What a rule gives to it falls to the heads' optimizer.
    const [own] = parameterGroups(config, [{ match: ['one'], as: 'points', rate: 2 }]);
    expect(own.learningRate).toBe(2 * optimizers.heads.learningRate);
  });
});
