// The gradient on its way back through an activation: dpre = dy · slope, element by element; the forward pass kept the slope.
// Once for both gradient products: read as a factor by each, the slope would be loaded again for every tile.
// A lane takes several packs, because on software adapters starting a lane costs as much as a load. Linked with a `pack`.

struct Params { packs: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<pack>;           // [...]
@group(0) @binding(2) var<storage, read> slope: array<pack>;        // shaped as `dy`
@group(0) @binding(3) var<storage, read_write> dpre: array<pack>;   // shaped as `dy`

const WORKGROUP = 64u;
const PACKS_PER_LANE = 4u;

@compute @workgroup_size(WORKGROUP)
fn slope_product(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = (group.y * groups.x + group.x) * WORKGROUP * PACKS_PER_LANE + lane;
  for (var j = 0u; j < PACKS_PER_LANE; j++) {
    let i = first + j * WORKGROUP;
    if (i < params.packs) { dpre[i] = pack(pack32(dy[i]) * pack32(slope[i])); }
  }
}
