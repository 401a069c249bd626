import { execFileSync } from 'node:child_process';
import { importsOf, repository, typescriptFiles } from './architecture/source-files.ts';
import { runProgram } from './run-program.ts';

/**
 * The quick loop, `npm run quick`: types, style, and the tests nearest to what changed since the last commit, or since the
 * commit that is named. It skips the build, the search for what is unused, and all tests but some; it says which.
 */
const since = process.argv[2] ?? 'HEAD';

/** So many test files are run, unless more were changed themselves. */
const most = 12;

/** Tests that start a browser, a command or a whole training: they run where they were changed, or test a changed file by name. */
const slow =
  /^test\/(package|tools|training|viewer\/browser)\/|^test\/engine\/webgpu|thread-invariant|generate-scenes/;

const git = (...args: string[]) =>
  execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).split('\n').filter(Boolean);
const changed = [
  ...git('diff', '--name-only', '--diff-filter=d', since),
  ...git('ls-files', '--others', '--exclude-standard'),
];
if (changed.length === 0) {
  console.log(`nothing changed since ${since}; npm run quick -- <commit> takes another one`);
  process.exit(0);
}

const sources = ['bench', 'exports', 'src', 'test', 'tools'].flatMap(typescriptFiles);
const importers = new Map<string, string[]>();
for (const { from, to } of sources.flatMap(importsOf))
  importers.set(to, [...(importers.get(to) ?? []), from]);
const tests = nearestTests(changed);
const certain = tests.filter(
  (test) => changed.includes(test) || changed.some((path) => isTestOf(test, path)),
);
const others = tests.filter((test) => !certain.includes(test) && !slow.test(test));
const chosen = [...certain, ...others.slice(0, Math.max(0, most - certain.length)), 'test/architecture/'];

console.log(
  `${changed.length} changed files, which ${tests.length} test files reach; run here: ${chosen.join(' ')}`,
);
const outcomes = await Promise.all([
  runProgram('types', 'npm', ['run', '--silent', 'typecheck']),
  runProgram('style', 'npx', ['biome', 'check', '--error-on-warnings', '.']),
  runProgram('tests', 'npx', ['vitest', 'run', ...chosen]),
]);
const left = tests.length - chosen.length + 1;
if (left > 0) console.log(`not run: ${left} test files; npx vitest run --changed ${since} runs them too`);
process.exit(outcomes.every((status) => status === 0) ? 0 : 1);

/** The tests that import one of the files, directly or through others, those of the fewest steps first. */
function nearestTests(files: readonly string[]): string[] {
  const reached = new Set(files);
  // Iterating over a set goes on to what is added on the way: one step after the other.
  for (const path of reached) for (const from of importers.get(path) ?? []) reached.add(from);
  return [...reached].filter((path) => /^test\/.*\.test\.ts$/.test(path));
}

/** Whether a test is the file's own by its name: test/nn/mlp.test.ts is that of src/nn/mlp.ts. */
function isTestOf(test: string, path: string): boolean {
  return test === path.replace(/^src\//, 'test/').replace(/\.ts$/, '.test.ts');
}
