import { spawn } from 'node:child_process';
import { repository } from './architecture/source-files.ts';

/** Runs a program, prints what it said once it has ended, and gives its exit code. */
export async function runProgram(name: string, program: string, args: readonly string[]): Promise<number> {
  const began = performance.now();
  const child = spawn(program, args, { cwd: repository, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (said += text));
  const status = await new Promise<number>((done) => child.on('close', (code) => done(code ?? 1)));
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(`${said.trim()}\n== ${name}: ${status === 0 ? 'good' : 'not good'}, ${seconds} s`);
  return status;
}
