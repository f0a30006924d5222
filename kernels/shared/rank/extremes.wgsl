// The largest or smallest number as the operation of a reduction, and its mark: how many there are of it, or where the
// first one is.
// Linked with rank.wgsl, best.wgsl and a part that joins marks.

@group(0) @binding(2) var<storage, read_write> y: array<stored>;     // [outer, splits, inner]
@group(0) @binding(3) var<storage, read_write> marks: array<word>;   // [outer, splits, inner]

fn state_of(value: number, k: u32) -> state { return state(rank_of(value), mark_of(k)); }

fn store(i: u32, total: state) {
  y[i] = stored(number_of(total.rank));
  marks[i] = total.mark;
}
