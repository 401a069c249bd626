import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take long for their size, by which files are ordered where it is not known how long they take. */
const long = ['same-bits.test.ts', 'same-bits-images.test.ts'];

/** Begins with what takes longest, so that no process works on it alone at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const ordered = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => long.some((name) => moduleId.endsWith(`/${name}`));
    return [...ordered.filter(isLong), ...ordered.filter((file) => !isLong(file))];
  }
}
