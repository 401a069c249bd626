import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { applySettings } from '../../src/training/config.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { presetOf } from '../../src/training/presets.ts';

const smoke = presetOf('simipu-smoke')!;
const set = (...settings: string[]) => applySettings(smoke, settings);

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

describe('a system that a setting names first', () => {
  it("joins the run with its first preset's options", () => {
    const moco = presetOf('moco-v1-cifar')!.objectives.moco;
    const { objectives, ...others } = set('objectives.moco.weight=0.5');
    expect(objectives).toEqual({
      simipu: smoke.objectives.simipu,
      moco: { ...(moco as object), weight: 0.5 },
    });
    expect({ ...others, objectives: smoke.objectives }).toEqual(smoke);
    expect(presetOf('moco-v1-cifar')!.objectives.moco).toEqual(moco);
  });

  it('takes all further settings, inside of its views as well', () => {
    const { moco } = set('objectives.moco.query.grey=0.5', 'objectives.moco.head=mlp').objectives;
    expect(moco).toMatchObject({ head: 'mlp', query: { grey: 0.5, flip: 0.5 }, key: { grey: 0.2 } });
  });

  it('sees the canvas of the encoder that is there', () => {
    const { views, chance: chanceOf } = createPretraining(set('objectives.moco.weight=0.5'), smoke.batchSize);
    const chance = chanceOf(10);
    expect(Object.keys(views)).toEqual(['simipu/pair', 'moco/query', 'moco/key']);
    // Three quarters of the canvas, 160 x 64, as its preset has it.
    expect(views['moco/query']).toMatchObject({ width: 120, height: 48, colours: 'imagenet-rgb' });
    expect(chance.terms['moco/contrast']).toBeCloseTo(Math.log(1025), 10);
    // 4 samples of 32 centres each.
    expect(chance.total).toBeCloseTo(2 * Math.log(128) + 0.5 * Math.log(1025), 10);
  });

  it('can take the place of those that there are', () => {
    const { objectives } = set('objectives={}', 'objectives.moco.weight=2');
    expect(Object.keys(objectives)).toEqual(['moco']);
    expect(objectives.moco).toMatchObject({ weight: 2, head: 'linear' });
  });

  it('leaves one that is there as it is', () => {
    expect(set('objectives.simipu.weight=2').objectives.simipu).toEqual({
      ...(smoke.objectives.simipu as object),
      weight: 2,
    });
  });

  it.each([
    [
      ['objectives.mocco.weight=1'],
      /^--set: objectives\.mocco: .*\(nearest: moco\), found the unknown key 'mocco'/,
    ],
    [['objectives.moco.wieght=1'], /^--set: objectives\.moco\.wieght: .*\(nearest: weight\)/],
    [['objectives.moco.weight=-1'], /^--set: objectives\.moco\.weight: expected .*>=0, found -1/],
    [['objectives.moco.queue=0'], /^--set: objectives\.moco\.queue: expected .*>0, found 0/],
    [['objectives={}'], /^--set: objectives: expected at least one of simipu, .*moco.*, found \{\}/],
    [['objectives.__proto__.weight=1'], /unknown key '__proto__'/],
  ])('refuses %j', (settings, message) => {
    expect(faultOf(() => set(...settings))).toMatch(message);
    expect(({} as { weight?: unknown }).weight).toBeUndefined();
  });

  it('refuses one whose encoder the run lacks, and a queue that the batch does not divide', () => {
    const pictures = presetOf('moco-v1-cifar')!;
    expect(faultOf(() => applySettings(pictures, ['objectives.simipu.weight=1']))).toMatch(
      /^--set: encoders\.points: expected an encoder, which simipu needs, found nothing/,
    );
    const uneven = set('objectives.moco.weight=1', 'batchSize=6');
    expect(faultOf(() => createPretraining(uneven, 6))).toBe(
      'configuration: objectives.moco.queue: expected a multiple of the batch, 6, found 1024',
    );
  });
});
