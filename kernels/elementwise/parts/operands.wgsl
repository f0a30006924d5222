// The operands a and b: from memory, or the number that the program fixes in place of one. Which it is, A_FIXED and B_FIXED say when the program
// is built, so that it costs nothing. Linked with a kernel that declares params, a and b.

fn operand_a(at: u32) -> vec4f {
  if (A_FIXED) { return vec4f(params.a_fixed); }
  return vec4f(vector32(a[at]));
}

fn operand_b(at: u32) -> vec4f {
  if (B_FIXED) { return vec4f(params.b_fixed); }
  return vec4f(vector32(b[at]));
}
