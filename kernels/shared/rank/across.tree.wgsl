// The highest rank over the lanes of a row, which are a workgroup, with the marks of its elements joined. All of them
// must call it.
var<workgroup> states: array<state, WORKGROUP>;

fn across(own: state, lanes: Lanes) -> state {
  states[lanes.lane] = own;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();   // the upper half must be written before the lower half reads it
    if (lanes.lane < half) { states[lanes.lane] = combine(states[lanes.lane], states[lanes.lane + half]); }
  }
  return workgroupUniformLoad(&states[0]);   // its barriers keep the states until all have read them
}
