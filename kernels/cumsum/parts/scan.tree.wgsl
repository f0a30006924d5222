// Sums over the lanes of a row, which are a workgroup: over those before this one, and over all, in scratch of
// row/tree.wgsl. After step s a lane has the sum of the 2ˢ lanes up to itself. Hillis & Steele 1986,
// doi:10.1145/7902.7903. All of them must call it. Same function as scan.subgroup.wgsl.
struct Scan { before: f32, total: f32 }

fn row_scan(value: f32, lanes: Lanes) -> Scan {
  let lane = lanes.lane;
  var sum = value;
  for (var reach = 1u; reach < WORKGROUP; reach *= 2u) {
    scratch[lane].x = sum;
    workgroupBarrier();   // all must be written before any is read
    if (lane >= reach) { sum += scratch[lane - reach].x; }
    workgroupBarrier();   // and read before any is written again
  }
  scratch[lane].x = sum;
  // its barriers show the others' sums, and keep scratch until the next tile
  let total = workgroupUniformLoad(&scratch[WORKGROUP - 1u]).x;
  var before = 0.0;
  if (lane > 0u) { before = scratch[lane - 1u].x; }
  workgroupBarrier();   // read before the next tile writes
  return Scan(before, total);
}
