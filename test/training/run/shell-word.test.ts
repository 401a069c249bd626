import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shellPath, shellWord } from '../../../src/training/run/shell-word.ts';

const words = [
  'runs/kitti',
  'my runs/a',
  "it's",
  '$HOME',
  '`id`',
  '~',
  '*',
  'a;b',
  '"x"',
  '',
  'a\\b',
  'größe',
  '#',
  '!x',
];

it('a shell reads words as they are', () => {
  const read = execFileSync('sh', ['-c', `printf '%s\\n' ${words.map(shellWord).join(' ')}`], {
    encoding: 'utf8',
  });
  expect(read.split('\n').slice(0, -1)).toEqual(words);
});

it('leaves plain words alone, and shows no name as an option', () => {
  expect(shellWord('simipu.temperature=0.1')).toBe('simipu.temperature=0.1');
  expect(shellPath('/data/kitti')).toBe('/data/kitti');
  expect(shellPath('-x y')).toBe("'./-x y'");
});
