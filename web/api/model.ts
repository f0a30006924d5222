/** What can be imported and what its comments say, as API Extractor reads it from the types of the package. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel,
  type ExtractorResult } from '@microsoft/api-extractor';
import { EXPORTS, roomNames } from '../../package/exports.ts';
import { buildTypes } from '../../package/types.ts';

/** A piece of a signature: text, or a name that is declared somewhere. */
export interface Token {
  readonly kind: 'Content' | 'Reference';
  readonly text: string;
  readonly canonicalReference?: string;
}

/** What is exported, or a member of it. */
export interface Item {
  readonly kind: string;
  /** Constructors have none. */
  readonly name?: string;
  readonly docComment?: string;
  readonly excerptTokens: readonly Token[];
  /** Its types, as a path from the root of the package. */
  readonly fileUrlPath?: string;
  readonly members?: readonly Item[];
}

/** Something to import from, and all that it exports. */
export interface Entry {
  /** What a program writes: firstlight/model. */
  readonly specifier: string;
  /** The source, as a path from the root. */
  readonly source: string;
  readonly items: readonly Item[];
}

/** Entries that have a page: not those of data alone, and of a room's cases. */
function entryPoints(): { readonly specifier: string; readonly path: string }[] {
  const of = (key: keyof typeof EXPORTS) => ({ specifier: key.replace('.', 'firstlight'),
    path: EXPORTS[key] as string });
  const room = of('./kernels/*');
  return [of('.'), of('./kernels'),
    ...roomNames().map((name) => ({ specifier: room.specifier.replace('*', name),
      path: room.path.replace('*', name) })
    ), of('./model'), of('./train')];
}

/** Reads the types of all entries in one go. @throws where they cannot be read, with what the compiler says */
export function apiEntries(): Entry[] {
  const folder = mkdtempSync(join(tmpdir(), 'firstlight-api-'));
  try {
    buildTypes(folder);
    writeFileSync(join(folder, 'package.json'),
      JSON.stringify({ name: 'firstlight', version: '0.0.0', type: 'module' }));
    const points = entryPoints();
    const typesOf = (path: string) => join(folder, `${path}.d.ts`);
    const configs = points.map(({ path }) => configOf(folder, typesOf(path), join(folder, 'api', `${path}.json`)));
    const compilerState = CompilerState.create(configs[0], {
      additionalEntryPoints: points.map(({ path }) => typesOf(path)),
    });
    return points.map(({ specifier, path }, i) => {
      mkdirSync(dirname(configs[i].apiJsonFilePath), { recursive: true });
      check(path, Extractor.invoke(configs[i], { localBuild: true, compilerState, messageCallback: (message) => {
        message.handled = message.logLevel !== ExtractorLogLevel.Error;
      } }));
      const json = JSON.parse(readFileSync(configs[i].apiJsonFilePath, 'utf8')) as { members: [{ members: Item[] }] };
      return { specifier, source: `${path}.ts`, items: json.members[0].members };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function check(path: string, { succeeded, errorCount }: ExtractorResult): void {
  if (!succeeded) throw new Error(`API Extractor cannot read the types of ${path}.ts: ${errorCount} errors`);
}

/** Its settings: a model of the comments, and none of its reports. */
function configOf(folder: string, types: string, json: string): ExtractorConfig {
  const silent = { default: { logLevel: ExtractorLogLevel.None } };
  return ExtractorConfig.prepare({
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: types,
      newlineKind: 'lf',
      apiReport: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      docModel: { enabled: true, apiJsonFilePath: json },
      compiler: {
        overrideTsconfig: { files: [types],
          compilerOptions: { target: 'es2022', module: 'nodenext',
            lib: ['es2023', 'esnext.disposable', 'dom', 'dom.iterable'], types: [], strict: true, skipLibCheck: true,
            noEmit: true } },
      },
      messages: { extractorMessageReporting: silent, tsdocMessageReporting: silent,
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } } },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(folder, 'package.json'),
  });
}
