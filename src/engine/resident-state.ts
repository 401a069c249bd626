import type { Device } from './device.ts';
import type { HostTensor } from './host-tensor.ts';
import { InputError } from './input-error.ts';
import type { Tree } from './tree.ts';

/**
 * A state in a device's memory, as a step left it. A step that changes any of it consumes it, so that its
 * memory is free again: using it afterwards is an error.
 */
export interface ResidentState<State = Tree<HostTensor>> {
  readonly device: Device;
  /** Copies the state to host memory. Throws where a step has consumed it. */
  read(): Promise<State>;
}

/** Whether a state is resident, rather than a tree in host memory. */
export function isResident(state: Tree<HostTensor> | ResidentState): state is ResidentState {
  return typeof (state as ResidentState).read === 'function';
}

/** The error of a state that is used after a step has consumed it. */
export function consumedError(device: Device): Error {
  return new Error(
    `this state was consumed by a later step on device '${device}': read it, or use it, before`,
  );
}

/** The error of a state that lies on another device than the step that it is given to, or with another runner of the CPU. */
export function otherDeviceError(stateDevice: Device, stepDevice: Device): InputError {
  return new InputError({
    file: 'compiled step',
    place: 'state',
    ...(stateDevice === stepDevice
      ? {
          expected: `a state in host memory or of this step's runner on device '${stepDevice}'`,
          found: `one of another runner ('native' or 'binding'): read() it first`,
        }
      : {
          expected: `a state in host memory or on device '${stepDevice}'`,
          found: `one on device '${stateDevice}': read() it first`,
        }),
  });
}
