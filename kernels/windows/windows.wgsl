// Tokens of pictures, in another order and back: padding, cyclic shift and partition into windows as one gather.
//   y[row] = x[token of row], or 0 where a row has no token        BACK: y[token of row] = x[row] + residual[token]
// Every token is in one row, so what goes back writes each once, and either way is the gradient of the other.
// A workgroup has ROWS rows. First each lane finds the token of one row, which takes a dozen divisions. Then ACROSS
// lanes at a time copy the channels of a row, neighbours by neighbours, so that nothing is divided for a vector.
// Linked with a part that says which token a row has, and with a vector.
//
// Constants:
// BACK: from rows to tokens      RESIDUAL: whether something is added, in the order of tokens

@group(0) @binding(1) var<storage, read> x: array<vector>;                // tokens or rows, of C channels
@group(0) @binding(2) var<storage, read> residual: array<vector>;         // tokens; if RESIDUAL
@group(0) @binding(3) var<storage, read_write> y: array<result_vector>;   // rows or tokens

const ROWS = 64u;     // of a workgroup, and its lanes
const ACROSS = 8u;    // lanes of a row: those of a vector of a software adapter, or 128 bytes of f32
const NO_TOKEN = 0xffffffffu;

var<workgroup> tokens: array<u32, ROWS>;

@compute @workgroup_size(ROWS)
fn windows(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = group_number(group, groups) * ROWS;
  tokens[lane] = token_of(min(first + lane, params.rows - 1u));
  workgroupBarrier();   // nobody may ask for a token before all are found
  let count = min(ROWS, params.rows - min(first, params.rows));
  for (var r = lane / ACROSS; r < count; r += ROWS / ACROSS) {
    let token = tokens[r];
    let row_start = params.row_origin + (first + r) * params.channels;
    let token_start = params.token_origin + token * params.channels;
    for (var c = lane % ACROSS; c < params.channels; c += ACROSS) {
      if (!BACK) {
        if (token == NO_TOKEN) { y[row_start + c] = result_vector(); }
        else { y[row_start + c] = result_vector(x[token_start + c]); }
      } else if (token != NO_TOKEN) {
        var sum = vector32(x[row_start + c]);
        if (RESIDUAL) { sum += vector32(residual[token_start + c]); }
        y[token_start + c] = result_vector(sum);
      }
    }
  }
}
