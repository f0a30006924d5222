// Of places of a grid, numbered with the last axis fastest: their own numbers, and those of the row, the plane and the
// frame that each lies in. In a picture with steps S, R, P and F from place to place, row to row, plane to plane and
// frame to frame, a place lies at a sum of the four: with w places in a row, h rows in a plane and d planes in a frame,
//   column · S + row · R + plane · P + frame · F = n · S + ⌊n/w⌋ · (R − wS) + ⌊n/wh⌋ · (P − hR) + ⌊n/whd⌋ · (F − dP)
// The four factors come with the call. Some are negative: all of this is counted modulo 2³².
struct Places { own: vec4u, row: vec4u, plane: vec4u, frame: vec4u }

// Whether places follow each other in a picture without a gap, so that no quotient counts.
fn are_even(row: u32, plane: u32, frame: u32) -> bool { return (row | plane | frame) == 0u; }
