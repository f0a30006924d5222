// Quotients without a division, which takes software adapters and GPUs some twenty times as long as a product.

// ⌊n / d⌋ by the reciprocal of d. Rounding moves (n + ½) / d by less than its distance to a whole number where n < 2²².
fn quotient(n: vec4u, reciprocal: f32) -> vec4u { return vec4u(vec4i((vec4f(vec4i(n)) + 0.5) * reciprocal)); }
