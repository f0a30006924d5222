// Sums within a vector of four. Same functions as running.scalar.wgsl.

// Of each element and those before it; of those before it alone; of all.
fn running(p: vector32) -> vector32 {
  let pairs = p.x + p.y;
  return vec4f(p.x, pairs, pairs + p.z, pairs + (p.z + p.w));
}
fn shifted(sums: vector32) -> vector32 { return vec4f(0.0, sums.xyz); }
fn last_of(sums: vector32) -> f32 { return sums.w; }

// The vector read from its other end.
fn turned(p: vector32, is_turned: bool) -> vector32 { return select(p, p.wzyx, is_turned); }
