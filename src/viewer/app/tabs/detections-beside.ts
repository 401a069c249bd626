import { countOutcomes, type Outcomes } from '../../../evaluation/kitti/detection-outcomes.ts';
import type { SceneInfo } from '../../protocol.ts';
import { api, messageOf } from '../api.ts';
import type { Context } from '../context.ts';
import { sceneOutcomes, stageBoxes } from '../scene/boxes.ts';
import type { StageBox } from '../scene/segments.ts';
import { byId } from '../widgets/dom.ts';

/** What a second detector found in the same frame, on the right half of the stage, looked at with the same eye. */
export class DetectionsBeside {
  private readonly context: Context;
  private readonly title: string;
  private readonly classes: readonly string[] | undefined;
  private readonly changed: () => void;
  private loading = new AbortController();
  private scene: SceneInfo | undefined;
  private problem: string | undefined;

  /** `changed` is called when there are other boxes to be drawn. */
  constructor(
    context: Context,
    beside: { readonly title: string; readonly classes: readonly string[] | undefined },
    changed: () => void,
  ) {
    this.context = context;
    this.title = beside.title;
    this.classes = beside.classes;
    this.changed = changed;
  }

  /** Splits the stage while the scene is shown. */
  show(visible: boolean): void {
    this.context.stage.setSplit(visible);
    byId('stage-sides').hidden = !visible;
    if (!visible) this.loading.abort();
  }

  /** Loads what was found in the present frame. */
  async follow(): Promise<void> {
    this.loading.abort();
    const loading = new AbortController();
    this.loading = loading;
    // What was found in the frame before is not shown over this one.
    this.scene = undefined;
    this.problem = undefined;
    try {
      const scene = await api.sceneBeside(this.context.frame.seen(), loading.signal);
      if (loading.signal.aborted) return;
      this.scene = scene;
      this.problem = scene.problems.detections?.message;
    } catch (error) {
      const message = messageOf(error);
      if (message === undefined || loading.signal.aborted) return;
      this.problem = message;
    }
    this.changed();
  }

  /** Its boxes, with what became of them where they are compared with labels, as those of the first detector are. */
  boxes(own: Outcomes | undefined): readonly StageBox[] {
    const { state } = this.context.store;
    const { scene } = this;
    const outcomes =
      scene === undefined || own === undefined ? undefined : sceneOutcomes(scene, state, this.classes);
    byId('stage-left').textContent = captionOf(this.context.session.title, own);
    byId('stage-right').textContent = this.problem ?? captionOf(this.title, outcomes);
    return scene === undefined ? [] : stageBoxes(scene, state, outcomes);
  }
}

/** A run, and how many labels it found and missed where that is known. */
function captionOf(title: string, outcomes: Outcomes | undefined): string {
  if (outcomes === undefined) return title;
  const { found, missed, falseAlarms } = countOutcomes(outcomes);
  return `${title}: ${found} found, ${missed} missed, ${falseAlarms} false`;
}
