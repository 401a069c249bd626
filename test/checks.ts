import { runProgram } from './run-program.ts';

/** What is checked before the tests, `npm run checks`, all at the same time: types, style, and what nothing uses. */
const outcomes = await Promise.all(
  ['typecheck', 'lint', 'unused'].map((script) => runProgram(script, 'npm', ['run', '--silent', script])),
);
process.exit(outcomes.every((status) => status === 0) ? 0 : 1);
