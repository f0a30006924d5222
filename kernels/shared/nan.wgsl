// NaN, for a result that cannot be told. WGSL refuses a constant NaN, so the bits come from a number that only the running program knows:
// whatever `any` is, an exponent of all ones with the highest bit of the mantissa set is a NaN.
fn not_a_number(any: u32) -> f32 { return bitcast<f32>(0x7fc00000u | any); }
