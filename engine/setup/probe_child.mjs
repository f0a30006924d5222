/**
 * Asks Dawn for an adapter and prints what it is, as JSON; `null` if there is none. A process of its own: a bad driver
 * may crash.
 */
import { create } from 'webgpu';

const gpu = create([]);
globalThis.pinned = gpu; // Dawn dies when this is collected
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
const { vendor, architecture, device, description, isFallbackAdapter } = adapter?.info ?? {};
process.stdout.write(
  `${
    JSON.stringify(adapter === null
      ? null
      : { vendor, architecture, device, description, isFallbackAdapter, features: [...adapter.features] })
  }\n`,
  () => process.exit(0),
);
