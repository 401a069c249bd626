/** While one moves, a picture is to take about this, milliseconds. */
const movingMs = 60;
/** When all is still, the last picture may take this. */
const stillMs = 500;
const fewest = 60_000;
/** What a graphics card is trusted with before anything was measured. */
const atFirst = 400_000;
/** How many times as many points each picture of a still view has as the one before. */
const growth = 3;
/** Pictures of fewer points say nothing of how long points take. */
const leastMeasured = 30_000;

/** How many points of large clouds are drawn: few enough to move, then more and more while all is still. */
export class DetailBudget {
  private perMs = atFirst / movingMs;
  private still = 0;

  /** The budget of the next picture. */
  next(isMoving: boolean): number {
    const moving = Math.max(fewest, Math.round(this.perMs * movingMs));
    if (isMoving) {
      this.still = 0;
      return moving;
    }
    const most = Math.max(moving, this.perMs * stillMs);
    this.still = this.still === 0 ? moving : Math.min(Math.max(this.still, most), this.still * growth);
    return Math.round(this.still);
  }

  /** Whether another picture of the same view would have more points, of so many that are seen. */
  grows(seen: number): boolean {
    // What one saw while moving is the least there is.
    if (this.still === 0) return true;
    const most = Math.max(this.still, this.perMs * stillMs);
    return this.still < seen && this.still * 1.2 < most;
  }

  /** Notes how long a picture of so many points took. */
  measured(points: number, ms: number): void {
    if (points < leastMeasured) return;
    const perMs = points / Math.max(ms, 1);
    // One picture among others may be late for reasons of its own.
    this.perMs = Math.max(fewest / movingMs, Math.min(3 * this.perMs, 0.5 * this.perMs + 0.5 * perMs));
  }
}
