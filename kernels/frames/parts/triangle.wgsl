// The filter of a bilinear resize.
const REACH = 1.0;
fn weight(x: f32) -> f32 { return max(1.0 - abs(x), 0.0); }
