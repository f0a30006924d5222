// The rows that are normalised: those of x; or, if APPENDED, sequences of `tokens` rows of x with one row of `appended` behind each,
// so that tokens and a message are normalised side by side and never copied together before. Linked with a vector.

@group(0) @binding(1) var<storage, read> x: array<vector>;          // [rows, vectors], or [sequences, tokens, vectors]
@group(0) @binding(2) var<storage, read> appended: array<vector>;   // [sequences, vectors]; anything unless APPENDED

// Where a row lies, in vectors.
struct Place { start: u32, is_appended: bool }

fn place_of(row: u32) -> Place {
  if (!APPENDED) { return Place(row * params.vectors, false); }
  let sequence = row / (params.tokens + 1u);
  let is_appended = row % (params.tokens + 1u) == params.tokens;
  return Place(select(row - sequence, sequence, is_appended) * params.vectors, is_appended);
}

fn x_at(place: Place, c: u32) -> vector32 {
  if (APPENDED && place.is_appended) { return vector32(appended[place.start + c]); }
  return vector32(x[place.start + c]);
}
