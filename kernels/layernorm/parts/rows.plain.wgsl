// The rows that are normalised: those of x. Same functions as rows.appended.wgsl.

@group(0) @binding(1) var<storage, read> x: array<vector>;   // [rows, cols]

// Where a row lies in x: its first vector.
alias Place = u32;

fn place_of(row: u32) -> Place { return row * (params.cols / VECTOR); }

fn x_at(place: Place, c: u32) -> vector32 { return vector32(x[place + c]); }
