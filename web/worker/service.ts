/** What the worker does for each request. It needs no worker: tests call it in Node. */
import { FEATURE_USES, FirstlightError, type Gpu, LIMIT_USES } from '../../engine/index.ts';
import { type CheckedRun, checkRoom, isRight } from '../../kernels/checking/check_room.ts';
import { compareCase } from '../../kernels/checking/comparison.ts';
import { caseOf, unknown, usage, variantsOf } from '../../kernels/checking/lookup.ts';
import { preferring, runCase } from '../../kernels/checking/run_case.ts';
import { chosenRun } from '../../kernels/checking/runs.ts';
import { caseCommands, listingOf } from '../../kernels/programs.ts';
import type { Room } from '../../kernels/shared/room.ts';
import { workloadsFor } from '../../kernels/shared/workload.ts';
import { SharedContext } from './contexts.ts';
import { compileCounted } from './counted.ts';
import { type Ladder, ladder } from './ladder.ts';
import { type Answers, type CheckReport, crossing, type Description, type Edits, type FirstRun, type Progress,
  type Request, type RoomChoices, type RunRow } from './protocol.ts';
import { verdictOn } from './verdict.ts';
import type { Verdict } from './verdict_text.ts';

/** Loads the cases of each room, by its name. */
export type RoomLoaders = Readonly<Record<string, () => Promise<{ readonly room: Room }>>>;

type Of<K extends Request['kind']> = Extract<Request, { kind: K }>;
type Tell = (progress: Progress) => void;

/** Answers requests, one after another, on one context that stays open. */
export class Service {
  readonly #loaders: RoomLoaders;
  readonly #contexts = new SharedContext();
  #last: Promise<unknown> = Promise.resolve();
  /** Ladders that were asked for and not ended since. */
  readonly #ladders = new Set<Request>();

  constructor(loaders: RoomLoaders) {
    this.#loaders = loaders;
  }

  /** The answer to a request, once those before it are answered. */
  answer<R extends Request>(request: R, tell: Tell = () => undefined): Promise<Answers[R['kind']]> {
    if (request.kind === 'ladder') this.#ladders.add(request);
    if (request.kind === 'endLadder') this.#ladders.clear(); // at once, not when the ladder is done
    const answer = this.#last.then(() => this.#answer(request, tell)) as Promise<Answers[R['kind']]>;
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#contexts.close();
  }

  #answer(request: Request, tell: Tell): Promise<Answers[Request['kind']]> {
    switch (request.kind) {
      case 'describe':
        return this.#describe();
      case 'first':
        return this.#first();
      case 'candidates':
        return this.#candidates(request);
      case 'program':
        return this.#program(request);
      case 'check':
        return this.#check(request, tell);
      case 'verdict':
        return this.#verdict(request, tell);
      case 'ladder':
        return this.#ladder(request, tell);
      case 'endLadder':
        return Promise.resolve(undefined);
    }
  }

  async #room(name: string): Promise<Room> {
    // a name that an object has from its birth is none of a room
    if (!Object.hasOwn(this.#loaders, name)) throw unknown('room', name, Object.keys(this.#loaders));
    try {
      return (await this.#loaders[name]()).room;
    } catch (error) {
      throw new FirstlightError('FL_LOAD', `the kernels of ${name} could not be loaded`, { room: name },
        'look at the network and try again', error);
    }
  }

  async #describe(): Promise<Description> {
    const gpu = await this.#contexts.current();
    const { vendor, architecture, device, description } = gpu.adapter.info;
    return {
      name: gpu.name,
      kind: gpu.kind,
      webgpu: gpu.candidates.machine.dawn,
      info: { vendor, architecture, device, description },
      features: Object.entries(FEATURE_USES).map(([name, use]) => ({ name, use, has: gpu.features.has(name) })),
      limits: Object.entries(LIMIT_USES).map(([name, { use, unit }]) => ({ name, use, unit,
        value: gpu.limits[name as keyof typeof LIMIT_USES] })
      ),
      subgroups: gpu.report.subgroups,
      clock: gpu.features.has('timestamp-query') ? 'timestamps' : 'wall',
    };
  }

  async #first(): Promise<FirstRun> {
    const room = await this.#room('gelu');
    const item = { ...caseOf(room, 'gelu: both tails, a partial workgroup'), wrt: [] };
    const since = performance.now();
    const gpu = await this.#contexts.current();
    const [{ elements, worst, isRight }] = compareCase(item, await runCase(gpu, item, new Map(), 'f32'), 'f32');
    return { adapter: gpu.name, kind: gpu.kind, elements, error: worst.error, isRight,
      milliseconds: performance.now() - since };
  }

  async #candidates({ room: name }: Of<'candidates'>): Promise<RoomChoices> {
    const [room, gpu] = [await this.#room(name), await this.#contexts.current()];
    const here = new Set(workloadsFor(gpu, room));
    const hasHalf = gpu.features.has('shader-f16');
    return {
      variants: { f32: variantsOf(gpu, room, 'f32'), f16: hasHalf ? variantsOf(gpu, room, 'f16') : [] },
      cases: room.cases.map((item) => {
        const skipped = item.skip?.(gpu);
        return { name: item.name, hasGradient: item.wrt.length > 0, ...(skipped !== undefined && { skipped }) };
      }),
      workloads: room.workloads.map((workload) => ({ name: workload.name, isForThisAdapter: here.has(workload) })),
    };
  }

  async #program({ room: name, case: wanted, variant, type = 'f32', direction }: Of<'program'>): Promise<
    Answers['program']
  > {
    const [room, gpu] = [await this.#room(name), await this.#contexts.current()];
    const item = caseOf(room, wanted);
    gpu.requireType(type);
    if (direction === 'gradient' && item.wrt.length === 0) {
      throw usage(`${name}: "${item.name}" has no gradient`, 'look at its forward, or choose another case');
    }
    const commands = preferring(gpu, chosenRun(gpu, room, item, type, variant),
      () => caseCommands(gpu, item, type, direction));
    if (commands.some(({ kind }) => kind === 'dispatch')) return listingOf(commands);
    throw usage(`${name}: the ${direction} of "${item.name}" dispatches nothing`, 'choose another case');
  }

  async #check({ room: name, case: wanted, edits, types }: Of<'check'>, tell: Tell): Promise<CheckReport> {
    const room = await this.#room(name);
    const cases = wanted === undefined ? room.cases : [caseOf(room, wanted)];
    const own = edits === undefined || Object.keys(edits).length === 0 ? undefined : guardedContext(edits);
    const contexts = own ?? this.#contexts;
    try {
      const gpu = await contexts.current();
      const { runs, skipped } = await checkRoom(contexts, room, {
        cases,
        types,
        inspect: own && refuseBroken,
        onCase: (item, done, of) => tell({ kind: 'case', case: item.name, done, of }),
        onRun: (run) => tell({ kind: 'run', run: rowOf(run) }),
      });
      return { adapter: gpu.name, cases: cases.length, runs: runs.map(rowOf), skipped };
    } finally {
      await own?.close();
    }
  }

  async #ladder(request: Of<'ladder'>, tell: Tell): Promise<Ladder> {
    const [room, gpu] = [await this.#room(request.room), await this.#contexts.current()];
    const { workloads, types } = request;
    try {
      return await ladder(gpu, room, { workloads, types, goesOn: () => this.#ladders.has(request) }, (progress) =>
        tell({ kind: 'turn', ...progress }));
    } finally {
      this.#ladders.delete(request);
    }
  }

  async #verdict({ room: name, case: wanted, variant, type = 'f32', edits, original }: Of<'verdict'>,
    tell: Tell): Promise<Verdict> {
    const room = await this.#room(name);
    const own = original === undefined ? undefined : new SharedContext({ edits: original });
    try {
      const question = { room, item: caseOf(room, wanted), variant, type, edits, original };
      return await verdictOn(question, own ?? this.#contexts, (stage) => tell({ kind: 'stage', stage }));
    } finally {
      await own?.close();
    }
  }
}

/** Turns of a loop in a check of edits: no case of a room makes so many. */
const MOST_TURNS = 1 << 16;

/** For edited texts: what was right in one case may be without end in another, or write where it must not. */
function guardedContext(edits: Edits): SharedContext {
  return new SharedContext({ edits, guard: true }, (gpu) => compileCounted(gpu, MOST_TURNS, { tellsOfTurns: true }));
}

async function refuseBroken(gpu: Gpu): Promise<void> {
  const broken = [...new Set(await gpu.pool.brokenGuards())];
  if (broken.length === 0) return;
  throw new FirstlightError('FL_EDIT',
    `it writes out of bounds, or a loop does not end: outside of ${broken.map((name) => `"${name}"`).join(', ')}`, {
    broken,
  }, 'choose this case above: the verdict on it says which');
}

function rowOf(run: CheckedRun): RunRow {
  const { error, ...rest } = run;
  return { ...rest, ...(error !== undefined && { error: crossing(error) }), isRight: isRight(run) };
}
