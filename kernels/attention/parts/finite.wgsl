// What is not finite, told by its bits. Compilers may take it that numbers are never NaN or infinite: comparisons, max
// and select then let NaN pass for a number, and x != x is folded to false. Linked with shared/vector/*.wgsl
// (`vector32`).

const INFINITY_BITS = 0x7f800000u;   // but for the sign, numbers have less, and NaN has more
const NAN_BITS = 0x7fc00000u;

// The bits but for the sign: their max, unlike that of numbers, never lets go of NaN.
fn reach_of(x: vec4f) -> vec4u { return bitcast<vec4u>(x) & vec4u(0x7fffffffu); }

fn is_not_finite(x: vec4f) -> bool { return any(reach_of(x) >= vec4u(INFINITY_BITS)); }

// x, or NaN where the reach of something says that it is not finite.
fn unless_flawed(x: vec4f, reach: vec4u) -> vec4f {
  return select(x, bitcast<vec4f>(reach | vec4u(NAN_BITS)), reach >= vec4u(INFINITY_BITS));
}

// x, and 0 where it is not finite: what hidden keys and queries hold must not be felt, and 0 · NaN is NaN.
fn sound(x: vec4f) -> vec4f { return select(x, vec4f(), reach_of(x) >= vec4u(INFINITY_BITS)); }
fn sound_vector(p: vector32) -> vector32 { return vector_of(sound(vec4f(p))); }

// x, and 0 where its weight w is exactly 0, as it is for hidden keys alone.
fn felt(w: vec4f, x: vec4f) -> vec4f { return select(x, vec4f(), bitcast<vec4u>(w) == vec4u()); }

// w, or what is not finite about x.
fn flawed_as(w: vec4f, x: vec4f) -> vec4f { return select(w, x, reach_of(x) >= vec4u(INFINITY_BITS)); }
