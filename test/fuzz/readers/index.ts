/** All readers of files from outside. */
import type { Reader } from '../reader.ts';
import { address } from './address.ts';
import { clipCache } from './cache.ts';
import { index, modelConfig, preprocessorConfig, processorConfig, runState } from './checkpoint.ts';
import { config } from './config.ts';
import { features, journal } from './features.ts';
import { fixture } from './fixtures.ts';
import { classInd, hmdb51, kinetics, labels, list, tableNames, texts, ucf101 } from './lists.ts';
import { network } from './network.ts';
import { pickle } from './pickle.ts';
import { png } from './picture.ts';
import { evaluation, found, lock, log, quarantine, result, tunings } from './run.ts';
import { safetensors } from './safetensors.ts';
import { added, mergeList, packedMerges, text, tokenizerConfig, tokenizerJson, vocabulary } from './tokenizer.ts';
import { container, frames } from './video.ts';

/** Last, and so with the time that others leave, are those of which a reason takes 100,000 tensors or more. */
export const READERS: readonly Reader[] = [modelConfig, preprocessorConfig, processorConfig, index, network,
  tokenizerJson, tokenizerConfig, vocabulary, mergeList, added, packedMerges, text, config, list, kinetics, ucf101,
  hmdb51, labels, classInd, tableNames, texts, container, frames, png, runState, log, quarantine, found, lock,
  evaluation, result, tunings, features, journal, fixture, clipCache, address, pickle, safetensors];
