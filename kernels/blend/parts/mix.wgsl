// What is drawn for a batch: how much is kept of each sample, and of its label; and the box, in pixels from its first
// to before its last.

struct Mix { keep: f32, x1: f32, y1: f32, x2: f32, y2: f32, keep_label: f32 }
