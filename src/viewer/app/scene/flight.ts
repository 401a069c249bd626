import { flown, type Pose } from './pose.ts';

/** What keys do in flight: right, up, ahead. */
const DIRECTIONS: Readonly<Record<string, readonly [right: number, up: number, ahead: number]>> = {
  KeyW: [0, 0, 1],
  ArrowUp: [0, 0, 1],
  KeyS: [0, 0, -1],
  ArrowDown: [0, 0, -1],
  KeyA: [-1, 0, 0],
  ArrowLeft: [-1, 0, 0],
  KeyD: [1, 0, 0],
  ArrowRight: [1, 0, 0],
  KeyE: [0, 1, 0],
  KeyQ: [0, -1, 0],
};

const SPEED_M_PER_S = 12;
const FASTER = 4;
/** How fast the speed follows the keys: the rest of a difference after a second is e to the minus this. */
const RESPONSE_PER_S = 10;
const STILL_M_PER_S = 0.02;

/** Moves that keys make while they are held, soft at both ends. */
export class Flight {
  private readonly held = new Set<string>();
  private readonly speed = [0, 0, 0];
  private fast = false;
  private last: number | undefined;

  /** Takes a key's code down; false if it means nothing here. */
  press(code: string): boolean {
    if (code === 'ShiftLeft' || code === 'ShiftRight') this.fast = true;
    else if (code in DIRECTIONS) this.held.add(code);
    else return false;
    return true;
  }

  /** Takes a key's code up. */
  release(code: string): void {
    if (code === 'ShiftLeft' || code === 'ShiftRight') this.fast = false;
    this.held.delete(code);
  }

  /** Lets all keys go. */
  releaseAll(): void {
    this.held.clear();
    this.fast = false;
  }

  /** The pose moved on to a time in milliseconds; undefined once it stands still. */
  step(pose: Pose, timeMs: number): Pose | undefined {
    const seconds = this.last === undefined ? 1 / 60 : Math.min(0.1, (timeMs - this.last) / 1000);
    this.last = timeMs;
    const wanted = [0, 0, 0];
    for (const code of this.held) {
      for (let axis = 0; axis < 3; axis++) wanted[axis] += DIRECTIONS[code][axis];
    }
    const length = Math.hypot(...wanted);
    const pace = length === 0 ? 0 : (SPEED_M_PER_S * (this.fast ? FASTER : 1)) / length;
    const follow = 1 - Math.exp(-RESPONSE_PER_S * seconds);
    for (let axis = 0; axis < 3; axis++) {
      this.speed[axis] += (wanted[axis] * pace - this.speed[axis]) * follow;
    }
    const [right, up, ahead] = this.speed;
    if (length === 0 && Math.hypot(right, up, ahead) < STILL_M_PER_S) {
      this.speed.fill(0);
      this.last = undefined;
      return undefined;
    }
    return flown(pose, right * seconds, up * seconds, ahead * seconds);
  }
}
