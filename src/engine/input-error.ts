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

/** Why the system refused, without the call and the paths that it was made with: `EEXIST: file already exists`. */
export function reasonOf({ code, message }: { readonly code?: string; readonly message: string }): string {
  return code !== undefined && message.startsWith(`${code}: `) ? message.split(', ')[0] : message;
}
