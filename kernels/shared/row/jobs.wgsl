// Two jobs in one dispatch, because neither waits for the other: of each split of the rows, some workgroups have rows,
// and those behind them sums of columns. They alternate, so that a split is still in a cache when it is read again.
// Linked with subgroup.wgsl or tree.wgsl.

// What a lane has: its share of a row, or, alone, a column of a split. The other one is NOTHING, past all ends.
struct Job { split: u32, row: u32, column: u32 }

const NOTHING = 0xffffffffu;

fn job_of(lanes: Lanes, row_groups: u32, column_groups: u32) -> Job {
  let split = group_of(lanes) / (row_groups + column_groups);
  let place = group_of(lanes) % (row_groups + column_groups);
  if (place < row_groups) { return Job(split, row_of_group(split * row_groups + place, lanes), NOTHING); }
  return Job(split, NOTHING, (place - row_groups) * WORKGROUP + index_of(lanes));
}
