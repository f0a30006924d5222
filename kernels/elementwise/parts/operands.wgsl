// The operands a and b of element i of the result: from memory, or the number that the program fixes in place of one.
// Which it is, A_FIXED and B_FIXED say when the program is built, so that it costs nothing. An operand that is repeated
// along an axis has stride 0 there.
// Linked with a kernel that declares params, a and b; with strided.wgsl and a vector.
// Constants: A_FIXED, B_FIXED: a, b is a number. RANK: axes of the result, merged beforehand.

fn extents() -> array<u32, 6> { return array(params.e0, params.e1, params.e2, params.e3, params.e4, params.e5); }

fn operand_a(i: u32) -> vec4f {
  if (A_FIXED) { return vec4f(params.a_fixed); }
  let strides = array(params.a0, params.a1, params.a2, params.a3, params.a4, params.a5);
  return vec4f(vector32(a[params.a_start + strided_offset(i, RANK, extents(), strides)]));
}

fn operand_b(i: u32) -> vec4f {
  if (B_FIXED) { return vec4f(params.b_fixed); }
  let strides = array(params.b0, params.b1, params.b2, params.b3, params.b4, params.b5);
  return vec4f(vector32(b[params.b_start + strided_offset(i, RANK, extents(), strides)]));
}
