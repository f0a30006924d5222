/** `firstlight macs`: the paper's column of FLOPs beside what the kernels of this version count. */
import { type Gpu, open } from '../../engine/index.ts';
import { configFor, isNetworkName, type ModelConfig, networkFor, PRESETS, type SystemName,
  textConfigOf } from '../../model/systems/config.ts';
import { markdownTable } from '../log/table.ts';
import { SYSTEM } from '../../model/systems/title.ts';
import { forwardMacs, messageAnswerMacs } from '../run/macs.ts';

/**
 * A system, the frames that it is given, and what is printed: of X-CLIP and its kin in tables 1 and 2 of the
 * supplement, of other networks where their weights are published, in MMAction2.
 */
interface Row {
  readonly system: SystemName;
  readonly preset: string;
  readonly frames: number;
  /** Billions, as printed; undefined: nowhere. */
  readonly printed?: number;
  readonly note?: string;
}

const ROWS: readonly Row[] = [
  { system: 'xclip', preset: 'B/32', frames: 8, printed: 39 },
  { system: 'xclip', preset: 'B/32', frames: 16, printed: 75 },
  { system: 'xclip', preset: 'B/16', frames: 8, printed: 145 },
  { system: 'xclip', preset: 'B/16', frames: 16, printed: 287 },
  { system: 'xclip', preset: 'B/16', frames: 32, printed: 571 },
  { system: 'xclip', preset: 'L/14', frames: 8, printed: 658 },
  { system: 'xclip', preset: 'L/14@336', frames: 16, printed: 3086 },
  { system: 'clip-joint', preset: 'B/16', frames: 8, printed: 184 },
  { system: 'clip-one', preset: 'B/16', frames: 1, printed: 14,
    note: 'the printed number is that of no count we know: the vision tower alone takes 17.6' },
  { system: 'clip-mean', preset: 'B/16', frames: 8 },
  { system: 'vit', preset: 'B/32', frames: 8 },
  { system: 'vit-mean', preset: 'B/32', frames: 8 },
  { system: 'timesformer', preset: 'B/16', frames: 8, printed: 196 },
  { system: 'timesformer-joint', preset: 'B/16', frames: 8, printed: 180 },
  { system: 'timesformer-space', preset: 'B/16', frames: 8, printed: 141 },
  { system: 'tsm', preset: 'R50', frames: 8, printed: 32.9 },
  { system: 'video-swin', preset: 'B', frames: 32, printed: 282 },
  { system: 'videomae', preset: 'B/16', frames: 16, printed: 180 },
  { system: 'coswin', preset: 'H', frames: 1 },
  { system: 'x-florence', preset: 'H', frames: 32, printed: 2822 },
  { system: 'x-florence', preset: 'H@384', frames: 8, printed: 2114 },
];

/** Tokens of a name of a class with its start and its end, about the longest that Kinetics-400 has. */
const CUT = 10;
const billions = (macs: number) => (macs / 1e9).toFixed(macs < 1e11 ? 1 : 0);

/** What a row comes to. */
export interface Counted extends Row {
  /** With one text of 77 tokens, and answers of messages, which nobody reads: as the paper counts. */
  readonly padded: number;
  /** As it runs: with one text that is cut behind its end. */
  readonly cut: number;
}

/** Prints the table. Nothing is run, and no memory is taken on the GPU. Returns the exit status. */
export async function macs({ json }: { readonly json: boolean }): Promise<number> {
  await using gpu = await open();
  const rows = countAll(gpu);
  console.log(json ? JSON.stringify(rows, null, 2) : textOf(rows));
  return 0;
}

/** All rows, counted. */
function countAll(gpu: Gpu): Counted[] {
  return ROWS.map((row) => {
    const config = configOf(row);
    return { ...row, padded: forwardMacs(gpu, config) + messageAnswerMacs(config),
      cut: textConfigOf(config) === undefined ? forwardMacs(gpu, config) : forwardMacs(gpu, config, CUT) };
  });
}

function configOf({ system, preset, frames }: Row): ModelConfig {
  const classes = ['a class'];
  return isNetworkName(system)
    ? networkFor(system, preset, { frames, imageSize: preset === 'H@384' ? 384 : 224, classes })
    : configFor(system, { ...PRESETS[preset as keyof typeof PRESETS], frames }, { classes });
}

/** The table, and what is to be said of its rows. */
export function textOf(rows: readonly Counted[]): string {
  const table = markdownTable(['system', 'frames', 'paper', 'as the paper counts', 'as it runs'], rows.map((
    { system, preset, frames, printed, padded, cut },
  ) => [`${SYSTEM[system]}-${preset}`, String(frames), printed === undefined ? '' : String(printed), billions(padded),
    billions(cut)]
  ));
  const notes = rows.flatMap(({ system, preset, note }) =>
    note === undefined ? [] : [`${SYSTEM[system]}-${preset}: ${note}`]
  );
  return ['Billions of multiply-adds for one clip and one text, forward; the paper calls them FLOPs. It pads a text to',
    `77 tokens; here it is cut behind its end, which is token ${CUT} in this table.`, '', table, '', ...notes].join(
      '\n',
    );
}
