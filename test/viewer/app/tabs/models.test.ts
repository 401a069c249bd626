import { describe, expect, it } from 'vitest';
import {
  comparedWith,
  modelBeside,
  modelChoices,
  modelName,
  modelOf,
} from '../../../../src/viewer/app/tabs/models.ts';
import type { RunInfo } from '../../../../src/viewer/protocol.ts';

const runWith = (...checkpoints: number[]): RunInfo => ({
  name: 'run',
  objective: 'simipu',
  learns: 'encoders',
  config: {},
  totalSteps: 100,
  imageSet: undefined,
  checkpoints,
  problem: undefined,
});

describe('modelOf', () => {
  it('is the newest checkpoint, or the one that was chosen', () => {
    expect(modelOf({ model: 'latest' }, runWith(10, 20, 30))).toBe(30);
    expect(modelOf({ model: 20 }, runWith(10, 20, 30))).toBe(20);
    expect(modelOf({ model: 'before' }, runWith(10, 20, 30))).toBe('before');
  });

  it("is none of a detector's run", () => {
    expect(modelOf({ model: 'latest' }, { ...runWith(10), learns: 'detector' })).toBeUndefined();
    expect(modelOf({ model: 10 }, { ...runWith(10), learns: 'detector' })).toBeUndefined();
  });

  it('is what the run began with where it has no checkpoint yet, and none without a run', () => {
    expect(modelOf({ model: 'latest' }, runWith())).toBe('before');
    expect(modelOf({ model: 'latest' }, undefined)).toBeUndefined();
    expect(modelOf({ model: 20 }, undefined)).toBeUndefined();
  });
});

describe('modelChoices', () => {
  it('are all models of the run, newest first', () => {
    const choices = modelChoices(runWith(10, 20, 30), 'latest');
    expect(choices.map(([value]) => value)).toEqual(['latest', '30', '20', '10', 'before']);
    expect(choices[0][1]).toContain('step 30');
    expect(choices[1][1]).toContain('30');
    expect(modelChoices(runWith(), 'latest').map(([value]) => value)).toEqual(['latest', 'before']);
    expect(modelChoices(runWith(), 'latest')[0][1]).toContain('none yet');
    expect(modelChoices(runWith(10, 20), 30).map(([value]) => value)).toEqual([
      ...['latest', '30', '20', '10', 'before'],
    ]);
    expect(modelChoices(runWith(10), 10)).toHaveLength(3);
  });
});

describe('modelName', () => {
  it('is in words', () => {
    expect([modelName('before'), modelName(40)]).toEqual(['Before training', 'Step 40']);
  });
});

it('the model of a second run is that of the same step, or else its newest', () => {
  expect(modelBeside(20, runWith(10, 20, 30))).toBe(20);
  expect(modelBeside(25, runWith(10, 20, 30))).toBe(30);
  expect(modelBeside('before', runWith(10))).toBe('before');
  expect(modelBeside(20, runWith())).toBe('before');
});

it('a second run is beside the first where there is one', () => {
  expect(comparedWith({ compare: 'run' }, true)).toBe('run');
  expect(comparedWith({ compare: 'run' }, false)).toBe('nothing');
  expect(comparedWith({ compare: 'untrained' }, false)).toBe('untrained');
});
