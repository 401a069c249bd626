import { describe, expect, it } from 'vitest';
import { leavesOf } from '../../../src/engine/tree.ts';
import { groupOfEach, ratesAt } from '../../../src/nn/parameter-groups.ts';
import { detectionGroups } from '../../../src/training/detection/detection-config.ts';
import { initialModel } from '../../../src/training/detection/finetune.ts';
import { tinyDetector } from './tiny-detector.ts';

const rate = 0.01;
const settings = (...tuning: string[]) => [
  `optimizers.encoders={"kind":"sgd","momentum":0.9,"learningRate":${rate},"weightDecay":0}`,
  ...tuning,
];

/** The learning rate of each parameter, and whether it moves, at a share of the run. */
function trainedBy(config: ReturnType<typeof tinyDetector>, share: number) {
  const groups = detectionGroups(config);
  const paths = leavesOf(initialModel(config).params).map(([path]) => path);
  const rates = ratesAt(groups, { kind: 'constant' }, { progress: 0, share });
  const scalar = (tree: object | undefined, name: string) =>
    (tree as { [name: string]: { data: ArrayLike<number> } } | undefined)?.[name]?.data[0];
  return new Map(
    [...groupOfEach(groups, paths)].map(([path, { name }]) => [
      path,
      { rate: scalar(rates.learningRates, name)!, moves: scalar(rates.active, name) ?? 1 },
    ]),
  );
}

describe('layerDecay', () => {
  it('has each level learn slower than the one after it, in every encoder', () => {
    const trained = trainedBy(tinyDetector('fusion', settings('encoderTuning={"layerDecay":0.5}')), 0);
    const rateOf = (prefix: string) => {
      const rates = [...trained].flatMap(([path, { rate: own }]) => (path.startsWith(prefix) ? [own] : []));
      expect(rates.length).toBeGreaterThan(0);
      expect(new Set(rates).size).toBe(1);
      return rates[0];
    };
    // Two levels of points, four stages of a ResNet, and its stem.
    const expected = {
      'pointEncoder/sa2/': 1,
      'pointEncoder/sa1/': 1 / 2,
      'imageEncoder/layer4/': 1,
      'imageEncoder/layer3/': 1 / 2,
      'imageEncoder/layer2/': 1 / 4,
      'imageEncoder/layer1/': 1 / 8,
      'imageEncoder/conv1': 1 / 16,
      'imageEncoder/bn1/': 1 / 16,
    };
    for (const [prefix, factor] of Object.entries(expected))
      expect(rateOf(prefix), prefix).toBeCloseTo(rate * factor, 8);
    const heads = [...trained].filter(([path]) => !/^(image|point)Encoder/.test(path));
    const { learningRate } = tinyDetector('fusion').optimizers.heads;
    for (const [path, { rate: own }] of heads) expect(own, path).toBeCloseTo(learningRate, 8);
  });

  it('is all alike where it is 1 or absent, in the one group that checkpoints have', () => {
    for (const tuning of [[], ['encoderTuning={"layerDecay":1}']]) {
      const names = detectionGroups(tinyDetector('point3d', settings(...tuning))).map(({ name }) => name);
      expect(names).toEqual(['encoders', 'heads']);
    }
  });

  it('is refused of an image encoder without such stages', () => {
    const encoder =
      '{"kind":"regnety","depths":[1,1,1,1],"widths":[8,8,16,16],"groupWidth":8,"stemWidth":8,"batchNorm":{"eps":1e-5,"momentum":0.1}}';
    const config = tinyDetector('image3d', [
      `image3d.imageEncoder=${encoder}`,
      'encoderTuning={"layerDecay":0.5}',
    ]);
    expect(() => detectionGroups(config)).toThrow(
      /encoderTuning\.layerDecay: expected 1 or absent, .* found 0\.5, and a regnety/,
    );
  });
});

describe('frozenUntil', () => {
  it('holds the encoders until that share of the run, while the heads learn', () => {
    const config = tinyDetector('point3d', settings('encoderTuning={"frozenUntil":0.25}'));
    for (const [share, moves] of [
      [0, 0],
      [0.24, 0],
      [0.25, 1],
      [1, 1],
    ]) {
      for (const [path, trained] of trainedBy(config, share))
        expect(trained.moves, `${path} at ${share}`).toBe(path.startsWith('pointEncoder/') ? moves : 1);
    }
  });
});
