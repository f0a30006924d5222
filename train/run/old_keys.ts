/** Keys of earlier versions, as they are called now. */
import { isObject, type JsonObject } from '../../engine/json.ts';

/** `train.fixText` said whether the text encoder is frozen. */
const TUNE_OF: ReadonlyMap<unknown, string> = new Map([[true, 'visual'], [false, 'both']]);

/** A configuration in the keys of now. What an old key cannot have meant stays, and is told as any other mistake. */
export function withNewKeys(config: JsonObject): JsonObject {
  const { train } = config;
  if (!isObject(train) || !('fixText' in train) || 'tune' in train) return config;
  const { fixText, ...others } = train;
  const tune = TUNE_OF.get(fixText);
  return tune === undefined ? config : { ...config, train: { ...others, tune } };
}
