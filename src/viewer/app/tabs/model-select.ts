import type { Store } from '../store.ts';
import { Select } from '../widgets/controls.ts';
import type { LiveRun } from './live-run.ts';
import { modelChoices } from './models.ts';

/** A list of a run's models. */
export function modelSelect(store: Store, run: LiveRun): Select {
  const made = new Select({
    name: 'model',
    label: 'Model',
    current: () => String(store.state.model),
    onChange: (value) =>
      store.set({ model: value === 'latest' || value === 'before' ? value : Number(value) }),
  });
  const follow = () => {
    made.setChoices(modelChoices(run.info, store.state.model));
    made.follow();
  };
  follow();
  run.onChange(follow);
  store.on(['model'], follow);
  return made;
}
