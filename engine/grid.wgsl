// The number of a workgroup. A dimension of a grid may have 65,535 workgroups and no more, so a long grid is folded
// into rows when it is launched (kernel.ts). Linked into every program.
fn group_number(group: vec3u, groups: vec3u) -> u32 { return group.y * groups.x + group.x; }
