// What a pixel of the result shows: all pixels of the picture under a filter that is stretched as far as the picture is
// reduced, each counted by its weight, and the sum divided by that of the weights, as Pillow's resize and torchvision's
// with antialias do. Rows first, then columns, both clamped to [0, 255] as 8 bits would be. Taps leave the crop, for
// the picture is resized before it is cut, but not the picture. Linked with a filter: REACH, and weight(x).
fn seen(frame: Frame, entry: Entry, pixel: vec2f) -> vec3f {
  let step = vec2f(entry.crop_width, entry.crop_height) / f32(params.size);   // from a pixel of the result to the next
  let centre = vec2f(entry.crop_x, entry.crop_y) + (pixel + 0.5) * step;
  let stretch = max(step, vec2f(1.0));
  let low = vec2u(max(floor(centre - REACH * stretch), vec2f(0.0)));
  let end = vec2u(min(ceil(centre + REACH * stretch), vec2f(vec2u(entry.width, entry.height))));
  var column = vec3f(0.0);
  var of_rows = 0.0;
  for (var v = low.y; v < end.y; v++) {
    let down = weight((f32(v) + 0.5 - centre.y) / stretch.y);
    if (down == 0.0) { continue; }
    var row = vec3f(0.0);
    var of_columns = 0.0;
    for (var u = low.x; u < end.x; u++) {
      let across = weight((f32(u) + 0.5 - centre.x) / stretch.x);
      row += across * rgb(frame, vec2u(u, v));
      of_columns += across;
    }
    column += down * clamp(row / of_columns, vec3f(0.0), vec3f(255.0));
    of_rows += down;
  }
  return clamp(column / of_rows, vec3f(0.0), vec3f(255.0));
}
