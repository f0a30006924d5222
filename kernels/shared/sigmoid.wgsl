// σ(x) = 1 / (1 + e⁻ˣ), from e^−|x|, which is never large: σ(x) = 1 / (1 + e^−|x|) for x ≥ 0, and e^−|x| / (1 + e^−|x|)
// below. NaN stays NaN. Each tail is computed as a tail: 1 − σ(x) = σ(−x) keeps its digits. Linked with exp.wgsl.

fn sigmoid_of_four(x: vec4f) -> vec4f {
  let e = exp_of_four(-abs(x));
  return select(vec4f(1.0), e, x < vec4f()) / (1.0 + e);
}
