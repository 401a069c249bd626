import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { Command } from 'commander';
import { InputError, reasonOf } from '../src/engine/input-error.ts';
import type { RunningViewer } from '../src/viewer/server/http-server.ts';
import type { Session } from '../src/viewer/server/session.ts';
import { cameraOption, collected, columnsOption, wholeNumber } from './options.ts';

interface Options {
  readonly data?: string;
  readonly detections?: string;
  readonly sequence?: string;
  readonly camera?: string;
  readonly tracks?: string;
  readonly columns?: number;
  readonly also: readonly string[];
  readonly host: string;
  readonly port?: number;
}

const usualPort = 8585;
/** How many further ports are tried where the usual one is taken. */
const furtherPorts = 20;

/** The command line of `pointpair view`. */
export function command(): Command {
  return new Command('view')
    .description('Look at a data set, a drive, point clouds or a run in the browser.')
    .argument(
      '<path>',
      'a run, a data set, a drive, a folder of point clouds (.bin, .pcd, .ply) or one of them',
    )
    .argument(
      '[beside]',
      'to show beside it, with the same view: more frames beside frames, another run beside a run',
    )
    .option('--data <folder>', "where a run's data is now, if not where the run has it")
    .option(
      '--detections <folder>',
      "a detector's results, KITTI result files; those in a detector's run by default",
    )
    .option('--sequence <name>', 'which of several sequences (default: the first)')
    .addOption(cameraOption())
    .option('--tracks <file>', 'a KITTI tracking label file, for a raw drive')
    .addOption(columnsOption())
    .option('--also <folder>', 'a folder that links in the data may lead to (repeatable)', collected, [])
    .option('--host <address>', 'where to listen; 0.0.0.0 lets others in', '127.0.0.1')
    .option(
      '--port <number>',
      `the port, 0 for any free one (default: ${usualPort}, or the next free one)`,
      wholeNumber(0, 65535),
    )
    .addHelpText(
      'after',
      `
Nothing has to be installed where the data is but this; over ssh, forward the port and open the address here:
  ssh -L ${usualPort}:localhost:${usualPort} <machine>

Examples:
  pointpair view data/kitti
  pointpair view runs/kitti
  pointpair view kitti-tracking --sequence 0003 --camera image_03
  pointpair view before.pcd after.pcd
  pointpair view runs/short runs/long
  pointpair view data/kitti --detections runs/point3d/detections
  pointpair view 2011_09_26/2011_09_26_drive_0005_sync --tracks label_02/0000.txt`,
    )
    .action(view);
}

async function view(
  path: string,
  beside: string | undefined,
  { host, port, ...options }: Options,
): Promise<void> {
  const { Session } = await import('../src/viewer/server/session.ts');
  const { isLoopback } = await import('../src/viewer/server/http-server.ts');
  const session = await Session.open({ path, beside, ...options });
  for (const note of session.notes) process.stderr.write(`pointpair: ${note}\n`);
  const { problem } = await session.info();
  if (problem !== undefined) process.stderr.write(`pointpair: ${problem.message}\n`);
  const viewer = await listen(session, { host, port });
  const address = `http://${isLoopback(host) ? 'localhost' : hostname()}:${viewer.port}/`;
  process.stdout.write(`${path}: ${address}\nCtrl-C ends it.\n`);
  if (!isLoopback(host)) {
    process.stderr.write(`pointpair: whoever reaches this machine can look at ${path}, without a password\n`);
  }
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await viewer.close();
}

async function listen(
  session: Session,
  { host, port }: { readonly host: string; readonly port?: number },
): Promise<RunningViewer> {
  const { serveViewer } = await import('../src/viewer/server/http-server.ts');
  const ports = port === undefined ? Array.from({ length: furtherPorts }, (_, k) => usualPort + k) : [port];
  for (const candidate of ports) {
    try {
      return await serveViewer(session, { host, port: candidate });
    } catch (error) {
      const fault = error as NodeJS.ErrnoException;
      if (fault.code === 'EADDRINUSE' && candidate !== ports.at(-1)) continue;
      await session.close();
      throw await refusal(fault, { host, port: candidate });
    }
  }
  throw new Error('no port was tried');
}

/** The first port after another that can be listened at now; undefined where none of the next is. */
async function freePortAfter(port: number, host: string): Promise<number | undefined> {
  // Below 1024 a user is refused one after the other.
  const first = Math.max(port + 1, 1024);
  for (let candidate = first; candidate < first + furtherPorts && candidate <= 65535; candidate++) {
    if (await isFree(candidate, host)) return candidate;
  }
  return undefined;
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen({ port, host }, () => server.close(() => resolve(true)));
  });
}

/** Why an address cannot be had, in the words of the options. */
async function refusal(
  fault: NodeJS.ErrnoException,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Error> {
  const { code } = fault;
  if (code === undefined || fault instanceof InputError) return fault;
  if (code === 'EADDRINUSE' || code === 'EACCES') {
    const free = await freePortAfter(port, host);
    const other = free === undefined ? '; --port 0 takes any free one' : `; --port ${free} is free`;
    const found = `${code === 'EACCES' ? 'one that this user may not open' : 'one that is taken'}${other}`;
    return new InputError({ file: '--port', place: `${host}:${port}`, expected: 'a free port', found });
  }
  const expected = 'an address of this machine, such as 127.0.0.1 or 0.0.0.0';
  return new InputError({ file: '--host', expected, found: `${host} (${reasonOf(fault)})` });
}
