import { Glide, prefersStillness } from './glide.ts';
import { DEFAULT_POSE, type Pose, type ViewName } from './pose.ts';
import type { Pinhole } from './projection.ts';

/** Where one looks from now, and the way to where one will. */
export class Eye {
  /** The camera of the view through a camera. */
  camera: Pinhole | undefined;
  private readonly moved: () => void;
  private current = DEFAULT_POSE;
  private glide: Glide | undefined;

  constructor(moved: () => void) {
    this.moved = moved;
  }

  get pose(): Pose {
    return this.current;
  }

  /** Goes there at once. */
  set pose(pose: Pose) {
    this.glide = undefined;
    this.move(pose);
  }

  /** The camera that one looks through now. */
  get through(): Pinhole | undefined {
    return this.current.view === 'camera' ? this.camera : undefined;
  }

  /** Changes the view: from above with +x up, through a camera with its whole picture, or what of it a link names. */
  view(name: ViewName): void {
    const { current } = this;
    const whole = name === 'camera' ? {} : ({ zoom: 1, center: [0.5, 0.5] } as const);
    if (name !== current.view) this.pose = { ...current, view: name, heading: 0, ...whole };
    else if (name === 'birds-eye') this.pose = { ...current, heading: 0 };
  }

  /** Goes there in steps, or at once where one prefers that; `step` must be called from then on. */
  glideTo(pose: Pose): void {
    if (prefersStillness()) this.pose = pose;
    else this.glide = new Glide(this.current, pose);
  }

  /** Moves on to a time in milliseconds; whether there is more to come. */
  step(timeMs: number): boolean {
    if (this.glide === undefined) return false;
    const { pose, done } = this.glide.at(timeMs);
    if (done) this.glide = undefined;
    this.move(pose);
    return !done;
  }

  private move(pose: Pose): void {
    this.current = pose;
    this.moved();
  }
}
