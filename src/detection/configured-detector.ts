import { type SourceReference, sourceBeside } from '../datasets/loader-source.ts';
import type { DetectionData } from './detector.ts';

/** How every detector begins: a configuration, a batch size, and a source of samples in a module that is named after it. */
export abstract class ConfiguredDetector<Config> {
  abstract readonly name: string;
  readonly config: Config;
  readonly batchSize: number;

  constructor(config: Config, batchSize: number) {
    this.config = config;
    this.batchSize = batchSize;
  }

  /** `<name>Source` of `<name>-source`, beside the detectors. */
  source(data: DetectionData): SourceReference {
    const { name, config } = this;
    const options = { data, config };
    return sourceBeside(import.meta.url, { name: `${name}-source`, export: `${name}Source`, options });
  }
}
