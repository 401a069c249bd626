import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { HostTensor } from '../src/engine/host-tensor.ts';
import { InputError } from '../src/engine/input-error.ts';
import type { Tree } from '../src/engine/tree.ts';
import type { Contestant } from './alternate.ts';
import { withTensorFile } from './tensor-file.ts';

/** The Python that runs peers. */
export interface PeerPython {
  readonly path: string;
  /**
   * Whether the peer's C library keeps freed memory, as this package asks its own to (`same`), or does what it does by itself
   * (`own`), which costs it page faults at every step.
   */
  readonly malloc: 'same' | 'own';
}

/** What the environment says where freed memory is to be kept. */
const KEEPS_MEMORY = {
  MALLOC_TRIM_THRESHOLD_: `${2 ** 31 - 1}`,
  MALLOC_MMAP_THRESHOLD_: `${2 ** 30}`,
};

/** Which peer to start, and with what it is to work. */
export interface PeerOptions {
  readonly python: PeerPython;
  /** A script in bench/peers, such as `resnet.py`. */
  readonly script: string;
  /** The sizes of the work; the script gets them as JSON. */
  readonly settings: { readonly [key: string]: unknown };
  /** What it is to work on; none where it makes that itself. */
  readonly tensors?: Tree<HostTensor>;
}

/** Where a script of bench/peers is. */
export function peerFile(script: string): string {
  const fromSource = import.meta.url.endsWith('.ts');
  return fileURLToPath(new URL(`${fromSource ? '.' : '../../bench'}/peers/${script}`, import.meta.url));
}

type Message = { readonly [key: string]: unknown };

/** How a peer does a piece of work: the library, its version and what of it is called; and the threads that this takes. */
interface Method {
  readonly by: string;
  readonly threads?: number;
}

/** Throws InputError where a Python cannot be started, or PyTorch or SciPy cannot be imported. */
export async function requirePython(python: string): Promise<void> {
  const problem = await new Promise<string | undefined>((resolve) => {
    execFile(python, ['-c', 'import torch, scipy'], (error, _, stderr) => {
      if (error === null) resolve(undefined);
      // Python's last line says what is wrong.
      else resolve(stderr.trim().split('\n').at(-1) || error.message);
    });
  });
  if (problem === undefined) return;
  throw new InputError({
    file: '--python',
    place: python,
    expected: 'a Python with PyTorch and SciPy (name one, or leave --peer and --python out)',
    found: problem,
  });
}

/**
 * The same work done by another library in a process of its own, one run for each line that it is sent: `<work>\n` in,
 * `{"ms": …}\n` out. Between two lines it waits, so that only one of the two processes works at a time.
 */
export class Peer {
  /** The library and its version. */
  readonly name: string;
  /** What else the peer said of itself when it was ready, such as its number of parameters. */
  readonly facts: Message;
  private readonly methods: { readonly [work: string]: Method };
  private readonly process: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;

  private constructor(
    process: ChildProcessWithoutNullStreams,
    lines: AsyncIterator<string>,
    { name, methods, ...facts }: Message,
  ) {
    this.process = process;
    this.lines = lines;
    this.name = String(name);
    this.methods = (methods ?? {}) as Peer['methods'];
    this.facts = facts;
  }

  /** Starts a peer. Throws where Python cannot be started, or the script ends before it is ready. */
  static async start({ tensors = {}, ...options }: PeerOptions): Promise<Peer> {
    return withTensorFile(tensors, (input) => Peer.open({ ...options.settings, input }, options));
  }

  /** As `start`, where a Python is named; otherwise there is no peer. */
  static async startIfNamed({
    python,
    ...options
  }: Omit<PeerOptions, 'python'> & { readonly python?: PeerPython }): Promise<Peer | undefined> {
    return python === undefined ? undefined : Peer.start({ python, ...options });
  }

  /** Starts the process and waits until it is ready; by then it has read its tensors. */
  private static async open(
    settings: PeerOptions['settings'],
    { python, script }: Pick<PeerOptions, 'python' | 'script'>,
  ): Promise<Peer> {
    // Python is not to leave compiled files beside the scripts.
    const env = { ...globalThis.process.env, ...(python.malloc === 'same' && KEEPS_MEMORY) };
    const process = spawn(python.path, ['-B', peerFile(script), JSON.stringify(settings)], { env });
    const failed = new Promise<never>((_, reject) => {
      process.on('error', reject);
    });
    // Writing to a process that has ended is told by the line that does not come.
    process.stdin.on('error', () => {});
    process.stderr.pipe(globalThis.process.stderr, { end: false });
    const lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]();
    return new Peer(process, lines, await Promise.race([failed, nextMessage(lines, script)]));
  }

  /** Does a piece of work once; gives what the peer said of it. Throws where the peer ended or failed. */
  async ask(work: string): Promise<Message> {
    this.process.stdin.write(`${work}\n`);
    return nextMessage(this.lines, work);
  }

  /** How the peer does this piece of work, where it says more than its name. */
  methodOf(work: string): Method {
    return this.methods[work] ?? { by: this.name };
  }

  /** A contestant that does this piece of work, and times it itself. */
  contestant(work: string): Contestant {
    return async () => Number((await this.ask(work)).ms);
  }

  /** The most memory that the peer has held so far, MiB. */
  async peakMemoryMiB(): Promise<number> {
    return Number((await this.ask('memory')).mib);
  }

  /** Ends the process. */
  stop(): void {
    this.process.stdin.end();
  }
}

async function nextMessage(lines: AsyncIterator<string>, work: string): Promise<Message> {
  const { value, done } = await lines.next();
  if (done) throw new Error(`the peer ended without an answer to '${work}'`);
  return JSON.parse(value) as Message;
}
