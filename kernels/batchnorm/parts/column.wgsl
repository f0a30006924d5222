// A vector of columns in some neighbouring rows, which a lane walks down. Neighbouring lanes have neighbouring columns.
// What is known of a column is loaded once for all of its rows, and no place is found by a division:
//   for (var at = column.first; at < column.end; at += params.channels) { … }
// What this is linked with has among its params, in vectors: n, of all columns of the range; channels; and rows, of the
// range, and split_rows, those that a lane has.

struct Column {
  split: u32, c: u32,       // which rows, which channels
  rows: u32,                // how many
  first: u32, end: u32,     // where the walk begins, and what it does not reach, in vectors
}

// What lane i has; it is below params.n.
fn column_of(i: u32) -> Column {
  let split = i / params.channels;
  let c = i % params.channels;
  let row = split * params.split_rows;
  let end = min(row + params.split_rows, params.rows);
  return Column(split, c, end - row, row * params.channels + c, end * params.channels);
}
