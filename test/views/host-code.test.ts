import { expect, test } from 'vitest';
import { importsOf, textOf, typescriptFiles } from '../architecture/source-files.ts';

test('what loader threads import of the views reaches no tfjs', () => {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const { to, typeOnly } of importsOf(path)) if (!typeOnly) visit(to);
  };
  const views = typescriptFiles('src/views');
  views.forEach(visit);
  expect(views.length).toBeGreaterThan(2);
  expect(reached).toContain('src/image/resample.ts');
  expect([...reached].filter((path) => textOf(path).includes('@tensorflow'))).toEqual([]);
});
