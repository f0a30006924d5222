// Philox4x32-10, a counter-based random number generator. Salmon et al. 2011, "Parallel random numbers: as easy as 1,
// 2, 3", section 3.3. Four uniform 32-bit words for a 128-bit counter and a 64-bit key; the same words as
// engine/random.ts.

// The 64-bit product a · b as (low, high): WGSL multiplies to 32 bits only, so it is put together from 16-bit halves.
fn wide_product(a: u32, b: u32) -> vec2u {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle1 = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let middle2 = (a & 0xffffu) * (b >> 16u) + (middle1 & 0xffffu);
  return vec2u(a * b, (a >> 16u) * (b >> 16u) + (middle1 >> 16u) + (middle2 >> 16u));
}

fn philox(counter: vec4u, key: vec2u) -> vec4u {
  var x = counter;
  var k = key;
  for (var round = 0; round < 10; round++) {
    let p0 = wide_product(0xd2511f53u, x.x);
    let p1 = wide_product(0xcd9e8d57u, x.z);
    x = vec4u(p1.y ^ x.y ^ k.x, p1.x, p0.y ^ x.w ^ k.y, p0.x);
    k += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return x;
}
