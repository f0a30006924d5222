import { Arena, type ArenaSection, CheckpointFormatError, dispose, FirstlightError, type Gpu,
  Tensor } from '../../../engine/index.ts';
import { gradNorm } from '../../../kernels/grad_norm/index.ts';
import { type ArenaStep, TILE } from '../../../kernels/shared/arena_update.ts';
import { ceilDiv, f32Bytes } from '../../../kernels/shared/sizes.ts';
import { CONTROL as FIELDS, STATE, stepControl, stepSettings } from '../../../kernels/shared/step_control.ts';

/** Parameters that share a learning rate and a weight decay. */
export interface ParameterGroup {
  readonly name: string;
  /** Factor on the base learning rate. */
  readonly lrScale: number;
  readonly weightDecay: number;
  readonly parameters: readonly (readonly [string, Tensor])[];
}

/** Where an optimiser stands, beside what it keeps of earlier gradients. */
export interface OptimizerCounts {
  /** Updates made: t of the bias corrections. */
  readonly steps: number;
  readonly finiteInARow: number;
  readonly skippedInARow: number;
  readonly skipped: number;
  readonly lossScale: number;
}

/** Where the gradient of a parameter lies: in which of `gradients`, from which element up to which. */
export interface GradientPlace {
  readonly parameter: Tensor;
  readonly arena: number;
  readonly start: number;
  readonly end: number;
}

/** Columns of what `step` returns. */
export const CONTROL = {
  norm: FIELDS.at('norm'),
  factor: FIELDS.at('factor'),
  skipped: FIELDS.at('skips'),
  lossScale: FIELDS.at('loss_scale'),
  skippedInARow: FIELDS.at('skipped_in_a_row'),
} as const;

/**
 * How the loss is scaled so that small gradients survive in f16: torch's GradScaler. Micikevicius et al. 2018,
 * arXiv:1710.03740.
 */
const DYNAMIC_SCALE = { initial: 65536, growth: 2, backoff: 0.5, interval: 2000 };
/** f32 needs none: a scale of 1 that stays. */
const NO_SCALE = { initial: 1, growth: 1, backoff: 1, interval: 2000 };

/** The buffers of an arena never exceed this, nor the largest that the device makes. */
const MAX_ARENA_BYTES = 1 << 30;

/** What one optimiser has that another has not. */
export interface OptimizerKind<M extends string> {
  /** What errors call it. */
  readonly name: string;
  /** What it keeps of earlier gradients, zeros at first: a number of each name for every parameter. */
  readonly moments: readonly M[];
  /** Numbers that its kernel reads of each group. */
  readonly columns: number;
  /** Largest gradient norm; 0 for no clipping. */
  readonly maxNorm: number;
  /** Of the moments whose bias is corrected; 0 where none is. */
  readonly beta1: number;
  readonly beta2: number;
  /** Whether every parameter begins with a tile. */
  readonly inTiles?: boolean;
}

/** An arena with what is kept for its parameters, by name, each of the arena's size. */
interface Slab<M extends string> {
  readonly arena: Arena;
  readonly moments: Readonly<Record<M, Tensor>>;
  readonly groupOfTile: Tensor<'u32'>;
}

/**
 * What all optimisers share. Parameters lie in arenas, in tiles of one group each. Gradient norm, clipping, the loss
 * scale and the decision to skip a step with a non-finite gradient stay on the GPU, and so does the number of steps:
 * `step` only records, and can be captured. What the host sets, it sets in `schedule`.
 *
 * `M` names what an optimiser keeps of earlier gradients; an `Optimizer` without it may be any.
 */
export abstract class Optimizer<M extends string = never> {
  readonly gpu: Gpu;
  readonly groups: readonly ParameterGroup[];
  /** [], the factor on the loss: pass it to `backward` as the gradient of the loss. */
  readonly lossScale: Tensor;
  readonly #slabs: readonly Slab<M>[];
  readonly #hyper: Tensor;
  readonly #settings: Tensor;
  /** `STATE`, as `stepControl` keeps it. */
  readonly #state: Tensor<'u32'>;

  constructor(gpu: Gpu, groups: readonly ParameterGroup[],
    { name: op, moments, columns, maxNorm, beta1, beta2, inTiles = false }: OptimizerKind<M>) {
    this.gpu = gpu;
    this.groups = groups.filter((group) => group.parameters.length > 0);
    const isHalf = groups.some(({ parameters }) => parameters.some(([, { master }]) => master !== undefined));
    const { initial, ...scaling } = isHalf ? DYNAMIC_SCALE : NO_SCALE;
    const settings = stepSettings(op, { maxNorm, beta1, beta2, ...scaling });
    const most = Math.min(MAX_ARENA_BYTES, gpu.limits.maxBufferSize);
    this.#slabs = inArenas(this.groups, most, inTiles).map((sections, i) => {
      const arena = new Arena(gpu, `arena ${i}`, sections, TILE);
      return {
        arena,
        moments: byName(moments, (name) => gpu.keep(Tensor.zeros(gpu, arena.values.shape, `arena ${i}.${name}`))),
        groupOfTile: gpu.keep(Tensor.from(gpu, arena.sectionOfTile, undefined, 'groups of tiles')),
      };
    });
    this.#hyper = gpu.keep(Tensor.zeros(gpu, [Math.max(1, this.groups.length), columns], 'hyper'));
    this.#settings = gpu.keep(Tensor.from(gpu, settings, undefined, `settings of ${op}`));
    this.#state = gpu.keep(Tensor.from(gpu, new Uint32Array(STATE.words), undefined, `state of ${op}`));
    this.lossScale = gpu.keep(Tensor.from(gpu, Float32Array.of(initial), [], 'loss scale'));
  }

  /** What the kernel reads of a group at a learning rate. */
  protected abstract row(group: ParameterGroup, lr: number): Float32Array;

  /** Records the update of one arena. */
  protected abstract update(step: ArenaStep & Readonly<Record<M, Tensor>>): void;

  /** Forgets the gradients of the last step. */
  zeroGrad(): void {
    for (const { arena } of this.#slabs) arena.zeroGrad();
  }

  /** [n] each, the gradients of all parameters; what `step` reads, once they are settled. */
  get gradients(): readonly Tensor[] {
    return this.#slabs.map(({ arena }) => arena.grads);
  }

  /** Makes `gradients` those of all parameters: 0 for the ones that no backward pass has reached since `zeroGrad`. */
  settle(): void {
    for (const { arena } of this.#slabs) arena.settle();
  }

  /** Where the gradients of all parameters lie, each with the gap behind it: together they are all of `gradients`. */
  get places(): readonly GradientPlace[] {
    return this.#slabs.flatMap(({ arena: { entries, grads } }, arena) =>
      entries.map(({ parameter, offset }, i) => ({ parameter, arena, start: offset,
        end: entries[i + 1]?.offset ?? grads.size })
      )
    );
  }

  /** Calls `work`, and meanwhile tells of every gradient that reaches a parameter, once it is in its place. */
  watching(onGradient: (parameter: Tensor) => void, work: () => void): void {
    const tell = (told?: typeof onGradient) => this.#slabs.forEach(({ arena }) => arena.tell(told));
    tell(onGradient);
    try {
      work();
    } finally {
      tell();
    }
  }

  /** Sets the learning rate of each group for the steps to come. */
  schedule(lrs: readonly number[]): void {
    const { length } = this.groups;
    if (lrs.length !== length) {
      throw new FirstlightError('FL_RANGE', `schedule: ${lrs.length} learning rates for ${length} groups`, {
        groups: length,
      }, 'one for each of `groups`, which leaves out those without parameters');
    }
    this.#hyper.write(Float32Array.from(this.groups.flatMap((group, i) => [...this.row(group, lrs[i])])));
  }

  /**
   * Records one update.
   *
   * @returns a row, see `CONTROL`: gradient norm before clipping, factor applied, 1 if a gradient was not finite and
   * nothing was changed, …
   */
  step(): Tensor {
    this.settle();
    const measured = gradNorm(this.gradients);
    const control = stepControl({ measured, settings: this.#settings, state: this.#state, scale: this.lossScale });
    measured.dispose();
    for (const { arena: { values, grads, shadow }, moments, groupOfTile } of this.#slabs) {
      this.update({ values, grads, shadow, ...moments, hyper: this.#hyper, groupOfTile, control });
    }
    return control;
  }

  /** What is kept of earlier gradients, by parameter name, for a checkpoint; empty if nothing is. */
  async moments(): Promise<Map<string, Readonly<Record<M, Float32Array>>>> {
    const found = new Map<string, Readonly<Record<M, Float32Array>>>();
    for (const { arena, moments } of this.#slabs) {
      const names = namesIn(moments);
      if (names.length === 0) continue;
      const data = (await this.gpu.read(names.map((name) => moments[name]))) as Float32Array[];
      for (const { name, offset, size } of arena.entries) {
        found.set(name, byName(names, (_, i) => data[i].slice(offset, offset + size)));
      }
    }
    return found;
  }

  /** What the steps so far were: read back from the GPU. */
  async counts(): Promise<OptimizerCounts> {
    const [state, [lossScale]] = (await this.gpu.read([this.#state, this.lossScale])) as [Uint32Array, Float32Array];
    const of = (field: Parameters<typeof STATE.at>[0]) => state[STATE.at(field)];
    return { steps: of('steps'), finiteInARow: of('finite_in_a_row'), skippedInARow: of('skipped_in_a_row'),
      skipped: of('skipped'), lossScale };
  }

  /**
   * Restores what `moments` and `counts` gave.
   *
   * @param path where they were saved, for errors
   */
  load(path: string, counts: OptimizerCounts,
    moments: (name: string) => Readonly<Partial<Record<M, Float32Array>>>): void {
    const { steps, finiteInARow, skippedInARow, skipped, lossScale } = counts;
    this.#state.write(STATE.pack({ steps, finite_in_a_row: finiteInARow, skipped_in_a_row: skippedInARow, skipped }));
    this.lossScale.write(Float32Array.of(lossScale));
    for (const { arena, moments: kept } of this.#slabs) {
      for (const moment of namesIn(kept)) {
        const all = new Float32Array(kept[moment].size);
        for (const { name, offset, size } of arena.entries) {
          const values = moments(name)[moment];
          if (values === undefined) {
            throw new CheckpointFormatError('NoSuchTensor', path, 'there is no such tensor in the file',
              `${name}.${moment}`);
          }
          if (values.length !== size) {
            throw new CheckpointFormatError('ShapeMismatch', path,
              `has ${values.length} values, the parameter has ${size}`, `${name}.${moment}`);
          }
          all.set(values, offset);
        }
        kept[moment].write(all);
      }
    }
  }

  dispose(): void {
    for (const { arena, moments, groupOfTile } of this.#slabs) {
      arena.dispose();
      for (const tensor of [...Object.values<Tensor>(moments), groupOfTile]) tensor.dispose();
    }
    for (const tensor of [this.#hyper, this.#settings, this.#state, this.lossScale]) tensor.dispose();
  }

  [dispose](): void {
    this.dispose();
  }
}

function byName<M extends string, T>(names: readonly M[], make: (name: M, i: number) => T): Readonly<Record<M, T>> {
  return Object.fromEntries(names.map((name, i) => [name, make(name, i)])) as Record<M, T>;
}

function namesIn<M extends string>(record: Readonly<Record<M, Tensor>>): M[] {
  return Object.keys(record) as M[];
}

/**
 * Cuts groups into lists that fit an arena of `most` bytes each; sections carry the number of their group. A parameter
 * in a section of its own begins with a tile.
 */
function inArenas(groups: readonly ParameterGroup[], most: number, inTiles: boolean): ArenaSection[][] {
  const arenas: { id: number; parameters: (readonly [string, Tensor])[] }[][] = [[]];
  let bytes = 0;
  groups.forEach(({ parameters }, id) => {
    for (const entry of parameters) {
      // as f32, which masters, gradients and moments are; with all gaps
      const own = f32Bytes(ceilDiv(entry[1].size, TILE) * TILE);
      if (bytes > 0 && bytes + own > most) {
        arenas.push([]);
        bytes = 0;
      }
      const arena = arenas[arenas.length - 1];
      if (inTiles || arena.at(-1)?.id !== id) arena.push({ id, parameters: [] });
      arena.at(-1)?.parameters.push(entry);
      bytes += own;
    }
  });
  return arenas;
}
