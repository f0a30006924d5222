// What softmax and its kin share. Linked with exp.wgsl and a vector.

// The lowest f32, with which the search for the largest begins.
const LEAST = -3.4028234e38;

// eˣ of a vector. The built-in exp makes 0 of NaN on some adapters, and max has hidden it already.
fn exp_of_vector(x: vector32) -> vector32 { return vector_of(exp_of_four(vec4f(x))); }
