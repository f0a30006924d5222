// First stage of the gradient of embedding, for ids that occur often (padding, start of text): sums of at most 64 of their
// positions. Without it one lane would add thousands of rows while the others wait. Linked with a vector.
//   partial[s] = Σ dy[order[k]], pieces[s].x ≤ k < pieces[s].y, in rising order
// If dy is CUT into ranges of positions, each is a dispatch, which goes on with the sums of those before it if ADDED.

struct Params { n: u32, width: u32, first_position: u32, positions: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<vector>;              // [positions, width], from `first_position` on
@group(0) @binding(2) var<storage, read> order: array<u32>;            // [all positions], sorted by id, then by position
@group(0) @binding(3) var<storage, read> pieces: array<vec2u>;         // first and end in `order`; equal where unused
@group(0) @binding(4) var<storage, read_write> partial: array<vector32>; // [pieces, width], n vectors

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn embedding_partial(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let piece = pieces[i / params.width];
  var sum = vector32();
  if (ADDED) { sum = partial[i]; }
  for (var k = piece.x; k < piece.y; k++) {
    let position = order[k] - params.first_position;   // wraps to a huge number below it
    if (!CUT || position < params.positions) { sum += vector32(dy[position * params.width + i % params.width]); }
  }
  partial[i] = sum;
}
