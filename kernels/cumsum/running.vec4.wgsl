// Sums within a pack of four. Same functions as running.scalar.wgsl.

// Of each element and those before it; of those before it alone; of all.
fn running(p: pack32) -> pack32 {
  let pairs = p.x + p.y;
  return vec4f(p.x, pairs, pairs + p.z, pairs + (p.z + p.w));
}
fn shifted(sums: pack32) -> pack32 { return vec4f(0.0, sums.xyz); }
fn last_of(sums: pack32) -> f32 { return sums.w; }

// The pack read from its other end.
fn turned(p: pack32, is_turned: bool) -> pack32 { return select(p, p.wzyx, is_turned); }
