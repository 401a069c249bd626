import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The variable that names a folder for what test files share; it is there as long as the tests run. */
export const SHARED_FOLDER = 'POINTPAIR_TEST_FOLDER';

/** Before the tests: makes that folder; it is removed after them. */
export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'pointpair-shared-'));
  process.env[SHARED_FOLDER] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
