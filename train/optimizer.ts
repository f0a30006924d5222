import { Arena, type ArenaSection, CheckpointFormatError, type Gpu, type Module, Tensor } from '../engine/index.ts';
import { adamw, adamwControl, BLOCK, controlSettings, HYPER_COLUMNS, hyperRow } from '../kernels/adamw/index.ts';
import { gradNorm } from '../kernels/grad_norm/index.ts';
import { ceilDiv, f32Bytes } from '../kernels/shared/sizes.ts';

/** Parameters that share a learning rate and a weight decay. */
export interface ParameterGroup {
  readonly name: string;
  /** Factor on the base learning rate. */
  readonly lrScale: number;
  readonly weightDecay: number;
  readonly parameters: readonly (readonly [string, Tensor])[];
}

/** What AdamW is set to, beyond what differs between groups. */
export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Largest gradient norm; 0 for no clipping. */
  readonly maxNorm: number;
}

/** How the loss is scaled so that small gradients survive in f16: torch's GradScaler. Micikevicius et al. 2018, arXiv:1710.03740. */
const DYNAMIC_SCALE = { initial: 65536, growth: 2, backoff: 0.5, interval: 2000 };
/** f32 needs none: a scale of 1 that stays. */
const NO_SCALE = { initial: 1, growth: 1, backoff: 1, interval: 2000 };

/** An arena with its moments. */
interface Slab {
  readonly arena: Arena;
  readonly m: Tensor;
  readonly v: Tensor;
  readonly groupOfBlock: Tensor<'u32'>;
}

/** Where an optimiser stands, beside its moments. */
export interface OptimizerCounts {
  /** Updates made: t of the bias corrections. */
  readonly steps: number;
  readonly finiteInARow: number;
  readonly skippedInARow: number;
  readonly skipped: number;
  readonly lossScale: number;
}

/** Moments of one parameter. */
export interface Moments {
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/** The buffers of an arena never exceed this, nor the largest that the device makes. */
const MAX_ARENA_BYTES = 1 << 30;

/** Columns of what `AdamW.step` returns. */
export const CONTROL = { norm: 0, factor: 1, skipped: 2, lossScale: 3, skippedInARow: 6 } as const;

/**
 * AdamW with decoupled weight decay over groups of parameters. Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2.
 *
 * Gradient norm, clipping, the loss scale and the decision to skip a step with a non-finite gradient stay on the GPU, and so does the
 * number of steps: `step` only records, and can be captured. What the host sets, it sets in `schedule`.
 */
export class AdamW {
  readonly gpu: Gpu;
  readonly groups: readonly ParameterGroup[];
  /** [], the factor on the loss: pass it to `backward` as the gradient of the loss. */
  readonly lossScale: Tensor;
  readonly #options: AdamWOptions;
  readonly #slabs: readonly Slab[];
  readonly #hyper: Tensor;
  readonly #settings: Tensor;
  /** [4], as `adamwControl` keeps it. */
  readonly #state: Tensor<'u32'>;

  constructor(gpu: Gpu, groups: readonly ParameterGroup[], options: AdamWOptions) {
    this.gpu = gpu;
    this.groups = groups.filter((group) => group.parameters.length > 0);
    this.#options = options;
    const isHalf = groups.some(({ parameters }) => parameters.some(([, { master }]) => master !== undefined));
    const { initial, ...scaling } = isHalf ? DYNAMIC_SCALE : NO_SCALE;
    this.#slabs = inArenas(this.groups, Math.min(MAX_ARENA_BYTES, gpu.limits.maxBufferSize)).map((sections, i) => {
      const arena = new Arena(gpu, `arena ${i}`, sections, BLOCK);
      const moment = (name: string) => gpu.keep(Tensor.zeros(gpu, arena.values.shape, `arena ${i}.${name}`));
      return { arena, m: moment('m'), v: moment('v'), groupOfBlock: gpu.keep(Tensor.from(gpu, arena.sectionOfBlock, undefined, 'groups of blocks')) };
    });
    this.#hyper = gpu.keep(Tensor.zeros(gpu, [Math.max(1, this.groups.length), HYPER_COLUMNS], 'hyper'));
    this.#settings = gpu.keep(Tensor.from(gpu, controlSettings({ ...options, ...scaling }), undefined, 'settings of AdamW'));
    this.#state = gpu.keep(Tensor.from(gpu, new Uint32Array(4), [4], 'state of AdamW'));
    this.lossScale = gpu.keep(Tensor.from(gpu, Float32Array.of(initial), [], 'loss scale'));
  }

  /** Forgets the gradients of the last step. */
  zeroGrad(): void {
    for (const { arena } of this.#slabs) arena.zeroGrad();
  }

  /** Sets the learning rate of each group for the steps to come. */
  schedule(lrs: readonly number[]): void {
    const rows = this.groups.flatMap(({ weightDecay }, i) => [...hyperRow({ ...this.#options, weightDecay, lr: lrs[i] })]);
    this.#hyper.write(Float32Array.from(rows));
  }

  /**
   * Records one update.
   *
   * @returns [8], see `CONTROL`: gradient norm before clipping, factor applied, 1 if a gradient was not finite and nothing was changed, …
   */
  step(): Tensor {
    for (const { arena } of this.#slabs) arena.settle();
    const measured = gradNorm(this.#slabs.map(({ arena }) => arena.grads));
    const control = adamwControl({ measured, settings: this.#settings, state: this.#state, scale: this.lossScale });
    measured.dispose();
    for (const { arena, m, v, groupOfBlock } of this.#slabs) adamw({ values: arena.values, grads: arena.grads, shadow: arena.shadow, m, v, hyper: this.#hyper, groupOfBlock, control });
    return control;
  }

  /** Moments by parameter name, for a checkpoint. */
  async moments(): Promise<Map<string, Moments>> {
    const moments = new Map<string, Moments>();
    for (const { arena, m, v } of this.#slabs) {
      const [ms, vs] = (await this.gpu.read([m, v])) as Float32Array[];
      for (const { name, offset, size } of arena.entries) moments.set(name, { m: ms.slice(offset, offset + size), v: vs.slice(offset, offset + size) });
    }
    return moments;
  }

  async counts(): Promise<OptimizerCounts> {
    const [[steps, finiteInARow, skippedInARow, skipped], [lossScale]] = (await this.gpu.read([this.#state, this.lossScale])) as [Uint32Array, Float32Array];
    return { steps, finiteInARow, skippedInARow, skipped, lossScale };
  }

  /**
   * Restores what `moments` and `counts` gave.
   *
   * @param path where they were saved, for errors
   */
  load(path: string, { steps, finiteInARow, skippedInARow, skipped, lossScale }: OptimizerCounts, moments: (name: string) => Moments): void {
    this.#state.write(Uint32Array.of(steps, finiteInARow, skippedInARow, skipped));
    this.lossScale.write(Float32Array.of(lossScale));
    for (const { arena, m, v } of this.#slabs) {
      const [ms, vs] = [new Float32Array(m.size), new Float32Array(v.size)];
      for (const { name, offset, size } of arena.entries) {
        const saved = moments(name);
        for (const [moment, values, all] of [['m', saved.m, ms], ['v', saved.v, vs]] as const) {
          if (values.length !== size) throw new CheckpointFormatError('ShapeMismatch', path, `has ${values.length} values, the parameter has ${size}`, `${name}.${moment}`);
          all.set(values, offset);
        }
      }
      m.write(ms);
      v.write(vs);
    }
  }

  dispose(): void {
    for (const { arena, ...tensors } of this.#slabs) {
      arena.dispose();
      for (const tensor of Object.values(tensors)) tensor.dispose();
    }
    for (const tensor of [this.#hyper, this.#settings, this.#state, this.lossScale]) tensor.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Cuts groups into lists that fit an arena of `most` bytes each; sections carry the number of their group. */
function inArenas(groups: readonly ParameterGroup[], most: number): ArenaSection[][] {
  const arenas: { id: number; parameters: (readonly [string, Tensor])[] }[][] = [[]];
  let bytes = 0;
  groups.forEach(({ parameters }, id) => {
    for (const entry of parameters) {
      const own = f32Bytes(ceilDiv(entry[1].size, BLOCK) * BLOCK); // as f32, which masters, gradients and moments are; with all gaps
      if (bytes > 0 && bytes + own > most) {
        arenas.push([]);
        bytes = 0;
      }
      const arena = arenas[arenas.length - 1];
      if (arena.at(-1)?.id !== id) arena.push({ id, parameters: [] });
      arena.at(-1)?.parameters.push(entry);
      bytes += own;
    }
  });
  return arenas;
}

/** The parts that X-CLIP adds to CLIP, in the official order of groups; everything else is `clip`. */
const PARTS = [
  { name: 'clip', isNew: false, matches: (name: string) => !/message_|^mit|prompts/.test(name) },
  { name: 'mit', isNew: true, matches: (name: string) => name.startsWith('mit') },
  { name: 'prompts', isNew: true, matches: (name: string) => name.includes('prompts') },
  { name: 'message', isNew: true, matches: (name: string) => name.includes('message_') },
] as const;

/** Whether the recipe spares a parameter from weight decay: vectors, biases, positions. */
function isUndecayed(name: string, tensor: Tensor): boolean {
  return tensor.shape.length === 1 || name.endsWith('.bias') || name.includes('positional_embedding');
}

/**
 * The official groups: CLIP's parts at the base learning rate, the new parts (messages, integration, prompts) at
 * `newPartsLrScale` times that; each once with and once without weight decay. Parameters that need no gradient are left out.
 */
export function recipeGroups(model: Module, options: { weightDecay: number; newPartsLrScale: number }): ParameterGroup[] {
  const trained = [...model.parameters()].filter(([, tensor]) => tensor.requiresGrad);
  return PARTS.flatMap(({ name, isNew, matches }) => {
    const own = trained.filter(([full]) => matches(full));
    const lrScale = isNew ? options.newPartsLrScale : 1;
    return [
      { name, lrScale, weightDecay: options.weightDecay, parameters: own.filter(([full, tensor]) => !isUndecayed(full, tensor)) },
      { name: `${name}.undecayed`, lrScale, weightDecay: 0, parameters: own.filter(([full, tensor]) => isUndecayed(full, tensor)) },
    ];
  });
}

/**
 * The recipe's FIX_TEXT: trains only the vision tower, the integration and the prompts; the text tower and the
 * temperature stay as they are.
 */
export function fixText(model: Module): void {
  for (const [name, tensor] of model.parameters()) {
    if (!/visual\.|mit|prompts/.test(name)) tensor.requiresGrad = false;
  }
}
