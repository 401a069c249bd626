import { scenarios } from './webgpu-scenarios.ts';

// A process that sees the software Vulkan driver from its beginning: it runs the scenarios that it is sent, for a test to compare.
process.on('message', async ([name, folder]: [keyof typeof scenarios, string]) => {
  process.send!(await scenarios[name]('webgpu', folder));
});
