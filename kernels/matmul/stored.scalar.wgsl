// Operands as they are stored, element by element, for the rung that multiplies them so. Same names as stored.vec4.wgsl.
// Four elements are named by four indices; they are neighbours, or repeat the last one at an edge.
fn stored_a(i: vec4u) -> vec4<elem> { return vec4<elem>(a[i.x], a[i.y], a[i.z], a[i.w]); }
fn stored_b(i: vec4u) -> vec4<elem> { return vec4<elem>(b[i.x], b[i.y], b[i.z], b[i.w]); }
