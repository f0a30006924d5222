/** The lifetime of some memory, in use from command `first` to command `last`. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  /**
   * Numbers of those that must lie in other slabs: WebGPU forbids one command to read a buffer and to write it, even
   * elsewhere.
   */
  readonly apart: ReadonlySet<number>;
}

/** Where each lies, and how large the slabs are. */
export interface MemoryPlan {
  /** In the order of the lifetimes. */
  readonly places: readonly { readonly slab: number; readonly offset: number }[];
  /** Bytes of each slab. */
  readonly slabs: readonly number[];
}

interface Placed {
  readonly lifetime: Lifetime;
  readonly offset: number;
  readonly end: number;
}

interface Slab {
  bytes: number;
  readonly placed: Placed[];
}

/**
 * Lays memory with known lifetimes into few slabs so that what is in use at the same time never overlaps. Greedy by
 * size, Pisarchyk & Lee 2020, arXiv:2001.03288, extended to several slabs: the largest comes first, each goes where its
 * slab grows least, and there into the smallest gap that it fits.
 *
 * @param alignment of every place, in bytes  @param most bytes of the largest slab
 */
export function planMemory(lifetimes: readonly Lifetime[], alignment: number, most: number): MemoryPlan {
  const places: { slab: number; offset: number }[] = new Array(lifetimes.length);
  const slabs: Slab[] = [];
  const order = lifetimes.map((_, i) => i).sort((a, b) =>
    lifetimes[b].bytes - lifetimes[a].bytes || lifetimes[a].first - lifetimes[b].first
  );
  for (const i of order) {
    const lifetime = lifetimes[i];
    const bytes = roundUp(lifetime.bytes, alignment);
    const forbidden = new Set([...lifetime.apart].map((other) => places[other]?.slab));
    let best = { slab: slabs.length, offset: 0, growth: bytes };
    slabs.forEach((slab, s) => {
      if (forbidden.has(s)) return;
      const offset = smallestGap(slab.placed, lifetime, bytes);
      const growth = Math.max(0, offset + bytes - slab.bytes);
      if (offset + bytes <= most && (growth < best.growth || best.slab === slabs.length)) {
        best = { slab: s, offset, growth };
      }
    });
    if (best.slab === slabs.length) slabs.push({ bytes: 0, placed: [] });
    const slab = slabs[best.slab];
    slab.bytes = Math.max(slab.bytes, best.offset + bytes);
    slab.placed.push({ lifetime, offset: best.offset, end: best.offset + bytes });
    places[i] = { slab: best.slab, offset: best.offset };
  }
  return { places, slabs: slabs.map(({ bytes }) => bytes) };
}

/** The start of the smallest gap between those that are in use at the same time, or the end of the last one. */
function smallestGap(placed: readonly Placed[], { first, last }: Lifetime, bytes: number): number {
  const neighbours = placed.filter(({ lifetime }) => lifetime.first <= last && first <= lifetime.last).sort((a, b) =>
    a.offset - b.offset
  );
  let best = { offset: -1, bytes: Number.POSITIVE_INFINITY };
  let free = 0;
  for (const { offset, end } of neighbours) {
    const gap = offset - free;
    if (gap >= bytes && gap < best.bytes) best = { offset: free, bytes: gap };
    free = Math.max(free, end);
  }
  return best.offset >= 0 ? best.offset : free;
}

/** Bytes in use at the worst command: no plan can take less. */
export function leastBytes(lifetimes: readonly Lifetime[]): number {
  const changes = new Map<number, number>();
  const change = (at: number, bytes: number) => changes.set(at, (changes.get(at) ?? 0) + bytes);
  for (const { bytes, first, last } of lifetimes) {
    change(first, bytes);
    change(last + 1, -bytes);
  }
  let [live, most] = [0, 0];
  for (const [, bytes] of [...changes].sort(([a], [b]) => a - b)) most = Math.max(most, live += bytes);
  return most;
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
