import { describe, expect, it } from 'vitest';
import { int32 } from '../../../src/engine/host-tensor.ts';
import {
  decodeCorrespondences,
  encodeCorrespondences,
} from '../../../src/training/correspond/correspondence-file.ts';
import { decodeSafetensors, encodeSafetensors } from '../../../src/training/run/safetensors.ts';
import type { Correspondences } from '../../../src/views/correspondences.ts';
import { tinyCorrespondences } from '../../objectives/tiny-correspondences.ts';

const sound = tinyCorrespondences(4, { width: 30, height: 24 });
const about = {
  ...{ key: 'k', run: 'runs/before', step: 7, data: 'pictures', names: ['a', 'b', 'c', 'd'] },
  options: { neighbours: 2, keep: 0.1, leastSide: 0.3, mostAspect: 3, mostOverlap: 0.5, most: 3 },
};
const decoded = (correspondences: Correspondences, others = about) =>
  decodeCorrespondences(encodeCorrespondences(correspondences, others), 'boxes');
const faultOf = (changes: Partial<Correspondences>) => () => decoded({ ...sound, ...changes });

describe('a file of correspondences', () => {
  it('holds what was written, in memory that threads share, and says where it is from', () => {
    const file = decoded(sound);
    expect(file.about).toEqual(about);
    for (const [name, numbers] of Object.entries(file.correspondences)) {
      expect([...numbers], name).toEqual([...sound[name as keyof Correspondences]]);
      expect(numbers.buffer).toBeInstanceOf(SharedArrayBuffer);
    }
    expect(file.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(decoded(sound).digest).toBe(file.digest);
    expect(decoded(sound, { ...about, step: 8 }).digest).not.toBe(file.digest);
  });

  it('is refused where a box, a neighbour or a pair cannot be', () => {
    const wide = sound.boxes.with(2, 31);
    expect(faultOf({ boxes: wide })).toThrow('boxes: boxes[0]: expected a box inside of 30 x 24');
    expect(faultOf({ boxes: sound.boxes.with(4, sound.boxes[6]) })).toThrow('boxes[1]');
    expect(faultOf({ neighbours: sound.neighbours.with(3, 4) })).toThrow(
      "neighbours[3]: expected a picture's number below 4, or -1, found 4",
    );
    expect(faultOf({ pairs: sound.pairs.with(0, 3) })).toThrow(
      'pairs[0]: expected boxes of pictures 0 and 1, found 3 and 5',
    );
    expect(faultOf({ pairs: sound.pairs.with(1, 6) })).toThrow('pairs[0]');
    expect(faultOf({ neighbours: sound.neighbours.with(0, -1) })).toThrow('pairs[0]');
    expect(faultOf({ boxesFrom: sound.boxesFrom.with(1, 7) })).toThrow('boxesFrom: expected rising numbers');
    expect(faultOf({ pairsFrom: sound.pairsFrom.with(8, 15) })).toThrow('pairsFrom: expected rising numbers');
  });

  it('is refused where it is another file, or a part is missing or of another form', () => {
    expect(() => decodeCorrespondences(encodeSafetensors([['x', int32([1], [1])]]), 'other')).toThrow(
      'other: metadata: expected what `pointpair correspond` writes of its boxes, found none',
    );
    const { tensors, metadata } = decodeSafetensors(encodeCorrespondences(sound, about));
    const rewritten = (changes: (parts: typeof tensors) => void, text = metadata.about) => {
      const parts = new Map(tensors);
      changes(parts);
      return () => decodeCorrespondences(encodeSafetensors(parts, { about: text }), 'f');
    };
    expect(rewritten((parts) => parts.delete('pairs'))).toThrow(
      'f: pairs: expected int32 [any, 2], found nothing',
    );
    expect(rewritten((parts) => parts.set('sizes', int32([1, 2], [1, 2])))).toThrow(
      'f: sizes: expected int32 [4, 2], found int32 [1, 2]',
    );
    expect(rewritten(() => {}, '{"form":"correspondences 2"}')).toThrow('f: metadata.form');
    expect(rewritten(() => {}, 'no')).toThrow('f: metadata: expected what');
  });
});
