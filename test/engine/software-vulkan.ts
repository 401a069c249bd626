import { type ChildProcess, fork, type Serializable } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';

const require = createRequire(import.meta.url);

/** Why there is no software Vulkan driver on this platform; undefined where there is one. */
export const noSoftwareVulkan =
  process.platform === 'linux' && process.arch === 'x64'
    ? undefined
    : `@sparticuz/chromium's Vulkan driver is for Linux x64, and this is ${process.platform} ${process.arch}`;

/**
 * Chromium's software Vulkan driver (SwiftShader) and a Vulkan loader, in a temporary folder. Both are looked for when a
 * process begins, so that what is to use them runs in a child process.
 */
export class SoftwareVulkan {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Unpacks the driver that comes with @sparticuz/chromium. */
  static async unpack(): Promise<SoftwareVulkan> {
    const folder = await mkdtemp(join(tmpdir(), 'pointpair-vulkan-'));
    const archive = join(dirname(require.resolve('@sparticuz/chromium')), '../../bin/swiftshader.tar.br');
    const files = filesOfTar(await promisify(brotliDecompress)(await readFile(archive)));
    for (const name of ['libvk_swiftshader.so', 'libvulkan.so.1', 'vk_swiftshader_icd.json']) {
      const data = files.get(name);
      if (data === undefined)
        throw new Error(`${archive}: expected ${name}, found ${[...files.keys()].join(', ')}`);
      await writeFile(join(folder, name), data);
    }
    return new SoftwareVulkan(folder);
  }

  /**
   * A child process that sees this driver, with a module that answers what it is sent by a message of its own. One does for many
   * questions: to open the driver takes longer than to answer most of them.
   */
  start(module: URL): ChildProcess {
    return fork(fileURLToPath(module), {
      execArgv: ['--import', 'tsx', '--expose-gc'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: {
        ...process.env,
        LD_LIBRARY_PATH: [this.folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
        VK_ICD_FILENAMES: join(this.folder, 'vk_swiftshader_icd.json'),
      },
    });
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}

/** Sends a child process a question; gives its answer. Throws an error with what it wrote if it ends instead. */
export async function ask(child: ChildProcess, question: Serializable): Promise<unknown> {
  let errors = '';
  const listen = (chunk: Buffer) => {
    errors += chunk;
  };
  child.stderr!.on('data', listen);
  try {
    return await new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('close', (code, signal) =>
        reject(new Error(`${question} ended with ${signal ?? code}\n${errors}`)),
      );
      child.send(question, (error) => {
        if (error) reject(error);
      });
    });
  } finally {
    child.stderr!.off('data', listen);
    child.removeAllListeners('close').removeAllListeners('message');
  }
}

/** The plain files of a tar archive by name. */
function filesOfTar(archive: Buffer): ReadonlyMap<string, Buffer> {
  const block = 512;
  const files = new Map<string, Buffer>();
  const textAt = (begin: number, length: number) =>
    archive.toString('latin1', begin, begin + length).replace(/\0.*$/s, '');
  for (let at = 0; at + block <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(textAt(at + 124, 12), 8);
    files.set(textAt(at, 100), archive.subarray(at + block, at + block + size));
    at += block * (1 + Math.ceil(size / block));
  }
  return files;
}
