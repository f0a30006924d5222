// The sum over the lanes of a row, for reduce/rows.wgsl. All of them must call it.
fn across(own: state, lanes: Lanes) -> state { return row_sum(own, lanes); }
