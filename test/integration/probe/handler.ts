import { probeHandler } from './probe-handler.ts';

export const handler = probeHandler('first');
