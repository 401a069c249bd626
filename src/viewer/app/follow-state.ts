import type { CurrentFrame } from './current-frame.ts';
import type { PicturePane } from './picture/picture-pane.ts';
import { numbersOfPose, poseOf } from './pose-link.ts';
import type { Stage } from './scene/stage.ts';
import type { Store } from './store.ts';
import { fitSweep, isCloud, lengthUnitOf } from './sweep/fit-sweep.ts';
import { choice } from './widgets/controls.ts';
import { byId } from './widgets/dom.ts';

/** How much of the picture is seen behind the points when one looks through the camera. */
const backdropOpacity = 0.55;

/** Keeps the look of the stage as the state has it. */
export function followAppearance(stage: Stage, store: Store): void {
  const follow = () => {
    const { theme, size, attenuation, eyeDome, grid, axes, frusta, tab } = store.state;
    // Rings about the sensor say nothing of a view that was turned and moved aside.
    const own = tab !== 'matches';
    const furniture = { grid: grid && own, axes: axes && own, frusta };
    stage.setAppearance({ theme, pointSize: size, attenuation, eyeDome, ...furniture });
  };
  follow();
  store.on(['theme', 'size', 'attenuation', 'eyeDome', 'grid', 'axes', 'frusta', 'tab'], follow);
  store.on(['navigation'], () => stage.setNavigation(store.state.navigation));
  stage.setNavigation(store.state.navigation);
}

/** Keeps the eye where the state has it, and offers the ways to look and to move. A point cloud that no link says where to look at is put on the screen. */
export function followView(
  stage: Stage,
  { store, frame, say }: { store: Store; frame: CurrentFrame; say: (message: string) => void },
): void {
  stage.setLengthUnit(lengthUnitOf(frame.sequence));
  stage.setGround([0, 0, frame.sequence.roadZM]);
  let posed = store.state.pose.length > 0;
  stage.pose = poseOf(store.state, stage.pose);
  byId('stage-corner').append(
    choice(store, 'view', 'View', [
      ['perspective', 'Free'],
      ['birds-eye', 'From above'],
      ['camera', 'Camera'],
    ]).lastElementChild!,
    choice(store, 'navigation', 'Movement', [
      ['orbit', 'Orbit'],
      ['fly', 'Fly'],
    ]).lastElementChild!,
  );
  const follow = () => {
    const { camera } = frame.parts.scene ?? {};
    const { width, height } = camera ?? {};
    const { view } = store.state;
    if (view !== 'camera') {
      if (stage.pose.view !== view) stage.view(view);
    } else if (camera !== undefined && width !== undefined && height !== undefined) {
      stage.view('camera', { ...camera, width, height });
    } else if (frame.parts.scene !== undefined) {
      say('This frame has no camera to look through');
      store.set({ view: 'perspective' });
    }
  };
  store.on(['view'], follow);
  // A link that was pasted brings another place to look from.
  store.on(['pose'], ({ pose }) => {
    if (pose.join() !== numbersOfPose(stage.pose).join()) stage.pose = poseOf(store.state, stage.pose);
  });
  frame.on(['scene'], follow);
  frame.on(['sweep'], () => {
    const { sweep } = frame.parts;
    // The first pass of a large cloud is spread over all of it.
    if (posed || !(sweep?.complete || sweep?.tiles !== undefined)) return;
    posed = true;
    if (isCloud(frame.sequence)) fitSweep(stage, sweep, frame.sequence);
  });
}

/** Pictures that are less than this many times as wide as they are high get more of the height. */
const tallAspect = 1.9;

function makeRoom({ width, height }: ImageBitmap): void {
  byId('panes').classList.toggle('tall-picture', width < tallAspect * height);
}

/** Keeps the picture of the present frame in its pane, and behind the view through its camera. */
export function followPicture(frame: CurrentFrame, pane: PicturePane, stage: Stage): void {
  const anyPicture = frame.sequence.frames.some(
    ({ parts, pictures }) => parts.includes('picture') || pictures.length > 0,
  );
  byId('panes').classList.toggle('no-picture', !anyPicture);
  frame.on(['frame', 'picture', 'released'], () => {
    if (frame.holds) {
      // What lies there is of the frame before.
      pane.status.later(`Loading frame ${frame.info.id}`);
      return;
    }
    const { picture, problems } = frame.parts;
    const { hasPicture } = frame;
    if (picture !== undefined) {
      pane.setPicture(picture);
      makeRoom(picture);
      stage.setBackdrop(picture, backdropOpacity);
      pane.status.clear();
    } else if (hasPicture && problems.picture === undefined) {
      pane.status.later('Loading the picture');
    } else {
      pane.setPicture(undefined);
      stage.setBackdrop(undefined, 0);
      if (hasPicture) pane.status.problem(problems.picture!);
      else pane.status.empty('This frame has no picture');
    }
  });
}
