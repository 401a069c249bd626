import type { SessionInfo } from '../protocol.ts';
import { api } from './api.ts';
import { savePicture } from './capture.ts';
import type { Context, TabView } from './context.ts';
import { button, choice, type PaneStatus } from './controls.ts';
import { CurrentFrame } from './current-frame.ts';
import { byId, eachFrame, element } from './dom.ts';
import { FeaturesTab } from './features-tab.ts';
import { listenForKeys, type Shortcut, showHelp } from './help.ts';
import { Legend } from './legend.ts';
import { LinkOverlay } from './link-overlay.ts';
import { LiveRun } from './live-run.ts';
import { MatchesTab } from './matches-tab.ts';
import { PicturePane } from './picture-pane.ts';
import { PointCard } from './point-card.ts';
import { numbersOfPose, poseOf } from './pose-link.ts';
import type { RunPanel } from './run/run-panel.ts';
import { DEFAULT_POSE, type Pose } from './scene/pose.ts';
import { Stage } from './scene/stage.ts';
import { SceneTab } from './scene-tab.ts';
import { listenToSplitter } from './splitter.ts';
import { followPointer } from './stage-input.ts';
import type { Store } from './store.ts';
import { Sweeps } from './sweeps.ts';
import { Timeline } from './timeline.ts';
import { linkOf, type Tab, tabs } from './view-state.ts';

const tabNames: { readonly [Of in Tab]: string } = {
  scene: 'Scene',
  matches: 'Matches',
  features: 'Features',
  run: 'Run',
};

/** How much of the picture is seen behind the points when one looks through the camera. */
const backdropOpacity = 0.55;

/** The page: its bar, its panes, and the part of it that is shown. */
export class Page {
  private readonly session: SessionInfo;
  private readonly store: Store;
  private readonly status: PaneStatus;
  private context: Context | undefined;
  private views: { readonly [Of in Exclude<Tab, 'run'>]: TabView } | undefined;
  private timeline: Timeline | undefined;
  private shown: TabView | undefined;
  private run: RunPanel | undefined;
  private posed = false;
  /** Matches are looked at from a place of their own. */
  private readonly poses = new Map<boolean, Pose>();

  constructor(session: SessionInfo, store: Store, status: PaneStatus) {
    this.session = session;
    this.store = store;
    this.status = status;
  }

  begin(): void {
    const { store, session } = this;
    byId('title').textContent = session.title;
    this.buildBar();
    this.themeChanged();
    store.on(['theme'], () => this.themeChanged());
    this.openPanes();
    listenForKeys(this.shortcuts());
    store.on(['tab'], ({ tab }, before) => {
      this.swapPose(before.tab === 'matches', tab === 'matches');
      this.showTab();
    });
    this.context?.frame.open();
    this.showTab();
  }

  /** Stage and picture, where there are frames and WebGL. */
  private openPanes(): void {
    const { session, store, status } = this;
    const { recording } = session;
    if (recording === undefined) {
      byId('panes').classList.add('no-picture');
      status.problem(session.problem?.message ?? 'there are no frames');
      return;
    }
    let stage: Stage;
    let overlay: LinkOverlay | undefined;
    try {
      stage = new Stage({
        canvas: byId<HTMLCanvasElement>('stage'),
        labels: byId('stage-labels'),
        onRender: () => overlay?.redraw(),
        onPoseChange: eachFrame(() => this.store.set({ pose: numbersOfPose(stage.pose) })),
      });
    } catch (error) {
      status.problem(`The points cannot be drawn: ${(error as Error).message}`);
      return;
    }
    const picture = new PicturePane({
      canvas: byId<HTMLCanvasElement>('picture'),
      onHover: (pixel) => this.shown?.hoverPixel(pixel),
      onClick: (pixel) => this.shown?.clickPixel(pixel),
      onLayout: () => overlay?.redraw(),
    });
    overlay = new LinkOverlay(() => stage, picture);
    const frame = new CurrentFrame(recording, store, new Sweeps());
    const card = new PointCard({ onClose: () => store.set({ point: undefined }) });
    const run = session.run && new LiveRun(session.run);
    const legend = new Legend();
    this.context = { session, run, store, frame, stage, stageStatus: status, picture, legend, card };
    this.posed = store.state.pose.length > 0;
    stage.pose = poseOf(store.state, stage.pose);
    this.followAppearance(stage);
    this.followView(stage, frame);
    this.followPicture(frame, picture, stage);
    this.timeline = new Timeline(frame, store);
    const matches = new MatchesTab(this.context, (links) => overlay.setLinks(links));
    if (this.posed && store.state.tab === 'matches') matches.keepPose();
    this.views = {
      scene: new SceneTab(this.context),
      matches,
      features: new FeaturesTab(this.context),
    };
    followPointer(this.context, byId<HTMLCanvasElement>('stage'), () => this.shown);
    frame.on(['frame'], () => this.nameFrame());
    listenToSplitter();
    const anyPicture = recording.frames.some(({ parts }) => parts.includes('picture'));
    byId('panes').classList.toggle('no-picture', !anyPicture);
  }

  private followAppearance(stage: Stage): void {
    const { store } = this;
    const follow = () => {
      const { theme, size, attenuation, eyeDome, grid, axes, frusta, tab } = store.state;
      // Rings about the sensor say nothing of a view that was turned and moved aside.
      const own = tab !== 'matches';
      stage.setAppearance({
        theme,
        pointSize: size,
        attenuation,
        eyeDome,
        grid: grid && own,
        axes: axes && own,
        frusta,
      });
    };
    follow();
    store.on(['theme', 'size', 'attenuation', 'eyeDome', 'grid', 'axes', 'frusta', 'tab'], follow);
    store.on(['navigation'], () => stage.setNavigation(store.state.navigation));
    stage.setNavigation(store.state.navigation);
  }

  private followView(stage: Stage, frame: CurrentFrame): void {
    const { store } = this;
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
        this.say('This frame has no camera to look through');
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
      if (this.posed || frame.parts.sweep?.complete !== true) return;
      this.posed = true;
      if (frame.recording.kind.startsWith('point cloud')) this.fit();
    });
  }

  private followPicture(frame: CurrentFrame, pane: PicturePane, stage: Stage): void {
    frame.on(['frame'], () => {
      if (!frame.info.parts.includes('picture')) pane.setPicture(undefined);
    });
    frame.on(['frame', 'picture'], () => {
      const { picture, problems } = frame.parts;
      if (picture !== undefined) {
        pane.setPicture(picture);
        stage.setBackdrop(picture, backdropOpacity);
        pane.status.clear();
      } else if (problems.picture !== undefined) {
        pane.setPicture(undefined);
        stage.setBackdrop(undefined, 0);
        if (frame.info.parts.includes('picture')) pane.status.problem(problems.picture);
        else pane.status.empty('This frame has no picture');
      }
    });
  }

  private showTab(): void {
    const { tab } = this.store.state;
    const buttons = [...byId('tabs').children] as HTMLElement[];
    for (const each of buttons) each.setAttribute('aria-selected', String(each.dataset.tab === tab));
    const main = byId('main');
    main.classList.toggle('run', tab === 'run');
    byId('run-pane').hidden = tab !== 'run';
    byId('timeline').hidden = tab === 'run';
    this.shown?.hide();
    this.shown = tab === 'run' ? undefined : this.views?.[tab];
    if (tab === 'run') void this.showRun();
    else this.run?.hide();
    byId('side').replaceChildren(...(this.shown === undefined ? [] : [this.shown.panel]));
    this.shown?.show();
    this.context?.stage.requestRender();
  }

  /** Takes the eye to where it was when these parts of the page were last shown. */
  private swapPose(from: boolean, to: boolean): void {
    const { stage } = this.context ?? {};
    if (stage === undefined || from === to) return;
    this.poses.set(from, stage.pose);
    const pose = this.poses.get(to) ?? (to ? undefined : DEFAULT_POSE);
    if (pose !== undefined) stage.pose = pose;
  }

  private async showRun(): Promise<void> {
    const root = byId('run-pane');
    if (this.session.run === undefined) {
      const words = 'There is no run here. pointpair view runs/… shows one, while it trains as well.';
      root.replaceChildren(
        element('div', { class: 'status', 'data-kind': 'empty' }, element('p', {}, words)),
      );
      return;
    }
    if (this.run === undefined) {
      const { store } = this;
      // Curves need a library of their own, which the rest of the page does not wait for.
      const { RunPanel } = await import('./run/run-panel.ts');
      this.run ??= new RunPanel({
        root,
        fetchTail: api.metrics,
        fetchRun: api.run,
        onCheckpoint: (step) => store.set({ tab: 'features', model: step }),
        theme: () => store.state.theme,
      });
    }
    if (this.store.state.tab === 'run') this.run.show();
  }

  private nameFrame(): void {
    const { frame } = this.context!;
    const { sets, notes } = frame.info;
    const learned = this.session.run?.imageSet;
    const tags = [
      ...(learned === undefined || sets.length === 0
        ? []
        : [element('span', { class: 'tag' }, sets.includes(learned) ? 'learned from' : 'held out')]),
      ...(notes.length === 0
        ? []
        : [
            element(
              'span',
              { class: 'tag warn', title: notes.join('\n') },
              notes.length === 1 ? notes[0] : `${notes.length} notes`,
            ),
          ]),
    ];
    byId('frame-name').replaceChildren(element('span', { class: 'id' }, frame.info.id), ...tags);
  }

  private buildBar(): void {
    const { store } = this;
    byId('tabs').replaceChildren(
      ...tabs.map((tab) =>
        element(
          'button',
          { type: 'button', role: 'tab', 'data-tab': tab, click: () => store.set({ tab }) },
          tabNames[tab],
        ),
      ),
    );
    byId('tools').replaceChildren(
      button('Copy a link to what is on the screen', () => void this.copyLink(), { icon: 'link' }),
      button('Save a picture', () => void this.savePicture(), { icon: 'picture' }),
      button('Dark or light', () => this.toggleTheme(), { icon: 'theme' }),
      button('Keys and pointer', () => showHelp(this.shortcuts()), { icon: 'help' }),
    );
  }

  private shortcuts(): Shortcut[] {
    const { store } = this;
    const flip = (key: 'labels' | 'grid') => () => store.set({ [key]: !store.state[key] });
    const sizeBy = (by: number) => () =>
      store.set({ size: Math.max(0.5, Math.min(8, store.state.size + by)) });
    return [
      { keys: [' '], name: 'space', what: 'play or pause', run: () => this.timeline?.toggle() },
      { keys: [',', 'ArrowLeft'], name: ',', what: 'frame before', run: () => this.timeline?.step(-1) },
      { keys: ['.', 'ArrowRight'], name: '.', what: 'next frame', run: () => this.timeline?.step(1) },
      ...tabs.map((tab, k) => ({
        keys: [String(k + 1)],
        name: String(k + 1),
        what: tabNames[tab].toLowerCase(),
        run: () => store.set({ tab }),
      })),
      { keys: ['p'], name: 'p', what: 'look freely', run: () => store.set({ view: 'perspective' }) },
      { keys: ['b'], name: 'b', what: 'look from above', run: () => store.set({ view: 'birds-eye' }) },
      { keys: ['c'], name: 'c', what: 'look through the camera', run: () => store.set({ view: 'camera' }) },
      { keys: ['f'], name: 'f', what: 'fit the points on the screen', run: () => this.fit() },
      { keys: ['l'], name: 'l', what: 'labels on or off', run: flip('labels') },
      { keys: ['g'], name: 'g', what: 'ground grid on or off', run: flip('grid') },
      { keys: ['+', '='], name: '+', what: 'larger points', run: sizeBy(0.5) },
      { keys: ['-'], name: '-', what: 'smaller points', run: sizeBy(-0.5) },
      {
        keys: ['n'],
        name: 'n',
        what: 'matches: another view',
        run: () => store.set({ seed: store.state.seed + 1 }),
      },
      { keys: ['t'], name: 't', what: 'dark or light', run: () => this.toggleTheme() },
      {
        keys: ['Escape'],
        name: 'esc',
        what: 'select nothing',
        run: () => store.set({ point: undefined, place: undefined, cell: undefined }),
      },
      { keys: ['?', 'h'], name: '?', what: 'this list', run: () => showHelp(this.shortcuts()) },
    ];
  }

  /** Puts all points of the sweep on the screen, a few far ones apart. */
  private fit(): void {
    const { frame, stage } = this.context ?? {};
    const sweep = frame?.parts.sweep;
    if (sweep === undefined || sweep.filled === 0) return;
    const ends = [0, 1, 2].map((axis) => {
      const values: number[] = [];
      for (let row = 0; row < sweep.filled; row += Math.ceil(sweep.filled / 20_000)) {
        const value = sweep.positions[3 * row + axis];
        if (Number.isFinite(value)) values.push(value);
      }
      values.sort((a, b) => a - b);
      return [values[Math.floor(0.01 * values.length)] ?? 0, values[Math.floor(0.99 * values.length)] ?? 0];
    });
    const [x, y, z] = ends;
    if (frame!.recording.kind.startsWith('point cloud'))
      stage!.setGround([(x[0] + x[1]) / 2, (y[0] + y[1]) / 2, z[0]]);
    stage!.fit([x[0], y[0], z[0]], [x[1], y[1], z[1]]);
  }

  private async copyLink(): Promise<void> {
    const link = `${location.origin}/#${linkOf(this.store.state)}`;
    history.replaceState(undefined, '', link);
    const copied = await navigator.clipboard?.writeText(link).then(
      () => true,
      () => false,
    );
    this.say(copied ? 'Link copied' : 'The link is in the address bar');
  }

  private async savePicture(): Promise<void> {
    const { context } = this;
    if (context === undefined || this.store.state.tab === 'run') {
      this.say('Pictures are of the scene, matches and features');
      return;
    }
    const hasPicture = !byId('panes').classList.contains('no-picture');
    await savePicture(context.stage, hasPicture ? context.picture : undefined, {
      links: byId<HTMLCanvasElement>('links'),
      name: `${this.session.title}-${context.frame.info.id}`.replace(/[^\w.-]+/g, '-'),
    });
  }

  private toggleTheme(): void {
    this.store.set({ theme: this.store.state.theme === 'dark' ? 'light' : 'dark' });
  }

  private themeChanged(): void {
    document.documentElement.dataset.theme = this.store.state.theme;
    this.run?.themeChanged();
  }

  private say(message: string): void {
    const toast = byId('toast');
    toast.textContent = message;
    toast.hidden = false;
    setTimeout(() => {
      toast.hidden = true;
    }, 2200);
  }
}
