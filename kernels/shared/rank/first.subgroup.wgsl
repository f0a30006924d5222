// first.wgsl over the lanes of a subgroup.
fn joined_marks_across(mark: u32) -> u32 { return subgroupMin(mark); }
