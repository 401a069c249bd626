/** Where something that came from outside cannot be right: which file, where in it, what belongs there and what is there. */
export interface InputFault {
  /** The file, folder, option or configuration that was read. */
  readonly file: string;
  /** The place in it: a byte, a line, a key, a shape. */
  readonly place?: string;
  readonly expected: string;
  readonly found: string;
}

/** An error in what the user gave, in one line: `file: place: expected …, found …`. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly fault: InputFault;

  constructor(fault: InputFault, options?: ErrorOptions) {
    const place = fault.place === undefined ? '' : `${fault.place}: `;
    super(`${fault.file}: ${place}expected ${fault.expected}, found ${fault.found}`, options);
    this.fault = fault;
  }
}

/** What a system's error code says is there, in words that go after `found`. */
const reasons: { readonly [code: string]: string } = {
  ENOENT: 'nothing',
  ENOTDIR: 'a file where a folder has to be (ENOTDIR)',
  EISDIR: 'a folder (EISDIR)',
  EEXIST: 'something of that name (EEXIST)',
  EACCES: 'no permission (EACCES)',
  EPERM: 'no permission (EPERM)',
  EROFS: 'a disk that cannot be written (EROFS)',
  ENOSPC: 'no space left (ENOSPC)',
  ELOOP: 'a link that leads to itself (ELOOP)',
  ENAMETOOLONG: 'a name that is too long (ENAMETOOLONG)',
};

/** Why the system refused, without the call and the paths that it was made with: `nothing` where nothing is there. */
export function reasonOf({ code, message }: { readonly code?: string; readonly message: string }): string {
  if (code !== undefined && Object.hasOwn(reasons, code)) return reasons[code];
  return code !== undefined && message.startsWith(`${code}: `) ? message.split(', ')[0] : message;
}
