import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { constants, createGzip, gzip } from 'node:zlib';
import { InputError } from '../../engine/input-error.ts';
import { type AppFile, readAppFiles } from './app-files.ts';
import { type Answer, routes } from './routes.ts';
import type { Session } from './session.ts';

/** Where the viewer listens. */
export interface ServeOptions {
  /** `127.0.0.1` by default: this machine alone. */
  readonly host?: string;
  /** 0 takes any free one. */
  readonly port: number;
}

/** A viewer that listens. */
export interface RunningViewer {
  readonly host: string;
  readonly port: number;
  readonly close: () => Promise<void>;
}

const headers = {
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy':
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
};

const compressed = promisify(gzip);

/** Begins to serve a session's page. Throws the system's error for an address that cannot be had. */
export async function serveViewer(
  session: Session,
  { host = '127.0.0.1', port }: ServeOptions,
): Promise<RunningViewer> {
  const files = await readAppFiles();
  let closing = false;
  const server = createServer((request, response) => {
    respond(request, response, { session, files, host }).catch((error: unknown) => {
      // What was given up because the viewer ends is no fault, and nobody waits for it.
      if (!closing) fail(response, error);
    });
  });
  await listen(server, host, port);
  return {
    host,
    port: (server.address() as AddressInfo).port,
    close: async () => {
      closing = true;
      server.closeAllConnections();
      await promisify(server.close.bind(server))();
      await session.close();
    },
  };
}

interface Served {
  readonly session: Session;
  readonly files: ReadonlyMap<string, AppFile>;
  readonly host: string;
}

async function respond(request: IncomingMessage, response: ServerResponse, served: Served): Promise<void> {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    refuse(response, 405, 'only GET is answered');
    return;
  }
  // A page of another site that has its name lead to this machine would be answered otherwise.
  if (isLoopback(served.host) && !isLoopback(hostName(request.headers.host ?? ''))) {
    return refuse(response, 403, 'this viewer answers to localhost; --host lets it answer to others');
  }
  const url = urlOf(request);
  if (url === undefined) return refuse(response, 400, `${request.url} is no address`);
  const file = served.files.get(url.pathname);
  if (file !== undefined) return sendFile(request, response, file);
  if (!Object.hasOwn(routes, url.pathname)) return refuse(response, 404, `nothing is at ${url.pathname}`);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const query = Object.fromEntries(url.searchParams);
  const answer = await routes[url.pathname](served.session, query, gone.signal);
  if (!response.destroyed) await send(request, response, answer);
}

function urlOf({ url = '/' }: IncomingMessage): URL | undefined {
  try {
    return new URL(url, 'http://localhost');
  } catch {
    return undefined;
  }
}

async function sendFile(request: IncomingMessage, response: ServerResponse, file: AppFile): Promise<void> {
  response.setHeader('Cache-Control', file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache');
  return sendBytes(request, response, { type: file.type, bytes: file.bytes, compress: true });
}

async function send(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
  response.setHeader('Cache-Control', 'no-store');
  if ('json' in answer) {
    const bytes = Buffer.from(JSON.stringify(answer.json));
    return sendBytes(request, response, { type: 'application/json', bytes, compress: true });
  }
  if ('bytes' in answer) return sendBytes(request, response, answer);
  if (request.headers.range !== undefined) {
    return sendBytes(request, response, {
      ...answer,
      bytes: Buffer.concat([...answer.pieces]),
      compress: false,
    });
  }
  return sendPieces(request, response, answer);
}

interface Bytes {
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly compress: boolean;
}

/** The bytes, a range of them where one is asked for, compressed where both sides want it. */
async function sendBytes(
  request: IncomingMessage,
  response: ServerResponse,
  { type, bytes, compress }: Bytes,
): Promise<void> {
  response.setHeader('Content-Type', type);
  response.setHeader('Accept-Ranges', 'bytes');
  let body = bytes;
  const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '');
  if (range !== null && (range[1] !== '' || range[2] !== '')) {
    const length = bytes.length;
    const from = range[1] === '' ? Math.max(0, length - Number(range[2])) : Number(range[1]);
    const to = range[1] === '' || range[2] === '' ? length - 1 : Math.min(length - 1, Number(range[2]));
    if (from > to || from >= length) {
      response.setHeader('Content-Range', `bytes */${length}`);
      return refuse(response, 416, `expected a range of ${length} bytes, found ${request.headers.range}`);
    }
    response.statusCode = 206;
    response.setHeader('Content-Range', `bytes ${from}-${to}/${length}`);
    body = bytes.subarray(from, to + 1);
  } else if (compress && bytes.length > 1024 && takesGzip(request)) {
    body = await compressed(bytes, { level: 4 });
    response.setHeader('Content-Encoding', 'gzip');
    response.setHeader('Vary', 'Accept-Encoding');
  }
  response.setHeader('Content-Length', body.length);
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Each piece leaves as soon as it is made, and the rest of the server has a turn in between. */
async function sendPieces(
  request: IncomingMessage,
  response: ServerResponse,
  { type, pieces }: Extract<Answer, { pieces: unknown }>,
): Promise<void> {
  response.setHeader('Content-Type', type);
  response.setHeader('Accept-Ranges', 'bytes');
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const packed = takesGzip(request) ? createGzip({ level: 1 }) : undefined;
  if (packed !== undefined) {
    response.setHeader('Content-Encoding', 'gzip');
    response.setHeader('Vary', 'Accept-Encoding');
    packed.pipe(response);
  }
  const target = packed ?? response;
  for (const piece of pieces) {
    if (response.destroyed) break;
    await new Promise<void>((resolve) => {
      response.once('close', resolve);
      target.write(piece, () => {
        response.off('close', resolve);
        resolve();
      });
      packed?.flush(constants.Z_SYNC_FLUSH);
    });
    await setImmediate();
  }
  target.end();
}

function takesGzip(request: IncomingMessage): boolean {
  return /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ message }));
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  for (const name of ['Content-Encoding', 'Content-Length', 'Content-Range']) response.removeHeader(name);
  if (error instanceof InputError) {
    refuse(response, 422, error.message);
    return;
  }
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`pointpair view: ${error instanceof Error ? error.stack : message}\n`);
  refuse(response, 500, `the viewer failed: ${message}`);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function hostName(header: string): string {
  return header.replace(/:\d+$/, '');
}

/** Whether a host is this machine and nobody else. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}
