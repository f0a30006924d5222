// What a pixel of the result shows: the colour between the four nearest pixels of the crop, with half-pixel centres, as
// OpenCV's INTER_LINEAR. However far the picture is reduced, four pixels are seen. Taps do not leave the crop.
fn seen(frame: Frame, entry: Entry, pixel: vec2f) -> vec3f {
  let corner = vec2f(entry.crop_x, entry.crop_y);
  let crop = vec2f(entry.crop_width, entry.crop_height);
  let last = min(ceil(corner + crop), vec2f(vec2u(entry.width, entry.height))) - 1.0;
  let place = clamp(corner + (pixel + 0.5) * (crop / f32(params.size)) - 0.5, floor(corner), last);
  let low = vec2u(place);
  let high = min(low + 1u, vec2u(last));
  let between = place - vec2f(low);
  // taps of weight 0 are not fetched: where nothing is resized, that is three of four
  var colour = rgb(frame, low);
  if (between.x > 0.0) { colour = mix(colour, rgb(frame, vec2u(high.x, low.y)), between.x); }
  if (between.y > 0.0) {
    var below = rgb(frame, vec2u(low.x, high.y));
    if (between.x > 0.0) { below = mix(below, rgb(frame, high), between.x); }
    colour = mix(colour, below, between.y);
  }
  return colour;
}
