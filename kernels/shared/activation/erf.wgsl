// GELU, exact form: y = x · Φ(x), Φ(x) = (1 + erf(x/√2)) / 2. Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2.

// Φ(−|x|), the lower tail, by Abramowitz & Stegun 7.1.26 (error of erf at most 1.5e-7): computed as a tail, it keeps its
// relative precision where 1 + erf would cancel. exp(-x²/2) underflows to 0 by itself; x² is held finite.
fn lower_tail(x: f32) -> f32 {
  let a = min(abs(x), 20.0) * 0.70710678;
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return 0.5 * poly * exp(-a * a);
}

fn cumulative(x: f32) -> f32 {
  let tail = lower_tail(x);
  return select(tail, 1.0 - tail, x > 0.0);
}

fn activation(x: f32) -> f32 { return x * cumulative(x); }

fn activation_slope(x: f32) -> f32 {
  let held = clamp(x, -20.0, 20.0);
  return cumulative(x) + held * 0.39894228 * exp(-0.5 * held * held);
}
