// Two jobs in one dispatch, because neither waits for the other. A split is some of the rows. For each split in turn
// there are `row_groups` workgroups that have its rows, and then `column_groups` that have sums of its columns. So a
// split is still in a cache when it is read again. Linked with subgroup.wgsl or tree.wgsl.

// What a lane has: its share of a row, or, alone, a column of a split. The other of the two is NOTHING, a number that
// lies past the last row and the last column.
struct Job { split: u32, row: u32, column: u32 }

const NOTHING = 0xffffffffu;

fn job_of(lanes: Lanes, row_groups: u32, column_groups: u32) -> Job {
  let split = group_of(lanes) / (row_groups + column_groups);
  let place = group_of(lanes) % (row_groups + column_groups);
  if (place < row_groups) { return Job(split, row_of_group(split * row_groups + place, lanes), NOTHING); }
  return Job(split, NOTHING, (place - row_groups) * WORKGROUP + index_of(lanes));
}
