/** Opens files of tensors by what they are, whatever they are called. */
import type { ByteSource } from './bytes.ts';
import { isPickled, openPickle } from './pickle/index.ts';
import { openSafetensors } from './safetensors.ts';
import type { TensorFile } from './tensor_file.ts';

export type { TensorFile } from './tensor_file.ts';

/** Bytes that tell the formats apart: safetensors begins with the length of its header, and the brace of that. */
const TELLING_BYTES = 9;
const BRACE = 0x7b;

/** A file of safetensors, or of PyTorch's in any of its layouts. Its sizes are checked, no tensor is read yet. */
export async function openTensors(source: ByteSource): Promise<TensorFile> {
  const start = await source.read(0, Math.min(TELLING_BYTES, source.size));
  const isSafetensors = start[TELLING_BYTES - 1] === BRACE || !isPickled(start);
  return isSafetensors ? openSafetensors(source) : openPickle(source);
}
