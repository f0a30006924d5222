// The sum as the operation of a reduction, times a factor: 1, or 1/extent for the mean.

@group(0) @binding(2) var<storage, read_write> y: array<stored>;   // [outer, splits, inner]

alias state = number;

fn identity() -> state { return number(); }
fn state_of(value: number, k: u32) -> state { return value; }
fn combine(a: state, b: state) -> state { return a + b; }
fn store(i: u32, total: state) { y[i] = stored(params.factor * total); }
