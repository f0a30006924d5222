// Gradient of embedding: dtable[id] = Σ dy[p] over the positions p of that id, in rising order. No atomics: the host sorted the
// positions by id, and one lane adds one column of one id. The table is cleared beforehand, so rows of absent ids are 0.
// Each occurrence list is { id, first, end, long }: of `order` if it is short, of `partial` if it is long. If dy is CUT into ranges of
// positions, each is a dispatch, which goes on with the sums of those before it if ADDED. Linked with a vector.

struct Params { n: u32, width: u32, first: u32, rows: u32, first_position: u32, positions: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<vector>;             // [positions, width], from `first_position` on
@group(0) @binding(2) var<storage, read> order: array<u32>;           // [all positions], sorted by id, then by position
@group(0) @binding(3) var<storage, read> lists: array<vec4u>;         // [all positions]; first = end where unused
@group(0) @binding(4) var<storage, read> partial: array<vector32>;      // [pieces, width]
@group(0) @binding(5) var<storage, read_write> dtable: array<result_vector>;   // [rows, width], those of ids from `first` on

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn embedding_grad(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let column = i % params.width;
  let list = lists[i / params.width];
  let row = list.x - params.first;   // wraps to a huge number below `first`
  if (list.y == list.z || row >= params.rows || (ADDED && list.w == 1u)) { return; }
  let place = row * params.width + column;
  var sum = vector32();
  if (ADDED) { sum = vector32(dtable[place]); }
  if (list.w == 1u) {
    for (var k = list.y; k < list.z; k++) { sum += partial[k * params.width + column]; }
  } else {
    for (var k = list.y; k < list.z; k++) {
      let position = order[k] - params.first_position;   // wraps to a huge number below it
      if (!CUT || position < params.positions) { sum += vector32(dy[position * params.width + column]); }
    }
  }
  dtable[place] = result_vector(sum);
}
