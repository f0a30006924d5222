// sum.wgsl over the lanes of a row. All of them must call it.
fn across(own: state, lanes: Lanes) -> state { return row_sum(own, lanes); }
