// Appends numbers to a ring of rows: row `count % rows` from `column` on. The last part of a row counts it. One
// workgroup.

struct Params { n: u32, column: u32, columns: u32, rows: u32, is_last: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> part: array<elem>;               // [n]
@group(0) @binding(2) var<storage, read_write> count: array<u32>;         // [1], rows so far
@group(0) @binding(3) var<storage, read_write> ring: array<result>;       // [rows, columns]

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn history(@builtin(local_invocation_index) lane: u32) {
  let row = count[0] % params.rows;
  for (var i = lane; i < params.n; i += WORKGROUP) { ring[row * params.columns + params.column + i] = result(part[i]); }
  workgroupBarrier();   // everybody must have read the count before it moves
  if (lane == 0u && params.is_last == 1u) { count[0]++; }
}
