import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PointDecoder } from '../../../src/viewer/point-stream.ts';
import type { SceneInfo, SessionInfo } from '../../../src/viewer/protocol.ts';
import { readAppFiles } from '../../../src/viewer/server/app-files.ts';
import { isLoopback, type RunningViewer, serveViewer } from '../../../src/viewer/server/http-server.ts';
import type { SessionOptions } from '../../../src/viewer/server/open-parts.ts';
import { Session } from '../../../src/viewer/server/session.ts';
import { decodeTable } from '../../../src/viewer/table.ts';
import {
  CALIBRATION,
  LABELS,
  manyPoints,
  RESULTS,
  removeFolders,
  temporaryFolder,
  write,
  writeTinyKitti,
} from './tiny-data.ts';

interface Reply {
  readonly status: number;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  readonly body: Buffer;
}

const viewers: RunningViewer[] = [];

async function serve(options: SessionOptions, host?: string): Promise<RunningViewer> {
  const viewer = await serveViewer(await Session.open(options), { port: 0, host });
  viewers.push(viewer);
  return viewer;
}

async function closeViewers(): Promise<void> {
  for (const viewer of viewers.splice(0)) await viewer.close();
}

/** One request; the path goes out as it is given. */
function ask(
  { port }: RunningViewer,
  path: string,
  options: { readonly method?: string; readonly headers?: { readonly [name: string]: string } } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false, ...options }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(pieces) }),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** What comes back for these very bytes. */
function askRaw({ port }: RunningViewer, text: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text, 'latin1'));
    const pieces: Buffer[] = [];
    socket.on('data', (piece) => pieces.push(piece));
    socket.on('error', reject);
    socket.on('close', () => {
      const whole = Buffer.concat(pieces);
      const end = whole.indexOf('\r\n\r\n');
      const [line, ...rest] = whole.subarray(0, end).toString('latin1').split('\r\n');
      const headers = Object.fromEntries(
        rest.map((each) => [each.split(': ')[0].toLowerCase(), each.split(': ')[1]]),
      );
      resolve({ status: Number(line.split(' ')[1]), headers, body: whole.subarray(end + 4) });
    });
  });
}

const raw = (target: string, host = 'localhost') =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
const json = <Value>({ body }: Reply) => JSON.parse(body.toString('utf8')) as Value;
const messageOf = (reply: Reply) => json<{ message: string }>(reply).message;
const gzip = { 'Accept-Encoding': 'gzip, br' };

/** Frames 0 and 1 have three points, frame 2 has many. */
let root: string;
let viewer: RunningViewer;

beforeAll(async () => {
  root = await writeTinyKitti(temporaryFolder(), 3);
  write(join(root, 'training/velodyne/000002.bin'), manyPoints(150_000));
  write(join(root, 'package.json'), '{"name":"not to be served"}');
  viewer = await serveViewer(await Session.open({ path: root }), { port: 0 });
});

afterEach(closeViewers);

afterAll(async () => {
  await viewer.close();
  removeFolders();
});

describe('the page', () => {
  it('is served from the files that were built, and with rules for the browser', async () => {
    const files = await readAppFiles();
    for (const [address, { type, bytes, immutable }] of files) {
      const reply = await ask(viewer, address);
      expect([address, reply.status, reply.headers['content-type']]).toEqual([address, 200, type]);
      expect(reply.body.equals(bytes)).toBe(true);
      expect(String(reply.headers['cache-control'])).toContain(immutable ? 'immutable' : 'no-cache');
      expect(reply.headers['x-content-type-options']).toBe('nosniff');
      expect(String(reply.headers['content-security-policy'])).toContain("default-src 'self'");
      const packed = await ask(viewer, address, { headers: gzip });
      const isPacked = packed.headers['content-encoding'] === 'gzip';
      expect(isPacked).toBe(bytes.length > 1024);
      expect((isPacked ? gunzipSync(packed.body) : packed.body).equals(bytes)).toBe(true);
    }
    expect((await ask(viewer, '/')).body.toString()).toContain('<!doctype html>');
    expect((await ask(viewer, '/?a=1')).status).toBe(200);
    expect([...files.keys()].some((address) => address.startsWith('/assets/'))).toBe(true);
  });

  it('is all there is to be had by name', async () => {
    const { port } = viewer;
    const files = await readAppFiles();
    const targets = [
      ...['/../package.json', '/../../package.json', '/../../../../../../../../etc/passwd'],
      ...[
        '/%2e%2e/package.json',
        '/%2e%2e/%2e%2e/package.json',
        '/.%2e/package.json',
        '/%252e%252e/package.json',
      ],
      ...['/assets/../../package.json', '/assets/..%2f..%2fpackage.json', '/assets/..%5c..%5cpackage.json'],
      ...[
        '//etc/passwd',
        '///etc/passwd',
        '/etc/passwd',
        '/./etc/passwd',
        '//',
        '///',
        '/%00',
        '/index.html%00',
      ],
      ...['http://localhost/../package.json', `http://localhost:${port}//etc/passwd`, 'file:///etc/passwd'],
      ...[
        'http://',
        'http://[',
        'package.json',
        '..',
        '*',
        '?',
        '/..\\..\\package.json',
        '\\..\\package.json',
      ],
      ...[
        '/\\etc\\passwd',
        '/index.html\0',
        '/\0/etc/passwd',
        '/assets',
        '/assets/',
        '/%',
        '/%zz',
        '/%ff%fe',
      ],
      ...[
        '/a/../index.html',
        '/%2e%2e/',
        'http://example.org/index.html',
        '/__proto__',
        '/constructor',
        '/toString',
        '/api/constructor',
        '/api',
        '/api/',
        '/api/session/',
      ],
      ...['/training/velodyne/000000.bin', `/${root}/training/calib/000000.txt`, root],
    ];
    const statuses = new Set<number>();
    for (const target of targets) {
      const { status, body } = await askRaw(viewer, raw(target));
      statuses.add(status);
      if (status === 200) {
        const served = [...files.values()].some(({ bytes }) => bytes.equals(body));
        expect([target, served]).toEqual([target, true]);
      } else expect([target, status >= 400 && status < 500]).toEqual([target, true]);
      expect([target, body.includes('root:') || body.includes('"name"')]).toEqual([target, false]);
    }
    expect([...statuses].sort()).toEqual([200, 400, 404]);
    for (const target of ['/package.json', '/api/nothing', '/assets/x.js', '/INDEX.HTML']) {
      const reply = await ask(viewer, target);
      expect([reply.status, messageOf(reply)]).toEqual([404, `nothing is at ${target}`]);
    }
  });

  it('is for whoever names this machine, where only this machine is listened to', async () => {
    const { port } = viewer;
    for (const host of [
      'localhost',
      `localhost:${port}`,
      '127.0.0.1',
      `LOCALHOST:${port}`,
      `[::1]:${port}`,
    ]) {
      expect([host, (await ask(viewer, '/api/session', { headers: { Host: host } })).status]).toEqual([
        host,
        200,
      ]);
    }
    const foreign = [
      ...['example.org', `example.org:${port}`, 'localhost.example.org', '127.0.0.1.example.org', '10.0.0.1'],
      ...['example.org:localhost', 'localhost@example.org', '0.0.0.0', '[::]', 'xlocalhost'],
    ];
    for (const host of foreign) {
      for (const path of ['/', '/api/session', '/api/points?frame=0', '/nothing']) {
        const reply = await ask(viewer, path, { headers: { Host: host } });
        expect([host, path, reply.status]).toEqual([host, path, 403]);
        expect(messageOf(reply)).toContain('--host');
      }
    }
    expect((await askRaw(viewer, 'GET / HTTP/1.0\r\n\r\n')).status).toBe(403);
    expect((await askRaw(viewer, raw('http://localhost/', 'example.org'))).status).toBe(403);
    const open = await serve({ path: root }, '0.0.0.0');
    expect((await ask(open, '/api/session', { headers: { Host: 'example.org' } })).status).toBe(200);
    expect(['::1', '[::1]', '127.0.0.1', '127.8.8.8', 'localhost'].map(isLoopback)).not.toContain(false);
    expect(['0.0.0.0', '::', '192.168.0.1', '', '128.0.0.1'].map(isLoopback)).not.toContain(true);
  });

  it('changes nothing: only GET and HEAD are answered', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      for (const path of ['/', '/api/session', '/api/points?frame=0']) {
        const reply = await ask(viewer, path, { method });
        expect([method, path, reply.status]).toEqual([method, path, 405]);
      }
    }
    const { status, headers, body } = await ask(viewer, '/', { method: 'HEAD' });
    const got = await ask(viewer, '/');
    expect([status, body.length]).toEqual([200, 0]);
    expect(headers['content-length']).toBe(String(got.body.length));
  });
});

describe('what the page asks', () => {
  it('is answered', async () => {
    const session = json<SessionInfo>(await ask(viewer, '/api/session'));
    expect(session.sequence!.frames.map(({ id }) => id)).toEqual(['000000', '000001', '000002']);
    expect(session).toMatchObject({ hasDetections: false });
    const points = await ask(viewer, '/api/points?frame=0');
    expect(points.headers['content-type']).toBe('application/octet-stream');
    expect(points.headers['cache-control']).toBe('no-store');
    const decoder = new PointDecoder();
    const [pass] = decoder.push(points.body);
    expect(decoder.finish().count).toBe(3);
    expect(pass.positions[0]).toBeCloseTo(10, 3);
    const objects = decodeTable(new Uint8Array((await ask(viewer, '/api/objects?frame=0')).body));
    expect(objects.info).toEqual({ cells: 28, objects: [] });
    const point = json(await ask(viewer, '/api/point?frame=0&point=2'));
    expect(point).toMatchObject({ index: 2, fields: [{ name: 'x', values: ['12'] }, {}, {}, {}] });
    const scene = json<SceneInfo>(await ask(viewer, '/api/scene?frame=0'));
    expect(scene).toMatchObject({
      camera: { width: 40, height: 20 },
      labels: [{ type: 'Car' }],
      problems: {},
    });
    const picture = await ask(viewer, '/api/picture?frame=0', { headers: gzip });
    expect(picture.headers).toMatchObject({ 'content-type': 'image/webp' });
    expect(picture.headers['content-encoding']).toBeUndefined();
    expect(await sharp(picture.body).metadata()).toMatchObject({ format: 'webp', width: 40, height: 20 });
    for (const path of ['/api/run', '/api/metrics?offset=0']) {
      const reply = await ask(viewer, path);
      expect([reply.status, messageOf(reply)]).toEqual([422, expect.stringContaining('expected a run')]);
    }
  });

  it('is the same bytes with gzip and without, whole and in ranges', async () => {
    const path = '/api/points?frame=2';
    const plain = await ask(viewer, path);
    const packed = await ask(viewer, path, { headers: gzip });
    expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
    expect(gunzipSync(packed.body).equals(plain.body)).toBe(true);
    expect(packed.body.length).toBeLessThan(plain.body.length);
    const { length } = plain.body;
    expect(length).toBeGreaterThan(600_000);
    const ranges: Array<[string, number, number]> = [
      ['bytes=0-0', 0, 1],
      ['bytes=0-99', 0, 100],
      ['bytes=70001-140002', 70001, 140003],
      ['bytes=500-', 500, length],
      ['bytes=-700', length - 700, length],
      [`bytes=-${length + 5}`, 0, length],
      [`bytes=100-${10 * length}`, 100, length],
      [`bytes=${length - 1}-`, length - 1, length],
    ];
    for (const [range, from, to] of ranges) {
      const reply = await ask(viewer, path, { headers: { ...gzip, Range: range } });
      expect([range, reply.status]).toEqual([range, 206]);
      expect(reply.headers['content-range']).toBe(`bytes ${from}-${to - 1}/${length}`);
      expect(reply.headers['content-encoding']).toBeUndefined();
      expect(reply.headers['content-length']).toBe(String(to - from));
      expect(reply.body.equals(plain.body.subarray(from, to))).toBe(true);
    }
    for (const range of [`bytes=${length}-`, 'bytes=9-5', 'bytes=-0', `bytes=${length + 1}-${length + 9}`]) {
      const reply = await ask(viewer, path, { headers: { Range: range } });
      expect([range, reply.status]).toEqual([range, 416]);
      expect(reply.headers['content-range']).toBe(`bytes */${length}`);
      expect(messageOf(reply)).toContain(range);
    }
    // What cannot be read as one range is not asked for.
    for (const range of ['bytes=-', 'bytes=a-b', 'lines=0-5', 'bytes=0-1,5-9']) {
      const reply = await ask(viewer, path, { headers: { Range: range } });
      expect([range, reply.status, reply.body.equals(plain.body)]).toEqual([range, 200, true]);
    }
    const head = await ask(viewer, path, { method: 'HEAD' });
    expect([head.status, head.body.length, head.headers['accept-ranges']]).toEqual([200, 0, 'bytes']);
    const part = await ask(viewer, path, { method: 'HEAD', headers: { Range: 'bytes=0-9' } });
    expect([part.status, part.body.length, part.headers['content-length']]).toEqual([206, 0, '10']);
  });

  it('is an error in one sentence where a number is none', async () => {
    const wrong: Array<[string, string]> = [
      ...['', 'x', '-1', '1.5', '1e3', '0x1', ' 1', '9999999999', 'NaN', '../..', '%00', '٣'].map(
        (frame): [string, string] => [
          `/api/points?frame=${encodeURIComponent(frame)}`,
          'frame: expected a whole number',
        ],
      ),
      ['/api/points', 'frame: expected a whole number'],
      ['/api/points?frame=0&file=../../x', 'expected no more than frame, beside, found'],
      ['/api/points?frame=0&__proto__=1', 'expected no more than frame, beside, found'],
      ['/api/session?x=1', 'expected no more than the address, found'],
      ['/api/point?frame=0', 'point: expected a whole number'],
      ['/api/point?frame=0&point=3', 'point 3: expected one of 3'],
      ['/api/scene?frame=3', 'frame number 3: expected 0 to 2'],
      ['/api/picture?frame=999999999', 'frame number 999999999: expected 0 to 2'],
      ['/api/points?frame=3', 'frame number 3: expected 0 to 2'],
      ['/api/colours?frame=0&model=latest', "model: expected 'before' or the step of a checkpoint"],
      ['/api/colours?frame=0', "model: expected 'before' or the step of a checkpoint"],
      ['/api/similarity?frame=0&model=1', 'expected either place or cell'],
      ['/api/similarity?frame=0&model=1&place=1&cell=1', 'expected either place or cell'],
      ['/api/pairs?frame=0&seed=x', 'seed: expected a whole number'],
      ['/api/pairs?frame=7&seed=0', 'frame number 7: expected 0 to 2'],
      ['/api/places?frame=7', 'frame number 7: expected 0 to 2'],
      ['/api/objects?frame=7', 'frame number 7: expected 0 to 2'],
      ['/api/objects?frame=0&file=x', 'expected no more than frame, found'],
    ];
    for (const [path, told] of wrong) {
      const reply = await ask(viewer, path);
      expect([path, reply.status]).toEqual([path, 422]);
      expect(reply.headers['content-type']).toBe('application/json');
      const message = messageOf(reply);
      expect(message).toContain(told);
      expect(message).not.toMatch(/\n|Invalid|at .*\.ts/);
    }
  });

  it('may be left before it has come, and the next one is answered', async () => {
    const leave = (headers: string, afterBytes: number) =>
      new Promise<void>((resolve, reject) => {
        const socket = connect(viewer.port, '127.0.0.1', () =>
          socket.write(`GET /api/points?frame=2 HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`),
        );
        let seen = 0;
        socket.on('error', reject);
        socket.on('close', () => resolve());
        socket.on('data', (piece) => {
          seen += piece.length;
          if (seen >= afterBytes) socket.destroy();
        });
      });
    for (const afterBytes of [1, 50_000, 150_000]) {
      await Promise.all([leave('', afterBytes), leave('Accept-Encoding: gzip\r\n', afterBytes / 10)]);
      const after = await ask(viewer, '/api/points?frame=2');
      expect(new PointDecoder().push(after.body)).toHaveLength(4);
    }
    // Some that do not even wait for an answer.
    const gone = connect(viewer.port, '127.0.0.1');
    gone.write(raw('/api/points?frame=2'));
    gone.destroy();
    expect((await ask(viewer, '/api/session')).status).toBe(200);
  });
});

describe('links in the data', () => {
  const parts = {
    sweep: { name: 'velodyne/000001.bin', content: () => manyPoints(2) },
    picture: {
      name: 'image_2/000001.png',
      content: () => readFileSync(join(root, 'training/image_2/000000.png')),
    },
    labels: { name: 'label_2/000001.txt', content: () => LABELS },
    calibration: { name: 'calib/000001.txt', content: () => CALIBRATION },
    detections: { name: 'results/000001.txt', content: () => RESULTS },
  } as const;

  /** Frames of which one part lies elsewhere and is linked. */
  const linked = async (part: keyof typeof parts) => {
    const folder = await writeTinyKitti(temporaryFolder(), 2);
    write(join(folder, 'training/results/000000.txt'), RESULTS);
    write(join(folder, 'training/results/000001.txt'), RESULTS);
    const { name, content } = parts[part];
    const elsewhere = join(temporaryFolder(), 'elsewhere', 'file');
    write(elsewhere, content());
    rmSync(join(folder, 'training', name));
    symlinkSync(elsewhere, join(folder, 'training', name));
    return { folder, elsewhere, detections: join(folder, 'training/results') };
  };

  const problemIn = async (asked: RunningViewer, part: keyof typeof parts): Promise<string | undefined> => {
    if (part === 'sweep' || part === 'picture') {
      const path = part === 'sweep' ? 'points' : 'picture';
      const reply = await ask(asked, `/api/${path}?frame=1`);
      if (reply.status === 200) return undefined;
      expect(reply.status).toBe(422);
      return messageOf(reply);
    }
    const { problems, labels, detections } = json<SceneInfo>(await ask(asked, '/api/scene?frame=1'));
    if (part !== 'calibration' && problems[part] === undefined)
      expect([labels, detections]).toMatchObject([[{}], [{}]]);
    return problems[part]?.message;
  };

  it.each(Object.keys(parts) as Array<keyof typeof parts>)(
    'that lead out of the folder are followed only where one says so: %s',
    async (part) => {
      const { folder, elsewhere, detections } = await linked(part);
      const message = (await problemIn(await serve({ path: folder, detections }), part))!;
      expect(message).toContain(parts[part].name);
      expect(message).toContain(`--also ${elsewhere}`);
      const other = await serve({ path: folder, detections, also: [temporaryFolder()] });
      expect(await problemIn(other, part)).toBe(message);
      for (const also of [elsewhere, join(elsewhere, '..'), join(elsewhere, '../..')]) {
        const allowed = await serve({ path: folder, detections, also: [also] });
        expect(await problemIn(allowed, part)).toBeUndefined();
      }
    },
  );

  it.each(['labels', 'detections'] as const)('show nothing of what they lead to: %s', async (part) => {
    const { folder, elsewhere, detections } = await linked(part);
    write(elsewhere, 'a secret line\n');
    const message = await problemIn(await serve({ path: folder, detections }), part);
    expect(message).toContain('--also');
    expect(message).not.toContain('secret');
  });

  it('are followed inside of the folder, and where the folder itself is one', async () => {
    const folder = await writeTinyKitti(temporaryFolder(), 2);
    rmSync(join(folder, 'training/velodyne/000001.bin'));
    symlinkSync('000000.bin', join(folder, 'training/velodyne/000001.bin'));
    renameSync(join(folder, 'training/image_2'), join(folder, 'pictures'));
    symlinkSync('../pictures', join(folder, 'training/image_2'));
    const link = join(temporaryFolder(), 'kitti');
    symlinkSync(folder, link);
    for (const path of [folder, link, join(link, 'training')]) {
      const asked = await serve({ path, also: path.endsWith('training') ? [folder] : [] });
      expect([path, await problemIn(asked, 'sweep')]).toEqual([path, undefined]);
      expect([path, await problemIn(asked, 'picture')]).toEqual([path, undefined]);
    }
    // A folder beside it whose name only begins the same is another one.
    const beside = `${folder}-more`;
    mkdirSync(beside);
    write(join(beside, 'x.bin'), manyPoints(2));
    rmSync(join(folder, 'training/velodyne/000001.bin'));
    symlinkSync(join(beside, 'x.bin'), join(folder, 'training/velodyne/000001.bin'));
    const message = await problemIn(await serve({ path: folder }), 'sweep');
    rmSync(beside, { recursive: true });
    expect(message).toContain('--also');
  });
});
