// Where an element lies when the axes of a tensor are not in the order of memory: transposed, repeated or cut.

/// Offset of element i of a row-major index space whose axes have these extents and strides, innermost axis first.
/// `rank` is a constant where it is called, so that the loop unrolls; the outermost extent is never asked for.
fn strided_offset(i: u32, rank: u32, extents: array<u32, 6>, strides: array<u32, 6>) -> u32 {
  var rest = i;
  var offset = 0u;
  for (var axis = 0u; axis + 1u < rank; axis++) {
    offset += (rest % extents[axis]) * strides[axis];
    rest /= extents[axis];
  }
  return offset + rest * strides[rank - 1u];
}
