import type { Readable } from 'node:stream';
import { FirstlightError, type FloatType, open } from '../../engine/index.ts';
import { shown } from '../../engine/shown.ts';
import { tuned } from '../../kernels/tuned.ts';
import { openCheckpoint } from '../../model/checkpoint/folder.node.ts';
import type { SystemName } from '../../model/systems/config.ts';
import type { Wording } from '../../model/templates.ts';
import { videosIn } from '../features/clips.ts';
import { digits, percent } from '../log/table.ts';
import { type Answer, answerOf, escapedJson, refusalOf, tableOf } from '../prediction/answer.ts';
import { answerClips, type Pace, type Told } from '../prediction/answering.ts';
import { filesOf, linesOf, listed } from '../prediction/incoming.ts';
import { Candidates } from '../protocols/candidates.ts';
import { defaultBudget } from '../run/machine.ts';
import { modelFolderOf } from '../run/model_folder.ts';
import { StopRequest } from '../run/stop.ts';
import { openSystem } from '../run/system.ts';

/** Where the paths of clips come from: a list; or, as long as they come, lines of a stream or files of a folder. */
export type Source = { readonly files: readonly string[] } | { readonly lines: Readable } | {
  readonly watched: string;
};

export interface PredictOptions {
  /** Files, and folders whose videos are meant; or what is served, with a line of JSON for each clip. */
  readonly source: Source;
  /** Names to choose from; a system with a head knows its own if omitted. */
  readonly labels: readonly string[] | undefined;
  readonly checkpoint: string;
  /** Another system than the checkpoint's, which takes of its weights what it has. */
  readonly system?: SystemName;
  readonly precision: FloatType;
  readonly wording: Wording;
  /** Names printed for each file. */
  readonly top: number;
  /** Of a list: one array, at the end. */
  readonly json?: boolean;
}

/** Exit status when a file could not be read. */
const DATA_ERROR = 3;
/** Errors that concern one file: others may be answered all the same. */
const OF_A_FILE = /^FL_(VIDEO|PATH|PNG|FRAME|OOM|LIMIT)/;
/** And, where a model is served, numbers that overflow for one file. */
const OF_A_SERVED_FILE = /^FL_(VIDEO|PATH|PNG|FRAME|OOM|LIMIT|NON_FINITE)/;

/**
 * Ranks labels for each file. A file that cannot be read is reported, the others are still answered. Returns the exit
 * status: 0 if nobody reads the answers any more.
 *
 * @throws InterruptedError
 */
export async function predict(
  { source, labels: asked, checkpoint, system: taken, precision, wording, top, json = false }: PredictOptions,
): Promise<number> {
  using stop = new StopRequest();
  const leave = () => stop.ask(0);
  process.stdout.once('error', leave);
  try {
    const files = 'files' in source ? source.files.flatMap(videosIn) : undefined;
    const paths = pathsOf(source, files ?? [], stop);
    const folder = modelFolderOf(checkpoint);
    const labels = asked ?? await classesOf(folder);
    await using gpu = await open({ tuning: tuned, budget: defaultBudget });
    gpu.requireType(precision);
    const system = await openSystem(gpu, folder, { precision, system: taken });
    using _model = system.model;
    using candidates = new Candidates(gpu, system, labels, wording);
    const telling = new Telling({ labels, top, isServed: files === undefined, isJson: json });
    const pace = await answerClips(paths, { gpu, system, candidates, stop, clips: files?.length ?? Infinity,
      ofAClip: files === undefined ? OF_A_SERVED_FILE : OF_A_FILE, tell: (told) => telling.tell(told) });
    if (stop.code === 0) return 0;
    stop.throwIfRequested('the prediction');
    telling.end();
    if (pace.clips > 0) console.error(`firstlight: ${paceText(pace)}`);
    return telling.failed > 0 ? DATA_ERROR : 0;
  } finally {
    stop.ask(1); // after an error, too, nothing more is taken in
    process.stdout.off('error', leave);
  }
}

/** @param files those of a list */
function pathsOf(source: Source, files: readonly string[], stop: StopRequest): AsyncIterable<string> {
  if ('lines' in source) return linesOf(source.lines, stop);
  return 'watched' in source ? filesOf(source.watched, stop) : listed(files, stop);
}

/** The classes of a checkpoint with a head: what it chooses from where nobody says. */
async function classesOf(path: string): Promise<readonly string[]> {
  const checkpoint = await openCheckpoint(path);
  await checkpoint.close();
  if ('classes' in checkpoint.config) return checkpoint.config.classes;
  throw new FirstlightError('FL_USAGE', '--labels is missing', {}, 'for example --labels "juggling, surfing"');
}

interface TellingOptions {
  readonly labels: readonly string[];
  readonly top: number;
  /** A line of JSON for each clip, whatever became of it. */
  readonly isServed: boolean;
  /** One array at the end, and errors on stderr. */
  readonly isJson: boolean;
}

/** Prints what becomes of clips. */
export class Telling {
  readonly #options: TellingOptions;
  readonly #answers: Answer[] = [];
  failed = 0;

  constructor(options: TellingOptions) {
    this.#options = options;
  }

  tell({ path, result }: Told): void {
    const { labels, top, isServed, isJson } = this.#options;
    if (result instanceof FirstlightError) {
      this.failed++;
      if (isServed) return console.log(escapedJson(refusalOf(path, result)));
      const name = result.message.includes(shown(path)) ? '' : `${shown(path)}: `;
      return console.error(
        `firstlight: ${name}${result.message}${result.hint === undefined ? '' : `\n  ${result.hint}`}`,
      );
    }
    const answer = answerOf(path, result, labels, top);
    if (isServed) console.log(escapedJson(answer));
    else if (isJson) this.#answers.push(answer);
    else console.log(tableOf(answer));
  }

  end(): void {
    if (this.#options.isJson && !this.#options.isServed) console.log(escapedJson(this.#answers, 2));
  }
}

/** Share of the time in which the GPU waits for clips from which on these are what limits. */
const LIMITING = 0.1;

/** How fast it went, and what limited it. */
export function paceText({ clips, seconds, idle, threads }: Pace): string {
  const limit = idle / seconds < LIMITING
    ? 'the model limits, for clips are decoded before it asks for them'
    : `decoding limits, in ${threads <= 1 ? 'one thread' : `${threads} threads`}: the model waits for clips ${
      percent(idle / seconds)
    } of the time`;
  return `${digits(clips / seconds)} clips/s; ${limit}`;
}
