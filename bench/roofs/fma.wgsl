// The roof of arithmetic: products and sums in registers alone.
//   chain = chain · factor + addend, over and over, in four independent chains of four numbers each
// Sixteen sums under way hide the latency of one on every machine, and still fit its registers; four steps to a turn of
// the loop
// make the loop itself cheap. Two operations for each fma; where a machine does not fuse it, that takes two
// instructions.

struct Params { rounds: u32 }

@group(0) @binding(0) var<uniform> params: Params;
// [2]: factor and addend, so that no compiler knows them
@group(0) @binding(1) var<storage, read> x: array<vec4<elem>>;
// [lanes], so that no compiler leaves the chains out
@group(0) @binding(2) var<storage, read_write> y: array<vec4<elem>>;

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn fma_chains(@builtin(global_invocation_id) id: vec3u) {
  let factor = x[0];
  let addend = x[1];
  var a = addend;
  var b = addend + addend;
  var c = b + addend;
  var d = c + addend;
  for (var round = 0u; round < params.rounds; round++) {
    a = fma(a, factor, addend); b = fma(b, factor, addend); c = fma(c, factor, addend); d = fma(d, factor, addend);
    a = fma(a, factor, addend); b = fma(b, factor, addend); c = fma(c, factor, addend); d = fma(d, factor, addend);
    a = fma(a, factor, addend); b = fma(b, factor, addend); c = fma(c, factor, addend); d = fma(d, factor, addend);
    a = fma(a, factor, addend); b = fma(b, factor, addend); c = fma(c, factor, addend); d = fma(d, factor, addend);
  }
  y[id.x] = (a + b) + (c + d);
}
