// Squared error, (x − t)².
fn loss(x: vec4f, t: vec4f) -> vec4f { return (x - t) * (x - t); }
fn derivative_of_x(x: vec4f, t: vec4f) -> vec4f { return 2.0 * (x - t); }
fn derivative_of_target(x: vec4f, t: vec4f) -> vec4f { return 2.0 * (t - x); }
