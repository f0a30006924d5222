#!/usr/bin/env node
// The installed command: prepares packages and adapter, then runs the command line.
import { fileURLToPath } from 'node:url';

process.argv.splice(2, 0, fileURLToPath(new URL('./process.ts', import.meta.url)));
await import('../../engine/setup/run.mjs');
