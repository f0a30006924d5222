import type { AdapterInfo } from '../software.mjs';

/** Environment variables to start a process with; undefined removes one. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type AdapterKind = 'hardware' | 'installed' | 'lavapipe' | 'swiftshader';

/** An adapter that Dawn accepts. */
export interface FoundAdapter {
  readonly kind: AdapterKind;
  readonly environment: Environment;
  /** Files of libraries that a process already running must load itself. */
  readonly preload: readonly string[];
  readonly info: AdapterInfo & { readonly features: readonly string[] };
  /** What was not to be had, and why: `name: reason`. */
  readonly tried: readonly string[];
  /** One line for people. */
  readonly line: string;
}

/** No adapter could be had. */
export class NothingFound extends Error {
  readonly tried: readonly string[];
}

export const ADAPTERS: readonly ('auto' | AdapterKind)[];

/** `wanted` defaults to FIRSTLIGHT_ADAPTER, `again` looks anew instead of remembering. */
export function findAdapter(options?: { say?: (line: string) => void; again?: boolean; wanted?: 'auto' | AdapterKind }): Promise<FoundAdapter>;
