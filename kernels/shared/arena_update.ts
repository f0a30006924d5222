/** What updates of parameters have in common: they lie side by side in an arena, in tiles of one group each. */
import { inRanges, type Kernel, part, ShapeError, type Source, type Tensor } from '../../engine/index.ts';
import { vectorsOf, type VectorKernels, vectorKernels } from './rows.ts';
import { ceilDiv } from './sizes.ts';
import { CONTROL_SIZE, controlPart } from './step_control.ts';

/** Parameters of an arena that share a group; the groups of an arena start at multiples of it. */
export const TILE = 1024;

/**
 * Lanes of a workgroup, which share a tile: few on a software adapter, where starting one costs as much as several
 * vectors.
 */
const LANES = { software: 8, hardware: 64 } as const;

const withoutShadow = await part(import.meta.url, './optimizer/shadow.none.wgsl');
const withShadow = await part(import.meta.url, './optimizer/shadow.half.wgsl');

/** The kernels of an update: for parameters that are stored as f32 alone, and for those that have a shadow of f16. */
export interface UpdateKernels {
  readonly plain: VectorKernels;
  readonly shadowed: VectorKernels;
}

export function updateKernels(name: string, parts: readonly Source[]): UpdateKernels {
  const all = [...parts, controlPart];
  return {
    plain: vectorKernels(name, [...all, withoutShadow]),
    shadowed: vectorKernels(`${name}_shadow`, [...all, withShadow]),
  };
}

export function kernelsOf({ plain, shadowed }: UpdateKernels): Kernel[] {
  return [plain, shadowed].flatMap(({ scalar, vec4 }) => [scalar, vec4]);
}

/** What every update needs. */
export interface ArenaStep {
  /** [n], changed in place. */
  readonly values: Tensor;
  /** [n] */
  readonly grads: Tensor;
  /** [n] of f16, takes the updated values, rounded; for parameters that kernels read so. */
  readonly shadow?: Tensor;
  /** [G, …], one row per parameter group; written by the host before each step. */
  readonly hyper: Tensor;
  /** [⌈n / 1024⌉], the row of `hyper` for each tile of 1024 parameters. */
  readonly groupOfTile: Tensor<'u32'>;
  /** What `stepControl` returned. */
  readonly control: Tensor;
}

/**
 * Records one update of an arena, in as many dispatches as the binding limit asks for.
 *
 * @param moments [n] each, what the optimiser keeps of earlier gradients, by the name of its binding; changed in place
 * @param columns of `hyper`
 */
export function updateArena(
  op: string,
  kernels: UpdateKernels,
  step: ArenaStep,
  moments: Readonly<Record<string, Tensor>>,
  columns: number,
): void {
  const { values, grads, shadow, hyper, groupOfTile, control } = step;
  const { gpu, size } = values;
  const flat = { values, grads, ...moments, ...(shadow && { shadow }) };
  for (const [name, tensor] of Object.entries(flat)) {
    if (tensor.size !== size) throw new ShapeError(op, `values have ${size} elements, ${name} has ${tensor.size}`);
  }
  const tiles = ceilDiv(size, TILE);
  if (hyper.shape.length !== 2 || hyper.shape[1] !== columns) {
    throw new ShapeError(op, `hyper must be [G, ${columns}], got [${hyper.shape}]`);
  }
  if (groupOfTile.size !== tiles) {
    const got = `got [${groupOfTile.shape}]`;
    throw new ShapeError(op, `groupOfTile must be [${tiles}], one for each ${TILE} of ${size} values, ${got}`);
  }
  if (control.size !== CONTROL_SIZE) {
    throw new ShapeError(op, `control must be [${CONTROL_SIZE}], got [${control.shape}]`,
      'pass what stepControl() returned');
  }
  inRanges(gpu, size, flat, (tensors, count, start) => {
    const { kernel, vectors: n } = vectorsOf(shadow === undefined ? kernels.plain : kernels.shadowed, count);
    kernel.run(gpu, {
      tensors: { ...tensors, hyper, group_of_tile: groupOfTile, control },
      params: { n, first_tile: start / TILE },
      constants: { TILE, LANES: LANES[gpu.kind] },
      grid: ceilDiv(count, TILE),
    });
  }, TILE);
}
