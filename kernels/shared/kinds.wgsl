// Windows come kind by kind, and there are up to eight kinds (partition.ts). What this is linked with has kind1 to
// kind7 among its `params`: the first window of each kind but the first, or a huge number where there is no such kind.

fn kind_of(window: u32) -> u32 {
  return u32(window >= params.kind1) + u32(window >= params.kind2) + u32(window >= params.kind3)
    + u32(window >= params.kind4) + u32(window >= params.kind5) + u32(window >= params.kind6)
    + u32(window >= params.kind7);
}
