// Tokens of pictures, in another order and back: padding, cyclic shift and partition into windows as one gather.
//   y[row] = x[token of row], or 0 where a row has no token        BACK: y[token of row] = x[row] + residual[token]
// Every token is in one row, so what goes back writes each once, and either way is the gradient of the other.
// A workgroup has ROWS rows. First each lane finds the token of one row, which takes a dozen divisions. Then all of
// them copy the channels of all rows, neighbours by neighbours.
// Linked with a part that says which token a row has, and with a vector.
//
// Constants:
// BACK: from rows to tokens      RESIDUAL: whether something is added, in the order of tokens

@group(0) @binding(1) var<storage, read> x: array<vector>;                // tokens or rows, of C channels
@group(0) @binding(2) var<storage, read> residual: array<vector>;         // tokens; if RESIDUAL
@group(0) @binding(3) var<storage, read_write> y: array<result_vector>;   // rows or tokens

const ROWS = 64u;        // of a workgroup, and its lanes
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
  let end = (min(first + ROWS, params.rows) - min(first, params.rows)) * params.channels;
  for (var i = lane; i < end; i += ROWS) {
    let token = tokens[i / params.channels];
    let of_row = params.row_origin + first * params.channels + i;
    let of_token = params.token_origin + token * params.channels + i % params.channels;
    if (!BACK) {
      if (token == NO_TOKEN) { y[of_row] = result_vector(); } else { y[of_row] = result_vector(x[of_token]); }
    } else if (token != NO_TOKEN) {
      var sum = vector32(x[of_row]);
      if (RESIDUAL) { sum += vector32(residual[of_token]); }
      y[of_token] = result_vector(sum);
    }
  }
}
