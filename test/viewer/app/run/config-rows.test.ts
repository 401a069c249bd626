import { expect, it } from 'vitest';
import { comparedRows, configRows, matchingRows } from '../../../../src/viewer/app/run/config-rows.ts';

const config = {
  objective: 'simipu',
  steps: null,
  simipu: {
    image: { width: 96, scale: [0.75, 1.25] },
    levels: [{ radii: [1, 4], widths: [[6], [4, 8]] }],
    none: [],
  },
  empty: {},
};

const rows = configRows(config);

it('rows are values by dotted path, lists in one piece', () => {
  expect(rows.map(({ path, value }) => `${path} = ${value}`)).toEqual([
    'objective = simipu',
    'steps = none',
    'simipu.image.width = 96',
    'simipu.image.scale = 0.75, 1.25',
    'simipu.levels.0.radii = 1, 4',
    'simipu.levels.0.widths = (6), (4, 8)',
    'simipu.none = none',
    'empty = none',
  ]);
  expect(configRows({})).toEqual([]);
});

it('a search finds every word in path or value, whatever the case', () => {
  const found = (search: string) => matchingRows(rows, search).map(({ path }) => path);
  expect(found('IMAGE')).toEqual(['simipu.image.width', 'simipu.image.scale']);
  expect(found('image  96')).toEqual(['simipu.image.width']);
  expect(found('  ')).toHaveLength(rows.length);
  expect(found('nowhere')).toEqual([]);
});

it('rows of two configurations are those that differ first, with both values', () => {
  const other = configRows({ ...config, objective: 'moco', seed: 3 });
  const compared = comparedRows(rows, other);
  expect(compared.slice(0, 2)).toEqual([
    { path: 'objective', value: 'simipu', other: 'moco' },
    { path: 'seed', value: 'not there', other: '3' },
  ]);
  expect(compared.slice(2)).toEqual(rows.slice(1).map((row) => ({ ...row, other: undefined })));
  expect(matchingRows(compared, 'MOCO')).toEqual([compared[0]]);
});
