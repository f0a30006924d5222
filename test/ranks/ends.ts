/** Ranks that are killed at each stage, and other ends: statuses, seconds, and the bits after the next start. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FoundMpi } from '../../engine/setup/mpi.mjs';
import { markdownTable } from '../../train/log/table.ts';
import type { TrainConfig } from '../../train/run/config_keys.ts';
import { STORE_FOLDER } from '../../train/run/fit.ts';
import { type Death, STAGES } from './deaths.ts';
import { TwoHosts } from './hosts.ts';
import { firstSaid, type Found, hashOf, type Laboratory, type StartOptions, STOPPED } from './laboratory.ts';

/** Seconds in which the death of one must be that of all. */
const MOST_SECONDS = 10;
/** Of `run.collectiveMinutes`, in seconds. */
const PATIENCE = 6;

/** A training that is measured at its end, so that there is an evaluation to die in. */
const measured = ({ config }: Laboratory): TrainConfig => ({ ...config,
  data: { ...config.data, val: config.data.train }, run: { ...config.run, evaluateEveryEpochs: null } });

/** The same whose ranks wait for one another for seconds. */
const impatient = (lab: Laboratory): TrainConfig => {
  const config = measured(lab);
  return { ...config, run: { ...config.run, collectiveMinutes: PATIENCE / 60 } };
};

/** Starts two ranks, one of which meets its fate. */
function die(lab: Laboratory, out: string, config: TrainConfig, death: Omit<Death, 'file'>, options?: StartOptions) {
  const file = `${out}.death`;
  const ended = lab.start(2, [{ config, out, death: { ...death, file } }], options);
  const seconds = existsSync(file) ? (Date.now() - Number(readFileSync(file, 'utf8'))) / 1000 : Number.NaN;
  return { ...ended, seconds };
}

/** Starts two ranks again, as a loop around a launcher does. Returns whether each run has the bits of a quiet one. */
function goOn(lab: Laboratory, outs: readonly string[], options?: StartOptions): readonly boolean[] {
  const config = measured(lab);
  const jobs = outs.map((out) => ({ config, out, resume: existsSync(join(out, STORE_FOLDER)) }));
  const { status } = lab.start(2, jobs, options);
  return outs.map((out) => status === 0 && hashOf(out) === quietOf(lab));
}

/** Of a run that nothing befalls, on one rank. */
function quietOf(lab: Laboratory): string {
  const out = lab.at('quiet');
  if (!existsSync(out)) lab.run(1, [{ config: measured(lab), out }]);
  return hashOf(out);
}

const bits = (isSame: boolean) => (isSame ? 'the same' : 'others');

/** A rank is killed at each stage. Rank 0 alone saves. */
export function kills(lab: Laboratory): Found {
  const deaths = STAGES.map((stage) => {
    const [out, rank] = [lab.at(`killed in ${stage}`), stage === 'saving' ? 0 : 1];
    const { status, seconds } = die(lab, out, measured(lab), { rank, stage, fate: 'kill' });
    return { stage, out, rank, status, seconds };
  });
  const same = goOn(lab, deaths.map(({ out }) => out));
  const rows = deaths.map(({ stage, rank, status, seconds },
    i) => [stage, String(rank), String(status), seconds.toFixed(1), bits(same[i])]
  );
  return { title: `Kills, ${lab.name}`,
    failed: deaths.filter(({ status, seconds }, i) => !same[i] || status === 0 || !(seconds < MOST_SECONDS)).length,
    table: markdownTable(['killed in', 'rank', 'status', 'seconds to the end of all', 'bits after the next start'],
      rows) };
}

interface End {
  readonly what: string;
  readonly status: number | null;
  readonly seconds?: number;
  readonly said: string;
  /** Undefined where nothing was begun. */
  readonly isSame?: boolean;
  readonly isRight: boolean;
}

const endsTable = (ends: readonly End[]) =>
  markdownTable(['what', 'status', 'seconds', 'what was said', 'bits after the next start'],
    ends.map(({ what, status, seconds, said, isSame }) => [
      what,
      status === null ? 'mpirun stayed' : String(status),
      status === null ? '–' : (seconds?.toFixed(1) ?? '–'),
      said.replace(/(rank \d (?:of \d )?on) \S+:/, '$1 HOST:'),
      isSame === undefined ? '–' : bits(isSame),
    ]));

/** @param other the family whose library is taken for that of the launcher; undefined: there is none */
export function ends(lab: Laboratory, other: FoundMpi | undefined): Found {
  const begun = [frozen(lab), asked(lab)];
  const same = goOn(lab, begun.map(({ out }) => out));
  const all: readonly End[] = [
    ...begun.map(({ end }, i) => ({ ...end, isSame: same[i], isRight: end.isRight && same[i] })),
    configured(lab),
    ...(other === undefined ? [] : [wrongLibrary(lab, other)]),
  ];
  return { title: `Other ends, ${lab.name}`, table: endsTable(all),
    failed: all.filter(({ isRight }) => !isRight).length };
}

/** A run that was begun, and how it ended. */
interface Begun {
  readonly out: string;
  readonly end: End;
}

function frozen(lab: Laboratory): Begun {
  const out = lab.at('frozen');
  const { status, seconds, stderr } = die(lab, out, impatient(lab), { rank: 1, stage: 'exchange', fate: 'freeze' });
  return { out,
    end: { what: `SIGSTOP, with ${PATIENCE} s of patience`, status, seconds, said: firstSaid(stderr),
      isRight: status !== 0 && seconds < PATIENCE + MOST_SECONDS && /step 2/.test(stderr) } };
}

function asked(lab: Laboratory): Begun {
  const out = lab.at('asked');
  const { status, seconds, stdout } = die(lab, out, measured(lab), { rank: 1, stage: 'backward', fate: 'ask' });
  const said = /^stopped after step.*$/m.exec(stdout)?.[0] ?? '';
  return { out,
    end: { what: 'SIGUSR1 to the launcher', status, seconds, said, isRight: status === STOPPED && said !== '' } };
}

function configured(lab: Laboratory): End {
  const { status, stderr } = lab.start(2, [{ config: lab.config, out: lab.at('other'), ofLast: { steps: 4 } }]);
  return { what: 'another configuration on one rank', status, said: firstSaid(stderr),
    isRight: status === 1 && /train\.steps is 4, on rank 0 it is 3/.test(stderr) };
}

function wrongLibrary(lab: Laboratory, other: FoundMpi): End {
  const { LD_LIBRARY_PATH = '' } = other.environment;
  const options = lab.family === 'openmpi'
    ? ['-x', `LD_LIBRARY_PATH=${LD_LIBRARY_PATH}`]
    : ['-genv', 'LD_LIBRARY_PATH', LD_LIBRARY_PATH];
  const { status, stderr } = lab.start(2, [{ config: lab.config, out: lab.at('wrong') }], {
    place: { before: [], options, seconds: 60 },
  });
  const said = /(\S+ ?\S* started this process .* takes it for .*)/.exec(stderr)?.[1] ?? firstSaid(stderr);
  return { what: 'the library of another launcher', status, said,
    isRight: status !== 0 && /takes it for rank 0 of 1/.test(stderr) };
}

/** Open MPI's launcher asks the daemon of another host whether it is there: seconds, seconds between, times. */
const KEEPALIVE = { time: 5, intvl: 2, probes: 2 };
const keepalive = Object.entries(KEEPALIVE).flatMap(([name, value]) => [
  '--mca',
  `oob_tcp_keepalive_${name}`,
  String(value),
]);

/** Two ranks on two hosts, whose line goes down in the end: ranks notice it, or their launcher does. */
export async function twoHosts(lab: Laboratory): Promise<Found> {
  const out = lab.at('two hosts');
  const isSame = await onTwoHosts(lab, (hosts) => goOn(lab, [out], { place: hosts.both })[0]);
  const all: readonly End[] = [
    { what: 'two hosts, a rank on each', status: 0, said: '', isSame, isRight: isSame },
    await unplugged(lab, `their line goes down, with ${PATIENCE} s of patience`, impatient(lab), []),
    await unplugged(lab, `the same with ten minutes, and ${KEEPALIVE.time} s of the launcher's`, measured(lab),
      keepalive),
  ];
  return { title: `Two hosts, ${lab.name}`, table: endsTable(all),
    failed: all.filter(({ isRight }) => !isRight).length };
}

async function onTwoHosts<T>(lab: Laboratory, work: (hosts: TwoHosts) => T): Promise<T> {
  using hosts = await TwoHosts.open(lab.folder);
  return work(hosts);
}

/** @param options of the launcher */
const unplugged = (lab: Laboratory, what: string, config: TrainConfig, options: readonly string[]) =>
  onTwoHosts(lab, ({ both, first }): End => {
    const out = lab.at(what);
    const { status, seconds, stderr } = die(lab, out, config, { rank: 1, stage: 'exchange', fate: 'unplug' }, {
      place: { ...both, options: [...both.options, ...options] },
    });
    const [isSame] = goOn(lab, [out], { place: first });
    return { what, status, seconds, said: firstSaid(stderr), isSame, isRight: isSame && status !== 0 };
  });
