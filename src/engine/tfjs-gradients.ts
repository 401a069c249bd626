import { env } from '@tensorflow/tfjs-core';
// tfjs's entry for Node comes without the gradients of its operations, and Node cannot resolve the imports of the
// folder that holds them. `npm run build:gradients` bundles that folder; this registers them with tfjs.
import '#tfjs-gradients';

// The cpu backend would otherwise advise, at its first use, to install another one.
env().set('PROD', true);
