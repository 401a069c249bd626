import type { SessionInfo } from '../protocol.ts';
import { addressOf, runApi } from './api.ts';
import type { Context, TabView } from './context.ts';
import { CurrentFrame } from './current-frame.ts';
import { followAppearance, followPicture, followView } from './follow-state.ts';
import { LinkOverlay } from './picture/link-overlay.ts';
import { PicturePane } from './picture/picture-pane.ts';
import { numbersOfPose } from './pose-link.ts';
import { RunPanel } from './run/run-panel.ts';
import { DEFAULT_POSE, type Pose } from './scene/pose.ts';
import { Stage } from './scene/stage.ts';
import { shortcutsOf, tabNames } from './shortcuts.ts';
import type { Store } from './store.ts';
import { fitSweep } from './sweep/fit-sweep.ts';
import { Sweeps } from './sweep/sweeps.ts';
import { FeaturesTab } from './tabs/features-tab.ts';
import { LiveRun } from './tabs/live-run.ts';
import { MatchesTab } from './tabs/matches-tab.ts';
import { savePoints } from './tabs/save-points.ts';
import { SceneTab } from './tabs/scene-tab.ts';
import { followPointer } from './tabs/stage-input.ts';
import { linkOf, type Tab } from './view-state.ts';
import { moveByArrows } from './widgets/arrows.ts';
import { savePicture } from './widgets/capture.ts';
import { button, PaneStatus } from './widgets/controls.ts';
import { showDetail } from './widgets/detail-note.ts';
import { byId, eachFrame, element } from './widgets/dom.ts';
import { listenForKeys, type Shortcut, showHelp } from './widgets/help.ts';
import { Legend } from './widgets/legend.ts';
import { watchConnection } from './widgets/lost-connection.ts';
import { PointCard } from './widgets/point-card.ts';
import { settingsToggle } from './widgets/settings-sheet.ts';
import { listenToSplitter } from './widgets/splitter.ts';
import { Timeline } from './widgets/timeline.ts';

/** The parts of the page that have something to show; what is wrong with data that cannot be opened is shown in the scene. */
export function offeredTabs({ offers, run }: Pick<SessionInfo, 'offers' | 'run'>): Tab[] {
  return [
    'scene',
    ...(offers.matches ? ['matches' as const] : []),
    ...(offers.features ? ['features' as const] : []),
    ...(run === undefined ? [] : ['run' as const]),
  ];
}

/** The page: its bar, its panes, and the part of it that is shown. */
export class Page {
  private readonly session: SessionInfo;
  private readonly store: Store;
  private readonly status: PaneStatus;
  private context: Context | undefined;
  private views: { readonly [Of in Exclude<Tab, 'run'>]?: TabView } = {};
  private matches: MatchesTab | undefined;
  /** The parts of the page that have something to show. */
  private readonly offered: readonly Tab[];
  private timeline: Timeline | undefined;
  private shown: TabView | undefined;
  private run: RunPanel | undefined;
  private readonly shortcuts: readonly Shortcut[];
  private saying: ReturnType<typeof setTimeout> | undefined;
  /** Matches are looked at from a place of their own. */
  private readonly poses = new Map<boolean, Pose>();

  constructor(session: SessionInfo, store: Store, status: PaneStatus) {
    this.session = session;
    this.store = store;
    this.status = status;
    this.offered = offeredTabs(session);
    this.shortcuts = shortcutsOf(store, this.offered, {
      play: () => this.timeline?.toggle(),
      step: (by) => this.timeline?.step(by),
      fit: () => {
        const { stage, frame } = this.context ?? {};
        if (stage !== undefined && frame !== undefined) fitSweep(stage, frame.parts.sweep, frame.sequence);
      },
      toggleTheme: () => this.toggleTheme(),
      help: () => showHelp(this.shortcuts),
    });
  }

  begin(): void {
    const { store, session } = this;
    byId('title').textContent = session.title;
    if (!this.offered.includes(store.state.tab)) this.toScene();
    this.buildBar();
    this.themeChanged();
    store.on(['theme'], () => this.themeChanged());
    this.openPanes();
    listenForKeys(this.shortcuts);
    store.on(['tab'], ({ tab, pose }, before) => {
      // A link that was pasted brings a place to look from with it.
      if (pose === before.pose) this.swapPose(before.tab === 'matches', tab === 'matches');
      else this.matches?.keepPose();
      this.showTab();
    });
    this.context?.frame.open();
    this.showTab();
    watchConnection({
      ping: async () => (await fetch(addressOf('session'))).json() as Promise<SessionInfo>,
      onBack: (now) => this.takeUp(now),
    });
  }

  /** A link led to a part of the page that has nothing to show. */
  private toScene(): void {
    this.say(`There is nothing to show for ${tabNames[this.store.state.tab]} here`);
    this.store.set({ tab: 'scene' });
  }

  /** The server is there again; where it shows something else by now, so does the page. */
  private takeUp(now: SessionInfo): void {
    const namesOf = ({ title, sequence }: SessionInfo) =>
      JSON.stringify([title, sequence?.frames.map(({ id }) => id)]);
    if (namesOf(now) !== namesOf(this.session)) {
      location.reload();
      return;
    }
    this.say('The viewer answers again');
    this.context?.frame.open();
  }

  /** Stage and picture, where there are frames. */
  private openPanes(): void {
    const { session, store, status } = this;
    const { sequence } = session;
    if (sequence === undefined) {
      byId('panes').classList.add('no-picture');
      status.problem(session.problem?.message ?? 'There are no frames');
      return;
    }
    let overlay: LinkOverlay | undefined;
    const graphics = new PaneStatus();
    byId('stage-pane').append(graphics.root);
    const stage: Stage = new Stage({
      canvas: byId<HTMLCanvasElement>('stage'),
      labels: byId('stage-labels'),
      onRender: () => overlay?.redraw(),
      onDetail: showDetail,
      onPoseChange: eachFrame(() => this.store.set({ pose: numbersOfPose(stage.pose) })),
      onContextLost: () =>
        graphics.problem(
          'The browser lost the graphics card. The points come back as soon as it has it again.',
        ),
      onContextRestored: () => {
        graphics.clear();
        this.say('The graphics card is back');
      },
    });
    if (!stage.draws) {
      byId('panes').classList.add('no-stage');
      graphics.problem(
        'The points cannot be drawn, for this browser has no WebGL 2 (is hardware acceleration off?). Pictures, labels and numbers are shown.',
      );
    }
    const picture = new PicturePane({
      canvas: byId<HTMLCanvasElement>('picture'),
      onHover: (pixel) => this.shown?.hoverPixel(pixel),
      onClick: (pixel) => this.shown?.clickPixel(pixel),
      onLayout: () => overlay?.redraw(),
    });
    overlay = new LinkOverlay(() => stage, picture);
    const say = (message: string) => this.say(message);
    const frame = new CurrentFrame(sequence, {
      store,
      sweeps: new Sweeps(),
      onMissing: (name) => say(`There is no frame ${name} here; the first one is shown`),
    });
    const card = new PointCard({ onClose: () => store.set({ point: undefined }) });
    const run = session.run && new LiveRun(session.run, runApi.own);
    const second = session.beside?.run;
    // A detector or classifier has no heads that make features of places.
    const other = second?.learns === 'encoders' ? new LiveRun(second, runApi.beside) : undefined;
    const legend = new Legend();
    const settled = () => this.timeline?.arrived();
    const parts = { session, run, store, frame, stage, picture, legend, card };
    this.context = { ...parts, stageStatus: status, settled, say };
    followAppearance(stage, store);
    followPicture(frame, picture, stage);
    this.timeline = new Timeline(frame, store, () => this.shown?.busy ?? false);
    if (session.offers.matches)
      this.matches = new MatchesTab(this.context, (links) => overlay.setLinks(links));
    if (store.state.pose.length > 0 && store.state.tab === 'matches') this.matches?.keepPose();
    followView(stage, { store, frame, say });
    this.views = {
      scene: new SceneTab(this.context),
      matches: this.matches,
      ...(run !== undefined &&
        session.offers.features && { features: new FeaturesTab(this.context, run, other) }),
    };
    followPointer(this.context, byId<HTMLCanvasElement>('stage'), () => this.shown);
    frame.on(['frame'], () => this.nameFrame());
    listenToSplitter();
  }

  private showTab(): void {
    const { tab } = this.store.state;
    if (!this.offered.includes(tab)) {
      this.toScene();
      return;
    }
    for (const each of [...byId('tabs').children] as HTMLElement[]) {
      const isChosen = each.dataset.tab === tab;
      each.setAttribute('aria-selected', String(isChosen));
      each.tabIndex = isChosen ? 0 : -1;
    }
    const main = byId('main');
    main.classList.toggle('run', tab === 'run');
    byId('run-pane').hidden = tab !== 'run';
    byId('timeline').hidden = tab === 'run';
    this.shown?.hide();
    this.shown = tab === 'run' ? undefined : this.views[tab];
    if (tab === 'run') this.showRun();
    else this.run?.hide();
    byId('side-body').replaceChildren(...(this.shown === undefined ? [] : [this.shown.panel]));
    this.shown?.show();
    this.context?.stage.requestRender();
  }

  /** Takes the eye to where it was when these parts of the page were last shown. */
  private swapPose(from: boolean, to: boolean): void {
    const { stage } = this.context ?? {};
    if (stage === undefined || from === to) return;
    this.poses.set(from, stage.pose);
    const pose = this.poses.get(to) ?? (to ? undefined : DEFAULT_POSE);
    if (pose === undefined) return;
    stage.pose = pose;
    this.store.set({ view: pose.view });
  }

  private showRun(): void {
    const { store, session } = this;
    const { beside } = session;
    const showFeatures = (step: number) => store.set({ tab: 'features', model: step });
    this.run ??= new RunPanel({
      root: byId('run-pane'),
      runs: [
        { title: session.title, api: runApi.own },
        ...(beside?.run === undefined ? [] : [{ title: beside.title, api: runApi.beside }]),
      ],
      onCheckpoint: this.offered.includes('features') ? showFeatures : undefined,
      theme: () => store.state.theme,
    });
    this.run.show();
  }

  private nameFrame(): void {
    const { frame } = this.context!;
    const { sets, notes } = frame.info;
    const { imageSet: learned, learns } = this.session.run ?? {};
    // Of a detector's frames the labels of a share only may have been used.
    const among = learns === 'encoders' ? 'training frame' : 'training set';
    const tags = [
      ...(learned === undefined || sets.length === 0
        ? []
        : [element('span', { class: 'tag' }, sets.includes(learned) ? among : 'held out')]),
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
    byId('tabs').hidden = this.offered.length < 2;
    byId('tabs').replaceChildren(
      ...this.offered.map((tab) =>
        element(
          'button',
          {
            type: 'button',
            role: 'tab',
            'data-tab': tab,
            'aria-controls': tab === 'run' ? 'run-pane' : 'panes',
            click: () => store.set({ tab }),
          },
          tabNames[tab],
        ),
      ),
    );
    moveByArrows(byId('tabs'));
    byId('tools').replaceChildren(
      settingsToggle(),
      button('Copy a link to what is on the screen', () => void this.copyLink(), { icon: 'link' }),
      button(
        'Save a picture',
        () => void this.savePicture().catch(() => this.say('The picture could not be made')),
        { icon: 'picture' },
      ),
      button('Save the shown points as PCD', () => this.savePoints(), { icon: 'save' }),
      button('Dark or light', () => this.toggleTheme(), { icon: 'theme' }),
      button('Keys and pointer', () => showHelp(this.shortcuts), { icon: 'help' }),
    );
  }

  private async copyLink(): Promise<void> {
    const link = `${location.href.replace(/#.*$/, '')}#${linkOf(this.store.state)}`;
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

  private savePoints(): void {
    if (this.context === undefined || this.store.state.tab !== 'scene') {
      this.say('Points are saved from the scene');
      return;
    }
    void savePoints(this.context);
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
    clearTimeout(this.saying);
    this.saying = setTimeout(() => {
      toast.hidden = true;
    }, 2600);
  }
}
