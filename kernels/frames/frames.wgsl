// Video frames as decoders give them to normalised tensors, in one pass: I420 → RGB → resize of a crop → (rgb − mean) /
// std. Every tap of the resize is a whole RGB pixel, clamped to [0, 255]: the result is that of decoding to RGB first
// and resizing then. Chroma is sampled bilinearly; its samples sit in the centre of their four luma samples, as in
// MPEG-1 and JPEG. ITU-R BT.601-7 and BT.709-6, sections on quantisation. One pixel of the result after another. Bytes
// larger than a binding come in windows, each with the frames that begin in it. A frame that does not end in its window
// is NaN. Linked with engine/flat.wgsl, special.wgsl, and a part that says which pixels of the picture are seen:
// bilinear.wgsl, or antialiased.wgsl with a filter.

struct Params {
  n: u32, tile: u32, size: u32,             // pixels of y, of a workgroup, and of a side
  first: u32,                               // frame that y begins with
  first_byte: u32, own: u32, bytes: u32,    // of the window: where it begins, how far on the next does, its length
  mean_r: f32, mean_g: f32, mean_b: f32, std_r: f32, std_g: f32, std_b: f32,
}

// A frame, and which view is taken of it. Of the picture only the part that the view needs has its bytes here; places
// are those in the picture, so that they are rounded alike whatever is left out.
struct Entry {
  offset: u32, width: u32, height: u32,                               // where its bytes begin, and the picture's pixels
  left: u32, top: u32, columns: u32, rows: u32,                       // the part: from an even column and row on
  crop_x: f32, crop_y: f32, crop_width: f32, crop_height: f32,
  flip: u32,                                                          // 1 if it is mirrored
  matrix: u32,                                                        // 0 for BT.601, 1 for BT.709
  range: u32,                                                         // 0 for limited, 1 for full
}

@group(0) @binding(0) var<uniform> params: Params;
// bytes of the window, four to a word: planes Y, U, V of the part of each frame
@group(0) @binding(1) var<storage, read> packed: array<u32>;
@group(0) @binding(2) var<storage, read> table: array<Entry>;      // [frames]
@group(0) @binding(3) var<storage, read_write> y: array<result>;   // [frames, 3, size, size]

struct Frame {
  luma: u32,      // offset of the first byte of each plane
  blue: u32,
  red: u32,
  corner: vec2u,  // first column and row of the part
  columns: u32,
  chroma: vec2f,  // largest column and row of a chroma plane of the picture
  chroma_columns: u32,
  matrix: u32,
  range: u32,
}

@compute @workgroup_size(WORKGROUP)
fn frames(lanes: Lanes) {
  let area = params.size * params.size;
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let f = i / area;
    let at = i % area;
    let entry = table[params.first + f];
    let extent = vec2u(entry.width, entry.height);
    let half = (vec2u(entry.columns, entry.rows) + 1u) / 2u;
    let luma = entry.offset - params.first_byte;
    let blue = luma + entry.columns * entry.rows;
    let red = blue + half.x * half.y;
    if (entry.offset < params.first_byte || luma >= params.own) { continue; }   // in another window
    let frame = Frame(luma, blue, red, vec2u(entry.left, entry.top), entry.columns, vec2f((extent + 1u) / 2u - 1u),
      half.x, entry.matrix, entry.range);

    var pixel = vec2u(at % params.size, at / params.size);
    if (entry.flip != 0u) { pixel.x = params.size - 1u - pixel.x; }
    let mean = vec3f(params.mean_r, params.mean_g, params.mean_b);
    let deviation = vec3f(params.std_r, params.std_g, params.std_b);
    var value = (seen(frame, entry, vec2f(pixel)) - mean) / deviation;
    let length = red + half.x * half.y - luma;
    if (luma >= params.bytes || length > params.bytes - luma) { value = nan_of(vec4f(value, 0.0)).xyz; }
    for (var channel = 0u; channel < 3u; channel++) { y[(3u * f + channel) * area + at] = result(value[channel]); }
  }
}

// One pixel of a frame in [0, 255].
fn rgb(frame: Frame, at: vec2u) -> vec3f {
  let part = at - frame.corner;
  let luma = byte(frame.luma + part.y * frame.columns + part.x);
  let place = clamp(vec2f(at) * 0.5 - 0.25, vec2f(0.0), frame.chroma);
  let low = vec2u(place);
  let high = min(low + 1u, vec2u(frame.chroma));
  let between = place - vec2f(low);
  let top = mix(chroma(frame, low), chroma(frame, vec2u(high.x, low.y)), between.x);
  let bottom = mix(chroma(frame, vec2u(low.x, high.y)), chroma(frame, high), between.x);
  let c = (mix(top, bottom, between.y) - 128.0) * select(255.0 / 224.0, 1.0, frame.range == 1u);
  let l = select((luma - 16.0) * (255.0 / 219.0), luma, frame.range == 1u);
  let k = select(vec2f(0.114, 0.299), vec2f(0.0722, 0.2126), frame.matrix == 1u);   // weights of blue and red in luma
  let blue = 2.0 * (1.0 - k.x) * c.x;   // blue − luma
  let red = 2.0 * (1.0 - k.y) * c.y;    // red − luma
  let green = -(k.x * blue + k.y * red) / (1.0 - k.x - k.y);
  return clamp(l + vec3f(red, green, blue), vec3f(0.0), vec3f(255.0));
}

// One sample of both chroma planes.
fn chroma(frame: Frame, at: vec2u) -> vec2f {
  let part = at - frame.corner / 2u;
  let offset = part.y * frame.chroma_columns + part.x;
  return vec2f(byte(frame.blue + offset), byte(frame.red + offset));
}

fn byte(offset: u32) -> f32 { return f32(extractBits(packed[offset / 4u], offset % 4u * 8u, 8u)); }
