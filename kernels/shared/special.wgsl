// Numbers that comparisons, min, max, clamp and select may not see: adapters may compile them as if there were no NaN.
// Bits cannot be overlooked.

fn is_nan(x: vec4f) -> vec4<bool> { return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u); }

fn is_infinite(x: vec4f) -> vec4<bool> { return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) == vec4u(0x7f800000u); }

// 0 or −0, and no subnormal number, which some adapters take for 0.
fn is_zero(x: vec4f) -> vec4<bool> { return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) == vec4u(); }

// Below 0: −∞ too, but neither −0 nor a NaN with a sign.
fn is_negative(x: vec4f) -> vec4<bool> { return bitcast<vec4u>(x) - vec4u(0x80000001u) < vec4u(0x7f800000u); }

// NaN. WGSL refuses a constant one, so the bits come from `any` number: with all bits of the exponent and the first of
// the mantissa it is a NaN.
fn nan_of(any: vec4f) -> vec4f { return bitcast<vec4f>(bitcast<vec4u>(any) | vec4u(0x7fc00000u)); }

// The magnitude of the first with the sign of the second.
fn with_sign(magnitude: vec4f, sign: vec4f) -> vec4f {
  return bitcast<vec4f>((bitcast<vec4u>(magnitude) & vec4u(0x7fffffffu)) | (bitcast<vec4u>(sign) & vec4u(0x80000000u)));
}
