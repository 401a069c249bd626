import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const require = createRequire(import.meta.url);

/** Why there is no browser on this platform; undefined where there is one. */
export const noBrowser =
  process.platform === 'linux' && process.arch === 'x64'
    ? undefined
    : `@sparticuz/chromium's browser is for Linux x64, and this is ${process.platform} ${process.arch}`;

/** Starts the Chromium that comes with @sparticuz/chromium; its WebGL 2 needs no graphics card. */
export async function launchChromium(): Promise<Browser> {
  // Read when the package is imported: it then also unpacks the libraries that the system may lack.
  process.env.AWS_EXECUTION_ENV = 'AWS_Lambda_nodejs20.x';
  const { default: packed } = await import('@sparticuz/chromium');
  const folder = await unpacked(() => packed.executablePath());
  return chromium.launch({
    executablePath: join(folder, 'chromium'),
    // Pages are put together by the processor itself, not by drawing on the software's graphics card as well: a third of the time.
    args: [...packed.args.filter((arg) => arg !== '--single-process'), '--disable-gpu-compositing'],
    headless: true,
    env: {
      ...process.env,
      LD_LIBRARY_PATH: [join(folder, 'al2023/lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
      FONTCONFIG_PATH: join(folder, 'fonts'),
    },
  });
}

/**
 * The folder with everything unpacked, which is kept for the next time. Test files run beside one another: each unpacks into
 * a folder of its own, and the first one to finish gives it the name that all look for.
 */
async function unpacked(unpack: () => Promise<string>): Promise<string> {
  const manifest = join(dirname(require.resolve('@sparticuz/chromium')), '../../package.json');
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  const folder = join(tmpdir(), `pointpair-chromium-${version}`);
  if (existsSync(folder)) return folder;
  const own = await mkdtemp(`${folder}-`);
  const before = process.env.TMPDIR;
  process.env.TMPDIR = own;
  try {
    await unpack();
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
  const fonts = join(own, 'fonts/fonts.conf');
  await writeFile(fonts, (await readFile(fonts, 'utf8')).replaceAll('/tmp/', `${folder}/`));
  await rename(own, folder).catch(async () => {
    if (!existsSync(folder)) throw new Error(`${own} could not be moved to ${folder}`);
    await rm(own, { recursive: true });
  });
  return folder;
}
