// The rows that are normalised: those of x; or, if APPENDED, sequences of `tokens` rows of x with one row of `appended` behind each,
// so that tokens and a message are normalised side by side and never copied together before. Linked with a pack.

@group(0) @binding(1) var<storage, read> x: array<pack>;          // [rows, packs], or [sequences, tokens, packs]
@group(0) @binding(2) var<storage, read> appended: array<pack>;   // [sequences, packs]; anything unless APPENDED

// Where a row lies, in packs.
struct Place { start: u32, is_appended: bool }

fn place_of(row: u32) -> Place {
  if (!APPENDED) { return Place(row * params.packs, false); }
  let sequence = row / (params.tokens + 1u);
  let is_appended = row % (params.tokens + 1u) == params.tokens;
  return Place(select(row - sequence, sequence, is_appended) * params.packs, is_appended);
}

fn x_at(place: Place, c: u32) -> pack32 {
  if (APPENDED && place.is_appended) { return pack32(appended[place.start + c]); }
  return pack32(x[place.start + c]);
}
