import { SingleBar } from 'cli-progress';
import { printable } from '../../engine/shown.ts';

/** Moments that the speed is averaged over: many enough to be calm, few enough to follow a machine that slows down. */
const WINDOW = 50;
/** What is told within so short a time came from one readback of several steps: one moment, with the last of them. */
const SAME_MOMENT_SECONDS = 0.02;

export interface ProgressOptions {
  /** Print nothing. */
  readonly quiet?: boolean;
  /** Default: stderr, so that what a command prints on stdout stays clean. */
  readonly stream?: NodeJS.WriteStream;
  /** Time between two lines where no terminal is, default 5. */
  readonly secondsPerLine?: number;
  /** Seconds from some start. */
  readonly now?: () => number;
}

/** What is known at a step; what is omitted is not shown. */
export interface Reading {
  readonly loss?: number;
  readonly lr?: number;
}

/** Shows how far a stage is: a bar in a terminal, a line every few seconds elsewhere. */
export class Progress {
  readonly #quiet: boolean;
  readonly #stream: NodeJS.WriteStream;
  readonly #secondsPerLine: number;
  readonly #now: () => number;
  #stage = '';
  #total = 0;
  #bar: SingleBar | undefined;
  #window: { seconds: number; done: number; clips: number }[] = [];
  #lastLine = { seconds: 0, text: '' };
  #text = '';

  constructor(
    { quiet = false, stream = process.stderr, secondsPerLine = 5, now = () => performance.now() / 1000 }:
      ProgressOptions = {},
  ) {
    this.#quiet = quiet;
    this.#stream = stream;
    this.#secondsPerLine = secondsPerLine;
    this.#now = now;
  }

  /** Begins a stage of `total` steps, of which `done` were done before (by the run that is resumed). */
  start(stage: string, total: number, done = 0): void {
    this.stop();
    this.#stage = stage;
    this.#total = total;
    this.#window = [];
    this.#lastLine = { seconds: this.#now(), text: '' };
    if (this.#quiet || this.#stream.isTTY !== true) return;
    this.#bar = new SingleBar({
      stream: this.#stream,
      format: `${stage.padEnd(12)} {bar} {text}`,
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      fps: 5,
      linewrap: true, // cut at the terminal's edge instead of running over several lines
      gracefulExit: false, // Ctrl-C belongs to the training loop, which saves before it leaves
    });
    this.#bar.start(total, done, { text: '' });
  }

  /** @param done steps done  @param clips clips seen since the stage began, in this process */
  update(done: number, clips: number, reading: Reading): void {
    const moment = { seconds: this.#now(), done, clips };
    const last = this.#window.at(-1);
    if (last !== undefined && moment.seconds - last.seconds < SAME_MOMENT_SECONDS) {
      this.#window[this.#window.length - 1] = { ...moment, seconds: last.seconds };
    } else this.#window.push(moment);
    if (this.#window.length > WINDOW) this.#window.shift();
    this.#text = this.#describe(done, reading);
    if (this.#bar !== undefined) this.#bar.update(done, { text: this.#text });
    else if (this.#now() - this.#lastLine.seconds >= this.#secondsPerLine) this.#line();
  }

  /** Shows what is done before the first step, in its place. */
  prepare(text: string): void {
    this.#text = text;
    if (this.#bar !== undefined) this.#bar.update({ text });
    else if (this.#now() - this.#lastLine.seconds >= this.#secondsPerLine) this.#line();
  }

  /** Prints a line that stays, above the bar. */
  message(text: string): void {
    if (this.#quiet) return;
    const erase = this.#bar === undefined ? '' : '\r\u001b[K';
    this.#stream.write(`${erase}${printable(text)}\n`);
    this.#bar?.render();
  }

  /** Ends the stage and leaves its last state standing. */
  stop(): void {
    if (this.#bar !== undefined) {
      this.#bar.stop();
      this.#bar = undefined;
    } else if (this.#text !== '' && this.#text !== this.#lastLine.text) {
      this.#line();
    }
    this.#text = '';
  }

  /** How many programs are compiled. */
  readonly compiling = (done: number, total: number): void => this.prepare(`compiling ${done} of ${total}`);

  #line(): void {
    if (!this.#quiet) this.#stream.write(`${this.#stage}: ${this.#text}\n`);
    this.#lastLine = { seconds: this.#now(), text: this.#text };
  }

  #describe(done: number, { loss, lr }: Reading): string {
    const parts = [`${done}/${this.#total}`, `${Math.floor((100 * done) / this.#total)} %`];
    if (loss !== undefined) parts.push(`loss ${loss.toFixed(3)}`);
    if (lr !== undefined) parts.push(`lr ${lr === 0 ? '0' : lr.toExponential(1)}`);
    const speed = this.#speed();
    if (speed !== undefined && speed.clips > 0) parts.push(rate(speed.clips));
    if (done >= this.#total) parts.push('done');
    else if (speed !== undefined) parts.push(`${duration((this.#total - done) / speed.steps)} left`);
    return parts.join('  ');
  }

  /**
   * Steps and clips in a second. What came before the first moment counts for nothing: the first steps compile and fill
   * caches. The last moment may be told in part. So nothing is known before the third.
   */
  #speed(): { steps: number; clips: number } | undefined {
    const [first, last] = [this.#window[0], this.#window.at(-2)];
    if (last === undefined || last === first) return undefined;
    const seconds = last.seconds - first.seconds;
    return { steps: (last.done - first.done) / seconds, clips: (last.clips - first.clips) / seconds };
  }
}

/** A number that can be followed: of a minute where a second has less than one. */
function rate(perSecond: number): string {
  if (perSecond < 1) return `${(60 * perSecond).toFixed(1)} clips/min`;
  return `${perSecond >= 100 ? perSecond.toFixed(0) : perSecond.toFixed(1)} clips/s`;
}

/** 75 → "1:15", 3700 → "1:01:40". */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** 75 → "about 2 minutes", 7200 → "about 2 hours". */
export function roughly(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  if (minutes > 90) return `about ${Math.round(minutes / 60)} hours`;
  return minutes === 1 ? 'about a minute' : `about ${minutes} minutes`;
}
