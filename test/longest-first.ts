import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take long for their size, by which files are ordered where it is not known how long they take. */
const long = ['same-bits.test.ts', 'same-bits-images.test.ts'];
/** So many others begin between two of them: they have threads enough for all cores, and are slow beside one another. */
const apart = 30;

/** Begins what takes longest early, so that no process works on it alone at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const ordered = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => long.some((name) => moduleId.endsWith(`/${name}`));
    const others = ordered.filter((file) => !isLong(file));
    ordered.filter(isLong).forEach((file, i) => {
      others.splice(i * apart, 0, file);
    });
    return others;
  }
}
