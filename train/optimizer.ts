import { Arena, type Gpu, type Module, Tensor } from '../engine/index.ts';
import { adamw, HYPER_COLUMNS, hyperRow } from '../kernels/adamw/index.ts';
import { gradNorm } from '../kernels/grad_norm/index.ts';

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

/** One arena of one group with its moments. */
interface Slab {
  readonly group: number;
  readonly arena: Arena;
  readonly m: Tensor;
  readonly v: Tensor;
}

/** One arena never exceeds this, so that it fits any device's largest buffer. */
const MAX_ARENA_BYTES = 1 << 30;

/**
 * AdamW with decoupled weight decay over groups of parameters. Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2.
 *
 * The gradient norm, clipping and the decision to skip a step with a non-finite gradient stay on the GPU: `step` only
 * records. Its result tells afterwards what happened.
 */
export class AdamW {
  readonly gpu: Gpu;
  readonly groups: readonly ParameterGroup[];
  readonly #options: AdamWOptions;
  readonly #slabs: readonly Slab[];
  readonly #hyper: Tensor;
  readonly #maxNorm: Tensor;
  /** Optimiser steps taken so far; the bias corrections of the next one use `steps + 1`. */
  steps = 0;

  constructor(gpu: Gpu, groups: readonly ParameterGroup[], options: AdamWOptions) {
    this.gpu = gpu;
    this.groups = groups.filter((group) => group.parameters.length > 0);
    this.#options = options;
    this.#slabs = this.groups.flatMap((group, i) =>
      inArenas(group.parameters).map((parameters, part) => {
        const arena = new Arena(gpu, `${group.name}.${part}`, parameters);
        const moment = (name: string) => gpu.keep(Tensor.zeros(gpu, arena.values.shape, `${group.name}.${part}.${name}`));
        return { group: i, arena, m: moment('m'), v: moment('v') };
      }),
    );
    this.#hyper = gpu.keep(Tensor.zeros(gpu, [Math.max(1, this.groups.length), HYPER_COLUMNS], 'hyper'));
    this.#maxNorm = gpu.keep(Tensor.from(gpu, Float32Array.of(options.maxNorm), [1], 'max norm'));
  }

  /** Forgets the gradients of the last step. */
  zeroGrad(): void {
    for (const { arena } of this.#slabs) arena.zeroGrad();
  }

  /** Sets the next update: a learning rate for each group, and the bias corrections. */
  schedule(lrs: readonly number[]): void {
    const t = this.steps + 1;
    const rows = this.groups.flatMap(({ weightDecay }, i) => [...hyperRow({ ...this.#options, weightDecay, lr: lrs[i] }, t)]);
    this.#hyper.write(Float32Array.from(rows));
    this.steps = t;
  }

  /**
   * Records one update; nothing in it comes from the host.
   *
   * @returns [4]: gradient norm before clipping, factor applied, 1 if a gradient was not finite and nothing was changed, 0
   */
  step(): Tensor {
    for (const { arena } of this.#slabs) arena.settle();
    const control = gradNorm(this.#slabs.map(({ arena }) => arena.grads), this.#maxNorm);
    for (const { arena, m, v, group } of this.#slabs) adamw({ values: arena.values, grads: arena.grads, m, v, hyper: this.#hyper, group, control });
    for (const { arena } of this.#slabs) arena.refresh();
    return control;
  }

  /** A step whose control flag was set changed nothing: it does not count. */
  undoCount(): void {
    this.steps--;
  }

  /** Moments by parameter name, for a checkpoint. */
  async state(): Promise<Map<string, { m: Float32Array; v: Float32Array }>> {
    const state = new Map<string, { m: Float32Array; v: Float32Array }>();
    for (const { arena, m, v } of this.#slabs) {
      const [ms, vs] = (await this.gpu.read([m, v])) as Float32Array[];
      for (const { name, offset, size } of arena.entries) state.set(name, { m: ms.slice(offset, offset + size), v: vs.slice(offset, offset + size) });
    }
    return state;
  }

  /** Restores what `state` gave. */
  load(steps: number, state: (name: string) => { m: Float32Array; v: Float32Array }): void {
    this.steps = steps;
    for (const { arena, m, v } of this.#slabs) {
      const [ms, vs] = [new Float32Array(m.size), new Float32Array(v.size)];
      for (const { name, offset } of arena.entries) {
        const saved = state(name);
        ms.set(saved.m, offset);
        vs.set(saved.v, offset);
      }
      m.write(ms);
      v.write(vs);
    }
  }

  dispose(): void {
    for (const { arena, m, v } of this.#slabs) {
      arena.dispose();
      m.dispose();
      v.dispose();
    }
    this.#hyper.dispose();
    this.#maxNorm.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Cuts a group into lists that fit an arena each. */
function inArenas(parameters: ParameterGroup['parameters']): (readonly [string, Tensor])[][] {
  const lists: (readonly [string, Tensor])[][] = [[]];
  let bytes = 0;
  for (const entry of parameters) {
    if (bytes > 0 && bytes + entry[1].bytes > MAX_ARENA_BYTES) {
      lists.push([]);
      bytes = 0;
    }
    lists[lists.length - 1].push(entry);
    bytes += entry[1].bytes;
  }
  return lists;
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
