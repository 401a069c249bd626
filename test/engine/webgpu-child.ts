import { scenarios } from './webgpu-scenarios.ts';

// A process that sees the software Vulkan driver from its beginning, for a test to compare with.
const [name, folder] = process.argv.slice(2);
const result = await scenarios[name as keyof typeof scenarios]('webgpu', folder);
process.send!(result, () => process.disconnect());
