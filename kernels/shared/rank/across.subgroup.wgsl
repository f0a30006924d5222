// The highest rank over the lanes of a row, which are a subgroup, with the marks of its elements joined. All of them
// must call it.
fn across(own: state, lanes: Lanes) -> state {
  let rank = subgroupMax(own.rank);
  return state(rank, joined_marks_across(select(NO_MARK, own.mark, own.rank == rank)));
}
