// What happens to neighbouring sums of a row before they leave the registers:
//   y = activation(sum + bias) + residual, or, on the way back through an activation whose derivative was kept, sum · derivative
// Linked with one of ../shared/activation/*.wgsl or identity.wgsl, and with one of keep.*.wgsl.

// Takes the sums of `width` columns from `column` on, at most 4; stores those that exist.
fn finish(tile: Tile, row: u32, column: u32, width: u32, sums: vec4f) {
  if (!tile.exists || row >= params.rows || column >= params.columns) { return; }
  let count = min(width, params.columns - column);
  let i = (tile.c * params.rows + row) * params.columns + column;
  let steps = min(vec4u(0u, 1u, 2u, 3u), vec4u(count - 1u));
  var pre = sums;
  if (BIAS) { pre += four_of_bias(column + steps); }
  keep(i, count, pre);
  var four = activation(pre);
  if (RESIDUAL) { four += four_of_other(i + steps); }
  if (DERIVATIVE) { four *= four_of_other(i + steps); }
  store_four(i, count, four);
}
