// The rows that are normalised: sequences of `tokens` rows of x with one row of `appended` behind each, so that tokens
// and a message are normalised side by side and never copied together before. Same functions as rows.plain.wgsl.

@group(0) @binding(1) var<storage, read> x: array<vector>;          // [sequences, tokens, cols]
@group(0) @binding(2) var<storage, read> appended: array<vector>;   // [sequences, cols]

// Where a row lies, in vectors of x or of `appended`.
struct Place { start: u32, is_appended: bool }

fn place_of(row: u32) -> Place {
  let sequence = row / (params.tokens + 1u);
  let is_appended = row % (params.tokens + 1u) == params.tokens;
  return Place(select(row - sequence, sequence, is_appended) * (params.cols / VECTOR), is_appended);
}

fn x_at(place: Place, c: u32) -> vector32 {
  if (place.is_appended) { return vector32(appended[place.start + c]); }
  return vector32(x[place.start + c]);
}
